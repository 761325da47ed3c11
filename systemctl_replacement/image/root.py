"""The root file system of an image: paths inside it, followed as they would be there."""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement.image.errors import ImageError

_LINKS = 40  # as in the kernel


class Root:
    """An image's root directory, "" for the running system's. Links in it never lead out of it."""

    def __init__(self, directory: str) -> None:
        full = os.path.abspath(directory) if directory else ""
        self.directory = "" if full == "/" else full

    @property
    def shown(self) -> str:
        """The directory, for messages."""
        return self.directory or "/"

    def resolve(self, path: str) -> str:
        """The same path without links above its last component. What does not exist is taken as it is.

        An absolute link leads to a place in the image. OSError (ELOOP).
        """
        directory, _, name = path.rpartition("/")
        todo = [part for part in directory.split("/") if part][::-1]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == ".":
                continue
            if part == "..":
                del done[-1:]
                continue
            here = "/".join(["", *done, part])
            text = self._link_at(here)
            if text is None:
                done.append(part)
                continue
            links += 1
            if links > _LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self.directory + path)
            if text.startswith("/"):
                done.clear()
            todo.extend([step for step in text.split("/") if step][::-1])
        return "/".join(["", *done, name])

    def at(self, path: str) -> str:
        """Where a path of the image is for us. Its last component may be a link."""
        return self.directory + self.resolve(path)

    def _link_at(self, path: str) -> str | None:
        try:
            return os.readlink(self.directory + path)
        except OSError:
            return None

    def has(self, path: str) -> bool:
        """Whether there is anything at a path, if only a dangling link."""
        return os.path.lexists(self.at(path))

    def read(self, path: str, limit: int = -1) -> bytes | None:
        """The contents of a regular file, no more than its first `limit` bytes. None if there is none, or a link."""
        try:
            descriptor = os.open(self.at(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
                return None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(limit)

    def link_text(self, path: str) -> str | None:
        """The text of a link, None if there is none."""
        return self._link_at(self.resolve(path))

    def check(self) -> None:
        """Raise ImageError unless there is a directory."""
        if self.directory and not os.path.isdir(self.directory):
            raise ImageError(f"no directory {self.directory}")
