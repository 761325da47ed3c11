"""Removing what an earlier life of the container has left of a unit in /run: through no link, and in no other mount.

Whatever cannot be removed is left: the unit's own program says then what it stumbles upon.
"""

from __future__ import annotations

import os
import stat

from systemctl_replacement.defaults import PRIVATE
from systemctl_replacement.process.step import APPLIED
from systemctl_replacement.tree_walk import OPEN_DIRECTORY, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.exec_spec import LeftoverFiles
    from systemctl_replacement.process.step import Outcome

_RUN = "/run"
_ALIASES = ("/run/", "/var/run/")


def remove_leftovers(child: Child) -> Outcome:
    """Removes the PID file, and what are no directories in the directories, if it last changed before that time."""
    if child.spec.leftovers is not None:
        _clear(child.spec.leftovers)
    return APPLIED


def _clear(leftovers: LeftoverFiles) -> None:
    before = leftovers.before * 1000
    for name in leftovers.directories:
        for names in (name.split("/"), [PRIVATE, *name.split("/")]):
            _with_directory(names, lambda fd: _clear_directory(fd, before))
    path = leftovers.pid_file
    for alias in _ALIASES:
        if path.startswith(alias):
            *names, last = path[len(alias) :].split("/")
            _with_directory(names, lambda fd, last=last: _clear_file(fd, last, before))


def _with_directory(names: list[str], use: Any) -> None:
    """Calls ``use`` with a directory below /run, to which no link leads, and which is no mount of its own."""
    try:
        fd = os.open(_RUN, OPEN_DIRECTORY)
    except OSError:
        return
    try:
        device = os.fstat(fd).st_dev
        for name in names:
            if name in ("", ".", ".."):
                return
            above, fd = fd, os.open(name, OPEN_DIRECTORY, dir_fd=fd)
            os.close(above)
            if os.fstat(fd).st_dev != device:
                return
        use(fd)
    except OSError:
        return
    finally:
        os.close(fd)


def _clear_directory(fd: int, before: int) -> None:
    # Directories stay: an entry point's `mkdir -p` does not touch one that is there.
    device = os.fstat(fd).st_dev
    walk(fd, lambda above, name: _clear_file(above, name, before), lambda *_: None, lambda it: it.st_dev == device)


def _clear_file(above: int, name: str, before: int) -> None:
    status = os.stat(name, dir_fd=above, follow_symlinks=False)
    if status.st_ctime_ns < before and not stat.S_ISDIR(status.st_mode):
        try:
            os.unlink(name, dir_fd=above)
        except OSError:
            return  # not ours, or a mount
