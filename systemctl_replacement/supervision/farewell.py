"""The last thing a manager does: it releases its helpers, and exits once the last lines are written."""

from __future__ import annotations

from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.signals import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.loop import Loop
    from systemctl_replacement.supervision.supervision import Processes


# How long helpers may take to exit after everything was stopped, and the output to take the last lines.
FAREWELL_USEC = 2_000_000


def take_leave(loop: Loop, processes: Processes, by: int = 0) -> None:
    """Stop the loop once each supervisor has passed on its unit's last output and the console has written it, or when
    that takes too long. by: when whoever stops us is about to kill us (monotonic microseconds), 0: nobody is."""
    now = now_monotonic()
    loop.call_at(min(now + FAREWELL_USEC, max(by, now)) if by else now + FAREWELL_USEC, loop.stop)
    processes.when_released(lambda: processes.helpers.flush_console(loop.stop))
    for unit in list(processes.trackings):
        loop.guard(processes.signal_all, unit, SIGKILL, (), False, False)
        loop.guard(processes.release, unit)
