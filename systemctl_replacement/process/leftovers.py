"""Removes what a previous run of the container left of a unit in /run. No link is followed, no mount point crossed.

What cannot be removed stays. If it is in the way of the unit's program, that says so.
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
    """Remove the stale PID file and runtime files. Directories stay."""
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
    """Call `use` with a directory below /run, reached through no symbolic link and on the file system of /run."""
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
    # Directories stay: `mkdir -p` in an entry point does not change one that exists.
    device = os.fstat(fd).st_dev
    walk(fd, lambda above, name: _clear_file(above, name, before), lambda *_: None, lambda it: it.st_dev == device)


def _clear_file(above: int, name: str, before: int) -> None:
    status = os.stat(name, dir_fd=above, follow_symlinks=False)
    if status.st_ctime_ns < before and not stat.S_ISDIR(status.st_mode):
        try:
            os.unlink(name, dir_fd=above)
        except OSError:
            return  # another user's, or a mount point
