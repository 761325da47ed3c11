"""Descriptors that services leave with the manager over a restart (FDSTORE=1, sd_pid_notify_with_fds(3)).

They belong to the manager, so they survive a restart of the service, the death of its supervisor, and a re-execution.
"""

from __future__ import annotations

import os
import stat

from systemctl_replacement.manager.loop import Loop
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.values import valid_descriptor_name

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

    def add(self, name: str, fds: list[int], polled: bool, limit: int) -> int:
        """Take over descriptors, as many as FileDescriptorStoreMax= allows; how many did not fit.

        What does not fit, and what is stored already, is closed.
        """
        name = name if name and valid_descriptor_name(name) else _DEFAULT_NAME
        refused = 0
        for fd in fds:
            if len(self.entries) >= limit:
                refused += 1
                os.close(fd)
            elif any(_same_socket(fd, entry.fd) for entry in self.entries):
                os.close(fd)
            else:
                self.restore(Stored(name, fd, polled))
        return refused

    def restore(self, entry: Stored) -> None:
        """Keep a descriptor that was kept before a re-execution."""
        if entry.polled:
            try:
                self._loop.watch_hang_up(entry.fd, lambda _events: self._hung_up(entry))
            except PermissionError:
                entry = Stored(entry.name, entry.fd, False)  # a file: nobody hangs up there
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


def _same_socket(fd: int, other: int) -> bool:
    """Whether two descriptors are the same socket. Of files and pipes the same may be meant to be stored twice."""
    first, second = os.fstat(fd), os.fstat(other)
    return stat.S_ISSOCK(first.st_mode) and (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
