"""Recursive removal of runtime directories, in a process of its own: links are never followed."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn


def remove(path: str, directory_fd: int | None = None) -> None:
    """Removes a file, link or directory with all below it; what is gone already is no error. OSError otherwise."""
    try:
        mode = os.stat(path, dir_fd=directory_fd, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(mode):
            os.unlink(path, dir_fd=directory_fd)
            return
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)
        try:
            for name in os.listdir(fd):
                remove(name, fd)
        finally:
            os.close(fd)
        os.rmdir(path, dir_fd=directory_fd)
    except FileNotFoundError:
        return


def run(paths: Iterable[str]) -> NoReturn:
    """The life of the removing child: what cannot be removed does not keep the rest."""
    status = 0
    for path in paths:
        try:
            remove(path)
        except OSError:
            status = 1
    os._exit(status)
