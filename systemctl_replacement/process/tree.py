"""Walking a tree that somebody else has made, and may change meanwhile: links are never followed.

It may be nested deeper than any recursion, path or number of open descriptors goes: the walk goes down and up one
directory at a time.
"""

from __future__ import annotations

import errno
import os
import stat

from .. import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Visit = Callable[[int, str], object]
    Enter = Callable[[os.stat_result], bool]

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def walk(fd: int, file: Visit, directory: Visit, enter: Enter | None = None) -> None:
    """Visits everything below the directory `fd`, with the descriptor of the directory it is in and its name.

    `directory` is called when all below it was visited; where `enter`, given its status, says no, it is left out with
    all below it. What vanishes before its visit is left out; a visit may raise FileNotFoundError. OSError otherwise,
    ESTALE if a directory was moved out of the tree while the walk was in it.
    """
    # Of the way down only names and identities are kept: ".." leads back up.
    way: list[tuple[str, tuple[int, int], list[str]]] = []
    fd = os.dup(fd)
    left = os.listdir(fd)
    try:
        while True:
            below = _visit_files(fd, left, file, enter)
            if below is not None:
                name, opened = below
                way.append((name, syscalls.file_identity(fd), left))
                os.close(fd)
                fd, left = opened, os.listdir(opened)
            elif way:
                name, expected, left = way.pop()
                above = os.open("..", OPEN_DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = above
                if syscalls.file_identity(fd) != expected:
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), name)
                try:
                    directory(fd, name)
                except FileNotFoundError:
                    continue
            else:
                return
    finally:
        os.close(fd)


def _visit_files(fd: int, names: list[str], file: Visit, enter: Enter | None) -> tuple[str, int] | None:
    """Visits what the names stand for, taking them out, until one is a directory, which is opened; else None."""
    while names:
        name = names.pop()
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                file(fd, name)
            elif enter is None or enter(status):
                return name, os.open(name, OPEN_DIRECTORY, dir_fd=fd)
        except FileNotFoundError:
            continue
    return None
