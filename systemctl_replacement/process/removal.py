"""Recursive removal of runtime directories, in a process of its own: links are never followed."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.tree_walk import remove, remove_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def begin(paths: Iterable[str], links: Iterable[str]) -> int:
    """Removes directories and links to them in a child of its own; its pid. OSError if there can be none."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        # Nothing of the parent stays open: the manager would not notice its death, with which the removal ends, too.
        syscalls.close_all_except((0, 1, 2))
        syscalls.die_with_parent()
        if os.getppid() == parent:
            status = _run(paths, links)
    finally:
        os._exit(status)


def _run(paths: Iterable[str], links: Iterable[str]) -> int:
    """What cannot be removed does not keep the rest."""
    status = 0
    for path, remove_one in (*((path, remove) for path in paths), *((link, remove_link) for link in links)):
        try:
            remove_one(path)
        except OSError:
            status = 1
    return status
