"""Descriptors that services leave with the manager over a restart (FDSTORE=1, sd_pid_notify_with_fds(3)).

They belong to the manager, so they survive a restart of the service, the death of its supervisor, and a re-execution.
"""

from __future__ import annotations

import fcntl
import os
import stat

from systemctl_replacement import syscalls
from systemctl_replacement.loop import Loop
from systemctl_replacement.process.link import close_fds
from systemctl_replacement.records import dataclass

_DEFAULT_NAME = "stored"


@dataclass(frozen=True)
class Stored:
    """One descriptor with the name it is handed back by; polled ones are dropped when their peer hangs up."""

    name: str
    fd: int
    polled: bool


class FdStore:
    """The descriptors of one unit, in the order in which they came."""

    def __init__(self, loop: Loop) -> None:
        self.entries: list[Stored] = []
        self._loop = loop

    def __len__(self) -> int:
        return len(self.entries)

    def newest_first(self) -> list[Stored]:
        """In the order in which systemd hands them back."""
        return self.entries[::-1]

    def add(self, name: str, fds: list[int], polled: bool, limit: int) -> int:
        """Take over descriptors, as many as FileDescriptorStoreMax= allows; how many did not fit. The name is a
        valid one or empty.

        What does not fit, and what is stored already, is closed.
        """
        left = list(fds)
        try:
            return self._add(name or _DEFAULT_NAME, left, polled, limit)
        except BaseException:
            close_fds(left)
            raise

    def _add(self, name: str, left: list[int], polled: bool, limit: int) -> int:
        refused = 0
        # Only descriptors of one inode can be the same open file: the others need not be compared one by one.
        by_inode: dict[tuple[int, int], list[int]] = {}
        for entry in self.entries:
            by_inode.setdefault(syscalls.file_identity(entry.fd), []).append(entry.fd)
        while left:
            alike = by_inode.setdefault(syscalls.file_identity(left[0]), [])
            fd = left.pop(0)
            if len(self.entries) >= limit:
                refused += 1
                os.close(fd)
            elif any(_same(fd, other) for other in alike):
                os.close(fd)
            else:
                self.restore(Stored(name, fd, polled))
                alike.append(fd)
        return refused

    def restore(self, entry: Stored) -> None:
        """Keep a descriptor that was kept before a re-execution."""
        if entry.polled:
            try:
                self._loop.watch_hang_up(entry.fd, lambda _events: self._hung_up(entry))
            except OSError:
                # A file, where nobody hangs up; an epoll of too many levels; too many watches of the user.
                entry = Stored(entry.name, entry.fd, False)
        self.entries.append(entry)

    def remove(self, name: str) -> None:
        """Drop all descriptors of a name (FDSTOREREMOVE=1)."""
        for entry in [entry for entry in self.entries if entry.name == name]:
            self._drop(entry)

    def clear(self) -> None:
        """Drop everything: the service is gone for good."""
        for entry in list(self.entries):
            self._drop(entry)

    def _hung_up(self, entry: Stored) -> None:
        if entry in self.entries:
            self._drop(entry)

    def _drop(self, entry: Stored) -> None:
        self.entries.remove(entry)
        if entry.polled:
            self._loop.remove(entry.fd)
        os.close(entry.fd)


def _same(fd: int, other: int) -> bool:
    """Whether two descriptors stand for the same open file, as dup(2) and passing them on leave them."""
    try:
        return syscalls.same_open_file(fd, other)
    except OSError:
        # Not to be had under the seccomp filter of an engine: the same file, opened in the same way, is taken for it.
        first, second = os.fstat(fd), os.fstat(other)
    if stat.S_ISCHR(first.st_mode) or stat.S_ISBLK(first.st_mode) or not stat.S_IFMT(first.st_mode):
        return False  # a device may be another one each time it is opened; an eventfd and its kin share one inode
    same_file = (first.st_mode, first.st_dev, first.st_ino) == (second.st_mode, second.st_dev, second.st_ino)
    return same_file and fcntl.fcntl(fd, fcntl.F_GETFL) == fcntl.fcntl(other, fcntl.F_GETFL)
