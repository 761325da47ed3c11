"""The file system below a root as the install verbs see it: links never lead out of it, planned changes already show.

systemd lets the kernel resolve links, so a link in an image (`/etc -> /mnt/etc`) makes `--root=` write to the host.
Here each link is resolved inside the root. Planned links are laid over what is on disk, so that a whole plan is made
before anything is touched.
"""

from __future__ import annotations

import errno
import os
import stat

_LINKS_MAX = 32


class PlannedTree:
    """The tree below `root` ("" is the real root). All paths are absolute inside it; nothing on disk is changed."""

    def __init__(self, root: str = "") -> None:
        self.root = "" if root == "/" else root.rstrip("/")
        self._planned: dict[str, str | None] = {}
        self._directories: dict[str, str] = {}

    def chase(self, path: str) -> str:
        """`path` with every link resolved. Components that do not exist stay as they are. OSError(ELOOP) for a loop."""
        done = ""
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            target = self._link(f"{done}/{part}")
            if target is None:
                done = f"{done}/{part}"
                continue
            links += 1
            if links > _LINKS_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                done = ""
            todo.extend(target.split("/")[::-1])
        return done or "/"

    def locate(self, path: str) -> str:
        """The canonical path of a name: its directory is resolved, the name itself is not."""
        directory, _, name = path.rpartition("/")
        found = self._directories.get(directory)
        if found is None:
            found = self._directories[directory] = self.chase(directory)
        return f"{'' if found == '/' else found}/{name}"

    def on_disk(self, path: str) -> str:
        """The path to pass to the kernel, in which only the last component may be a link."""
        return self.root + self.locate(path)

    def readlink(self, path: str) -> str | None:
        """The target of a link as written, None if there is no such link."""
        return self._link(self.locate(path))

    def kind(self, path: str) -> str:
        """What a name is, without following it: "link", "file", "directory", "other", or "" if it cannot be read."""
        place = self.locate(path)
        if place in self._planned:
            return "" if self._planned[place] is None else "link"
        try:
            return _kind(os.lstat(self.root + place).st_mode)
        except OSError:
            return ""

    def read(self, path: str) -> bytes:
        """The contents of a regular file, following links inside the root. Raises OSError."""
        descriptor = os.open(self.root + self.chase(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            return file.read()

    def entries(self, path: str) -> list[tuple[str, str]]:
        """Names and kinds of a directory's entries in the kernel's order, empty if it cannot be read."""
        place = self.chase(path)
        found = []
        try:
            with os.scandir(self.root + place) as scan:
                for entry in scan:
                    found.append((entry.name, _entry_kind(entry)))
        except OSError:
            pass
        if not self._planned:
            return found
        prefix = "" if place == "/" else place
        found = [(name, kind) for name, kind in found if f"{prefix}/{name}" not in self._planned]
        for planned, target in self._planned.items():
            directory, _, name = planned.rpartition("/")
            if target is not None and directory == prefix:
                found.append((name, "link"))
        return found

    def is_mask(self, path: str) -> bool:
        """Whether a name is an empty file or /dev/null, possibly through links. OSError(ENOENT) if it leads nowhere."""
        place = self.chase(path)
        if place == "/dev/null":
            return True
        status = os.lstat(self.root + place)
        if stat.S_ISREG(status.st_mode):
            return status.st_size == 0
        return stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)

    def same_file(self, one: str, other: str) -> bool:
        """Whether two paths are equal or lead to the same inode."""
        if os.path.normpath(one) == os.path.normpath(other):
            return True
        try:
            left = os.lstat(self.root + self.chase(one))
            right = os.lstat(self.root + self.chase(other))
        except OSError:
            return False
        return (left.st_dev, left.st_ino) == (right.st_dev, right.st_ino)

    def plan_link(self, path: str, target: str) -> None:
        """From now on `path` reads as a link to `target`."""
        self._planned[self.locate(path)] = target

    def plan_unlink(self, path: str) -> None:
        """From now on nothing is at `path`."""
        self._planned[self.locate(path)] = None

    def _link(self, place: str) -> str | None:
        if place in self._planned:
            return self._planned[place]
        try:
            return os.readlink(self.root + place)
        except OSError:
            return None


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"


def _entry_kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_file(follow_symlinks=False):
        return "file"
    return "directory" if entry.is_dir(follow_symlinks=False) else "other"
