"""Recursive removal of runtime directories, in a process of its own: links are never followed.

What is removed was made by a service, which may have nested it deeper than any recursion, path or number of open
descriptors goes: the walk goes down and up one directory at a time.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str) -> None:
    """Removes a file, link or directory with all below it; what is gone already is no error. OSError otherwise."""
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        return
    _empty(fd)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return


def _empty(fd: int) -> None:
    """Removes everything below a directory, and closes it. OSError.

    Of the way down only names and identities are kept: ".." leads back up, unless somebody moved a directory meanwhile.
    """
    way: list[tuple[str, tuple[int, int], list[str]]] = []
    left = os.listdir(fd)
    try:
        while True:
            name = _remove_files(fd, left)
            if name is not None:
                below = os.open(name, _FLAGS, dir_fd=fd)
                way.append((name, _identity(fd), left))
                fd, left = _replace(fd, below), os.listdir(below)
            elif way:
                name, expected, left = way.pop()
                fd = _replace(fd, os.open("..", _FLAGS, dir_fd=fd))
                if _identity(fd) != expected:
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), name)
                os.rmdir(name, dir_fd=fd)
            else:
                return
    finally:
        os.close(fd)


def _replace(old: int, new: int) -> int:
    os.close(old)
    return new


def _remove_files(fd: int, names: list[str]) -> str | None:
    """Removes what the names stand for, taking them out, until one is a directory: that name, None if there is none."""
    while names:
        name = names.pop()
        try:
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                return name
            os.unlink(name, dir_fd=fd)
        except FileNotFoundError:
            continue
    return None


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def run(paths: Iterable[str]) -> NoReturn:
    """The life of the removing child: what cannot be removed does not keep the rest."""
    status = 0
    for path in paths:
        try:
            remove(path)
        except OSError:
            status = 1
    os._exit(status)
