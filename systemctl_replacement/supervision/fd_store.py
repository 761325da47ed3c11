"""Descriptors that services store in the manager (FDSTORE=1, sd_pid_notify_with_fds(3)).

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_NAME = "stored"


@dataclass(frozen=True)
class Stored:
    """A stored descriptor and its name. If it is polled, it is dropped when its peer hangs up."""

    name: str
    fd: int
    polled: bool


class FdStore:
    """The stored descriptors of one unit, oldest first."""

    def __init__(self, loop: Loop, on_hang_up: Callable[[], object]) -> None:
        """on_hang_up: called when a descriptor was dropped because its peer has hung up."""
        self.entries: list[Stored] = []
        self._loop = loop
        self._on_hang_up = on_hang_up

    def __len__(self) -> int:
        return len(self.entries)

    def newest_first(self) -> list[Stored]:
        """The order in which systemd passes them back."""
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
        # Only descriptors of the same inode can be the same open file, so the others need no comparison.
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
        """Store a descriptor again after a re-execution."""
        if entry.polled:
            try:
                self._loop.watch_hang_up(entry.fd, lambda _events: self._hung_up(entry))
            except OSError:
                # A file, which has no peer; an epoll nested too deeply; too many watches of the user.
                entry = Stored(entry.name, entry.fd, False)
        self.entries.append(entry)

    def remove(self, name: str) -> None:
        """Drop all descriptors of a name (FDSTOREREMOVE=1)."""
        for entry in [entry for entry in self.entries if entry.name == name]:
            self._drop(entry)

    def clear(self) -> None:
        """Drop all descriptors: the service is gone for good."""
        for entry in list(self.entries):
            self._drop(entry)

    def _hung_up(self, entry: Stored) -> None:
        if entry in self.entries:
            self._drop(entry)
            self._on_hang_up()

    def _drop(self, entry: Stored) -> None:
        self.entries.remove(entry)
        if entry.polled:
            self._loop.remove(entry.fd)
        os.close(entry.fd)


def _same(fd: int, other: int) -> bool:
    """Whether two descriptors refer to the same open file, as after dup(2) or SCM_RIGHTS."""
    try:
        return syscalls.same_open_file(fd, other)
    except OSError:
        # Where a seccomp filter of the engine forbids kcmp(2), the same file opened in the same way counts as the same.
        first, second = os.fstat(fd), os.fstat(other)
    if stat.S_ISCHR(first.st_mode) or stat.S_ISBLK(first.st_mode) or not stat.S_IFMT(first.st_mode):
        return False  # each open of a device may be different; all eventfds and the like share one inode
    same_file = (first.st_mode, first.st_dev, first.st_ino) == (second.st_mode, second.st_dev, second.st_ino)
    return same_file and fcntl.fcntl(fd, fcntl.F_GETFL) == fcntl.fcntl(other, fcntl.F_GETFL)
