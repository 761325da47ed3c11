"""The last thing a manager does: it releases its helpers, and exits once the last lines are written."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.process import descendants
from systemctl_replacement.signals import SIGCHLD, SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.loop import Loop
    from systemctl_replacement.supervision.collector import Collector
    from systemctl_replacement.supervision.supervision import Processes


# How long helpers may take to exit after everything was stopped, and the output to take the last lines.
FAREWELL_USEC = 2_000_000
# How long they take to exit that are killed.
_KILLED_USEC = 100_000


def take_leave(loop: Loop, processes: Processes, collector: Collector, by: int = 0) -> None:
    """Stop the loop once each supervisor has passed on its unit's last output, the collector has written what the units
    have logged, and the console both, or when that takes too long. by: when whoever stops us is about to kill us
    (monotonic microseconds), 0: nobody is."""
    loop.call_at(_end(by), loop.stop)
    processes.when_released(lambda: collector.sync(lambda: processes.helpers.flush_console(loop.stop)))
    for unit in list(processes.trackings):
        loop.guard(processes.signal_all, unit, SIGKILL, (), False, False)
        loop.guard(processes.release, unit)


def _end(by: int) -> int:
    now = now_monotonic()
    return min(now + FAREWELL_USEC, max(by, now)) if by else now + FAREWELL_USEC


def await_helpers(processes: Processes, by: int) -> None:
    """Leave nothing behind where we are not PID 1: wait for our helpers, which end when their links close. SIGCHLD is
    blocked; by: as above."""
    helpers = processes.helpers.pids
    processes.close()
    if not _reap(_end(by)):
        for pid in helpers:
            if pid:
                descendants.send(pid, SIGKILL)
        _reap(now_monotonic() + _KILLED_USEC)


def _reap(end: int) -> bool:
    """Reap children until there are none; False if that takes too long."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        left = end - now_monotonic()
        if left <= 0:
            return False
        syscalls.await_signal(SIGCHLD, left)  # poll(2) would look at no descriptor where none is allowed any more
