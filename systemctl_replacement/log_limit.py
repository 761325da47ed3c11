"""How many lines of a log others can cause: a burst in each interval, as journald.conf(5) RateLimitIntervalSec= has it.

What is beyond it is counted, and told in one line: before the next line that is written, or when `due` says so. A leaf:
supervisors import it.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_USEC = 30_000_000
"""As long as journald's."""
BURST = 50
"""Enough to see what is going on. journald's is 10000, but that is for all that a service has to say."""
_LOG_WARNING = 4


def _now() -> int:
    return time.monotonic_ns() // 1000


class LogLimit:
    """Lines of one kind, or of one origin. `say` writes one: its priority, its text."""

    __slots__ = ("_begin", "_burst", "_clock", "_count", "_say", "suppressed")

    def __init__(self, say: Callable[[int, str], object], burst: int = BURST, clock: Callable[[], int] = _now) -> None:
        """clock: monotonic microseconds."""
        self._say = say
        self._burst = burst
        self._clock = clock
        self._begin = 0  # of the interval
        self._count = 0  # lines that were written in it
        self.suppressed = 0
        """Lines that were left out, and are not told yet."""

    def log(self, priority: int, text: str) -> None:
        """Writes the line unless there were too many."""
        if self.admits():
            self._say(priority, text)

    def admits(self) -> bool:
        """Whether one more line may be written; it is counted in either case."""
        now = self._clock()
        if not self._count or now >= self._begin + INTERVAL_USEC:
            self.tell()
            self._begin, self._count = now, 0
        if self._count < self._burst:
            self._count += 1
            return True
        self.suppressed += 1
        return False

    @property
    def over(self) -> bool:
        """Whether nothing would be different with a new limit."""
        return not self.suppressed and self._clock() >= self._begin + INTERVAL_USEC

    @property
    def due(self) -> int | None:
        """When :meth:`tell` is to be called, in monotonic microseconds; None while there is nothing to tell."""
        return self._begin + INTERVAL_USEC if self.suppressed else None

    def tell(self) -> None:
        """Says how many lines were left out since that was told last."""
        suppressed, self.suppressed = self.suppressed, 0
        if suppressed:
            self._say(_LOG_WARNING, f"Suppressed {suppressed} messages.")
