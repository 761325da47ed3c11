"""Paths and trees that somebody else has made, and may change meanwhile: no link of theirs is ever followed.

A tree may be nested deeper than any recursion, path or number of open descriptors goes: the walk goes down and up one
directory at a time.
"""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Visit = Callable[[int, str], object]
    Enter = Callable[[os.stat_result], bool]

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Who may not read a directory may pass it all the same.
_PASS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_parent(path: str, make: bool = False) -> tuple[int, str]:
    """A descriptor of the directory that an absolute path is in, and the last part of the path.

    With `make` the directories that are missing are made. A link is followed only where it and its directory belong to
    root or to us: whoever owns a directory on the way could lead us anywhere. OSError ELOOP or ENOTDIR otherwise.
    """
    *parts, last = [part for part in path.split("/") if part]
    fd = os.open("/", OPEN_DIRECTORY)
    try:
        for part in parts:
            below = _open_part(fd, part, make)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd, last


def _open_part(fd: int, name: str, make: bool) -> int:
    try:
        return os.open(name, _PASS, dir_fd=fd)
    except FileNotFoundError:
        if not make:
            raise
        make_directory(fd, name, 0o755)
        return os.open(name, _PASS, dir_fd=fd)
    except OSError:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        ours = (0, os.geteuid())
        if stat.S_ISLNK(status.st_mode) and status.st_uid in ours and os.fstat(fd).st_uid in ours:
            return os.open(name, _PASS & ~os.O_NOFOLLOW, dir_fd=fd)
        raise


def make_directory(fd: int, name: str, mode: int) -> bool:
    """Makes a directory in another; whether it was not there. OSError, ENOTDIR if there is something else."""
    try:
        os.mkdir(name, mode, dir_fd=fd)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
        return False
    return True


def remove(path: str) -> None:
    """Removes a file, link or directory with all below it; what is gone already is no error. OSError otherwise."""
    try:
        above, name = open_parent(path)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=above)
            return
        fd = os.open(name, OPEN_DIRECTORY, dir_fd=above)
        try:
            walk(fd, _unlink, _rmdir)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=above)
    except FileNotFoundError:
        return
    finally:
        os.close(above)


def remove_link(path: str) -> None:
    """Removes a link; anything else is left, and no error. OSError otherwise."""
    try:
        above, name = open_parent(path)
    except FileNotFoundError:
        return
    try:
        if stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=above)
    except FileNotFoundError:
        return
    finally:
        os.close(above)


def _unlink(fd: int, name: str) -> None:
    os.unlink(name, dir_fd=fd)


def _rmdir(fd: int, name: str) -> None:
    os.rmdir(name, dir_fd=fd)


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
