"""Paths and trees that somebody else has made and may be changing: none of their links is ever followed.

A tree may be nested deeper than the limits of recursion, path length or open descriptors, so the walk goes down and up
one directory at a time.
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
# A directory that we may not read can still be passed through.
_PASS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40  # as in the kernel
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Umask:
    """While it is entered, files are made with exactly the given mode, or less."""

    def __init__(self, mode: int) -> None:
        self._mode = mode

    def __enter__(self) -> None:
        self._before = os.umask(~self._mode & 0o777)

    def __exit__(self, *_error: object) -> None:
        os.umask(self._before)


def open_parent(path: str, make: bool = False, mode: int = 0o755) -> tuple[int, str]:
    """A descriptor of the directory that contains an absolute path, and the last part of the path.

    With `make`, missing directories are created, with this mode. A link is followed only if it and its directory belong
    to root or to us, because the owner of a directory on the way could lead us anywhere. OSError ELOOP or ENOTDIR
    otherwise.
    """
    fd, last, _is_firm = open_way(path, make, mode)
    return fd, last


def open_way(path: str, make: bool = False, mode: int = 0o755) -> tuple[int, str, bool]:
    """As :func:`open_parent`, and whether the way is firm: nobody but root or us can replace a directory or a link on
    it, so that the path leads to the same directory again."""
    *parts, last = [part for part in path.split("/") if part]
    left, links, is_firm = parts[::-1], 0, True
    fd = os.open("/", OPEN_DIRECTORY)
    try:
        while left:
            part = left.pop()
            try:
                below = _open_part(fd, part, make and not links, mode)
            except OSError:
                target = _trusted_link(fd, part)
                links += 1
                if not target or links > _MOST_LINKS:
                    raise
                left += _parts(target)
                below = os.open("/", OPEN_DIRECTORY) if target.startswith("/") else os.dup(fd)
                is_firm = is_firm and _keeps(fd, is_ours=True)
            else:
                is_firm = is_firm and _keeps(fd, is_ours=_is_ours(os.fstat(below)))
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd, last, is_firm


def _open_part(fd: int, name: str, make: bool, mode: int) -> int:
    try:
        return os.open(name, _PASS, dir_fd=fd)
    except FileNotFoundError:
        if not make:
            raise
        make_directory(fd, name, mode)
        return os.open(name, _PASS, dir_fd=fd)


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _keeps(fd: int, is_ours: bool) -> bool:
    """Whether nobody but root or us can replace an entry of a directory; is_ours: it belongs to one of these."""
    status = os.fstat(fd)
    if not _is_ours(status):
        return False
    return not status.st_mode & _OTHERS_WRITE or (is_ours and bool(status.st_mode & stat.S_ISVTX))


def make_directory(fd: int, name: str, mode: int) -> bool:
    """Create a directory in another one. Returns whether it is new. OSError, ENOTDIR if something else has the name."""
    try:
        os.mkdir(name, mode, dir_fd=fd)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
        return False
    return True


def make_directories(path: str, mode: int, root: str = "") -> None:
    """Create a directory below a root, and those above it that are missing, with exactly this mode. OSError.

    Links are followed as `open_parent` does, and never lead out of the root.
    """
    left = _parts(path)
    above = [os.open(root or "/", OPEN_DIRECTORY)]
    links = 0
    before = os.umask(0)
    try:
        while left:
            part = left.pop()
            if part == "..":
                if len(above) > 1:
                    os.close(above.pop())
                continue
            try:
                make_directory(above[-1], part, mode)
                above.append(os.open(part, _PASS, dir_fd=above[-1]))
            except OSError:
                target = _trusted_link(above[-1], part)
                links += 1
                if not target or links > _MOST_LINKS:
                    raise
                while target.startswith("/") and len(above) > 1:
                    os.close(above.pop())
                left += _parts(target)
    finally:
        os.umask(before)
        for fd in above:
            os.close(fd)


def _parts(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _trusted_link(fd: int, name: str) -> str:
    """Where a link leads that only root or we can have made; "" if it is none."""
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        trusted = stat.S_ISLNK(status.st_mode) and _is_ours(status) and _is_ours(os.fstat(fd))
        return os.readlink(name, dir_fd=fd) if trusted else ""
    except OSError:
        return ""


def remove(path: str) -> None:
    """Remove a file, a link, or a directory with everything below it. If it is gone already, that is no error."""
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
    """Remove a link. Anything else is left in place, which is no error."""
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
    """Visit everything below the directory `fd`. A visit gets the descriptor of the containing directory, and the name.

    `directory` is called after everything below it was visited. If `enter`, which gets its status, says no, the
    directory and everything below it are left out. What vanishes before its visit is left out too; a visit may raise
    FileNotFoundError. OSError otherwise, ESTALE if a directory was moved out of the tree while the walk was in it.
    """
    # Only names and identities are kept of the way down; ".." leads back up.
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
    """Visit the names and remove them from the list, until one is a directory to enter, which is opened."""
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
