"""Main processes that are not below their supervisor (MAINPID= from root). They are watched, not reaped."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.process import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_INTERVAL = 1.0
"""Seconds between looks at processes without a pidfd: the kernel has none, or no descriptor is left."""


def is_child(pid: int) -> bool:
    """Whether the process is our child, so that we reap it and learn how it ended."""
    stat = descendants.read_stat(pid)
    return stat is not None and stat[1] == os.getpid()


class Foreign:
    """The watched processes. `add_fd` and `remove_fd` belong to the loop; `ended` is called once for each end."""

    def __init__(
        self,
        add_fd: Callable[[int, Callable[[], object]], object],
        remove_fd: Callable[[int], object],
        ended: Callable[[int], object],
    ) -> None:
        self._add_fd = add_fd
        self._remove_fd = remove_fd
        self._ended = ended
        self._fds: dict[int, int] = {}  # pid -> pidfd, or -1 where there is none

    def __contains__(self, pid: int) -> bool:
        return pid in self._fds

    @property
    def to_be_looked_after(self) -> bool:
        """Whether :meth:`look` must be called from time to time."""
        return -1 in self._fds.values()

    def watch(self, pid: int) -> None:
        """Watch a process unless it is watched already or is our child."""
        if pid in self._fds or is_child(pid):
            return
        self._fds[pid] = -1
        try:
            fd = syscalls.open_pidfd(pid)
        except ProcessLookupError:
            self._end(pid)
            return
        except OSError:  # no pidfds in this kernel, or no descriptor left
            return
        try:
            self._add_fd(fd, lambda: self._end(pid))
        except OSError:  # too many watches
            os.close(fd)
            return
        self._fds[pid] = fd

    def look(self) -> None:
        """Check whether the processes without a pidfd still exist."""
        for pid in [pid for pid, fd in self._fds.items() if fd < 0]:
            stat = descendants.read_stat(pid)
            if stat is None or stat[0] in "ZX":
                self._end(pid)

    def _end(self, pid: int) -> None:
        fd = self._fds.pop(pid, -1)
        if fd >= 0:
            self._remove_fd(fd)
            os.close(fd)
        if not is_child(pid):
            self._ended(pid)
