"""How often what has died is made anew: at once, but not twice within a second.

Something may be killing it, or something may be missing.
"""

from __future__ import annotations

from systemctl_replacement.loop import Loop, Timer, now_monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

RETRY_USEC = 1_000_000


class Pace:
    """Makes one thing, as often as it is wanted and the pace allows."""

    def __init__(self, loop: Loop, make: Callable[[], object]) -> None:
        self._loop = loop
        self._make = make
        self._last = 0
        self._timer: Timer | None = None

    def want(self) -> None:
        """Make it now, or a second after the last attempt."""
        if self._timer is not None:
            return
        due = self._last + RETRY_USEC
        if now_monotonic() < due:
            self._timer = self._loop.call_at(due, self._go)
        else:
            self._go()

    def failed(self) -> None:
        """It could not be made just now: try again in a second."""
        self._last = now_monotonic()
        self.want()

    def _go(self) -> None:
        self._timer = None
        self._last = now_monotonic()
        self._make()
