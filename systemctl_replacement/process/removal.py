"""Recursive removal of runtime directories in a separate process. Symbolic links are never followed."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.tree_walk import remove, remove_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def begin(paths: Iterable[str], links: Iterable[str]) -> int:
    """Fork a child that removes directories and links to them. Returns its pid. OSError if the fork fails."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        # No descriptor of the parent stays open, or the manager would not notice its death. The removal ends with it.
        syscalls.close_all_except((0, 1, 2))
        syscalls.die_with_parent()
        if os.getppid() == parent:
            status = _run(paths, links)
    finally:
        os._exit(status)


def _run(paths: Iterable[str], links: Iterable[str]) -> int:
    """Remove each path. One that cannot be removed does not keep the others."""
    status = 0
    for path, remove_one in (*((path, remove) for path in paths), *((link, remove_link) for link in links)):
        try:
            remove_one(path)
        except OSError:
            status = 1
    return status
