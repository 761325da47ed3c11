"""Replacing the control socket, through which clients reach the manager, when somebody has removed it.

A script that empties /run, or a tmpfs mounted over it, would otherwise leave a manager that nobody can talk to.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.loop import READ, Loop, now_monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# Let somebody who removes a directory with everything in it finish first.
_DELAY_USEC = 100_000

_IN_ATTRIB, _IN_MOVE_SELF, _IN_DELETE_SELF = 0x4, 0x800, 0x400  # the first one: its last name is gone


class SocketGuard:
    """Calls `lost` when the socket at `path` is gone. `lost` makes another one, and calls `renew`."""

    def __init__(self, loop: Loop, path: str, lost: Callable[[], object]) -> None:
        self._loop = loop
        self._path = path
        self._lost = lost
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._waiting = False
        self.renew()

    def renew(self) -> None:
        """Guard the present socket."""
        self.close()
        self._identity = self._look()
        try:
            fd = syscalls.inotify()
        except OSError:
            return  # too many watches on this machine; `check` is called for other reasons too
        try:
            syscalls.watch_path(fd, self._path, _IN_ATTRIB | _IN_MOVE_SELF | _IN_DELETE_SELF)
            self._loop.add(fd, READ, self._changed)
        except OSError:
            os.close(fd)
            return
        self._fd = fd

    def check(self) -> None:
        """Whether the guarded socket still exists."""
        self._waiting = False
        if not self.is_there():
            self._lost()

    def is_there(self) -> bool:
        """Whether the path still leads to the socket that is guarded."""
        return self._identity is not None and self._look() == self._identity

    def _look(self) -> tuple[int, int] | None:
        try:
            status = os.lstat(self._path)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _changed(self, _events: int) -> None:
        os.read(self._fd, 4096)
        if not self._waiting:
            self._waiting = True
            self._loop.call_at(now_monotonic() + _DELAY_USEC, self.check)

    def close(self) -> None:
        """Stop guarding the socket."""
        if self._fd >= 0:
            self._loop.remove(self._fd)
            os.close(self._fd)
            self._fd = -1
