"""A question to a supervisor: whether it has passed on everything that had arrived when it was asked.

What a service has sent (WATCHDOG=1, READY=1) waits in its notify socket until its supervisor reads it. So before a
deadline of a unit is believed, its supervisor is asked. One that is stopped is continued or replaced meanwhile, and its
successor is asked the same.
"""

from __future__ import annotations

from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.supervision.asking import how

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.loop import Loop

# More than it takes to replace a supervisor that does not answer (see `patience`). The question is settled then.
LIMIT_USEC = 10_000_000


class Question:
    """`message` signals nobody: the supervisor confirms it after it has passed on what it can read."""

    __slots__ = ("_then", "_timer", "message")

    def __init__(self, loop: Loop, then: Callable[[], object]) -> None:
        """then: called once, when the question is answered or LIMIT_USEC is over."""
        self.message = {"op": "signal", "pids": [], **how(0, False, False, "")}
        self._then: Callable[[], object] | None = then
        self._timer = loop.call_at(now_monotonic() + LIMIT_USEC, self.settle)

    def settle(self) -> None:
        """It is answered, or never will be."""
        self._timer.cancel()
        then, self._then = self._then, None
        if then is not None:
            then()
