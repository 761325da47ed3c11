"""The files of an image as its own processes will find them: no link leads out of it, and nothing blocks."""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement.enablement.planned_tree import PlannedTree
from systemctl_replacement.records import dataclass

# What is there depends on the container, not on the image.
_OF_THE_CONTAINER = ("/run", "/tmp", "/proc", "/sys", "/dev")
_EXECUTE, _CREATE = 0o1, 0o3
_ACL = "system.posix_acl_access"


class Unknown(Exception):
    """It cannot be told from here: the engine brings the file along, or whoever asks may not look."""


@dataclass(frozen=True)
class Account:
    """Somebody as the kernel sees him; root is `uid` 0."""

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()


ROOT = Account(0, 0)


class Tree:
    """The tree below `root` ("": the system itself)."""

    def __init__(self, root: str = "") -> None:
        self._tree = PlannedTree(root)
        self.is_system = not self._tree.root

    def below(self, directory: str) -> Tree:
        """The tree that a process sees whose root is a directory of this one. OSError."""
        return Tree(self.real(directory))

    def real(self, path: str) -> str:
        """The path to open, in which no component is a link. OSError where links go in a circle, Unknown."""
        place = self._tree.chase(path)
        if any(f"{place}/".startswith(f"{directory}/") for directory in _OF_THE_CONTAINER):
            raise Unknown
        return self._tree.root + place

    def status(self, path: str) -> os.stat_result:
        """Of what a path leads to. OSError, Unknown."""
        try:
            return os.lstat(self.real(path))
        except PermissionError:
            raise Unknown from None

    def exists(self, path: str) -> bool:
        """Whether a path leads to anything. Unknown."""
        try:
            self.status(path)
        except OSError:
            return False
        return True

    def head(self, path: str, size: int, offset: int = 0) -> bytes:
        """Some bytes of a regular file. OSError, Unknown."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        try:
            descriptor = os.open(self.real(path), flags)
        except PermissionError:
            raise Unknown from None
        try:
            return os.pread(descriptor, size, offset) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        finally:
            os.close(descriptor)

    def check_executable(self, path: str, account: Account) -> None:
        """OSError with the kernel's reason not to execute a file for somebody, whatever is in it. Unknown."""
        status = self.status(path)
        if stat.S_ISDIR(status.st_mode):
            raise _error(errno.EISDIR)
        if not stat.S_ISREG(status.st_mode):
            raise _error(errno.EBADFD)
        real = self.real(path)
        if not _permits(real, status, account) or not self._is_within_reach(real, account):
            raise _error(errno.EACCES)
        if self.is_system and os.statvfs(real).f_flag & os.ST_NOEXEC:
            raise OSError(errno.EACCES, "The file system is mounted noexec")

    def check_makeable(self, path: str, account: Account) -> None:
        """OSError with the kernel's reason not to let somebody make a directory, or change the mode of the one that is
        there. Unknown."""
        try:
            owner = self.status(path).st_uid
        except FileNotFoundError:
            above = path.rpartition("/")[0] or "/"
            while above != "/" and not self.exists(above):
                above = above.rpartition("/")[0] or "/"
            if not _permits(self.real(above), self.status(above), account, _CREATE):
                raise _error(errno.EACCES) from None
        else:
            if account.uid not in (0, owner):
                raise _error(errno.EPERM)

    def _is_within_reach(self, real: str, account: Account) -> bool:
        """Whether somebody may go through all directories of the image on the way to a file."""
        directory = real.rpartition("/")[0]
        while account.uid and len(directory) > len(self._tree.root):
            if not _permits(directory, os.lstat(directory), account):
                return False
            directory = directory.rpartition("/")[0]
        return True


def _permits(path: str, status: os.stat_result, account: Account, wanted: int = _EXECUTE) -> bool:
    """Whether the mode lets somebody execute a file, go through a directory, or make something in it."""
    mode = status.st_mode
    if account.uid == 0:
        return wanted != _EXECUTE or bool(mode & 0o111)
    if account.uid == status.st_uid:
        mode >>= 6
    elif status.st_gid in (account.gid, *account.groups):
        mode >>= 3
    return mode & wanted == wanted or _has_list(path)


def _has_list(path: str) -> bool:
    """Whether an access control list says more than the mode does."""
    try:
        return _ACL in os.listxattr(path, follow_symlinks=False)
    except OSError:
        return False


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
