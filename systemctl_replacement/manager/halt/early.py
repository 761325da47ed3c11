"""Signals that halt, before a loop acts on them: a manager that still waits for another one must not make
whoever stops it wait.

The signals stay pending. The loop reads them, and halts, as soon as it runs.
"""

from __future__ import annotations

import os
import select

from systemctl_replacement import syscalls
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager import pid1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.manager.halt.stop_time import StopTime

NEVER = 1 << 62


class EarlyHalt:
    """Notices signals to halt. Times are monotonic microseconds. `close` it when the loop takes over."""

    def __init__(self, time: Callable[[], StopTime | None]) -> None:
        """time: how long a halt may take. OSError."""
        self._fd = syscalls.signalfd([number for number, (what, _) in pid1.ACTIONS.items() if what in pid1.HALTING])
        self._time = time
        self.since = 0  # when the first of them was seen; 0 if none was
        self.tell_at = NEVER  # everything that has not been signalled by then is signalled, whatever the order
        self.kill_at = NEVER  # when the time that we were told is over

    def close(self) -> None:
        os.close(self._fd)

    def wait(self, end: int, fd: int = -1) -> bool:
        """Wait for input on `fd` until `end`, or until the first signal to halt comes. Whether there is input."""
        poll = select.poll()
        if fd >= 0:
            poll.register(fd, select.POLLIN)
        if not self.since:
            poll.register(self._fd, select.POLLIN)
        ready = dict(poll.poll(max(0, end - now_monotonic()) // 1000 + 1))
        if self._fd in ready:
            self._begin()
        return fd in ready

    def _begin(self) -> None:
        self.since = now_monotonic()
        time = self._time()
        if time is not None:
            self.tell_at = self.since + time.late_after
            self.kill_at = self.since + time.kill_after if time.kill_after else NEVER
