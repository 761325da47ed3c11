"""Looks after helpers that owe us an answer: one that somebody has stopped (SIGSTOP) goes on when it is needed.

A stopped supervisor would keep the signals of its unit from it, a stopped forkserver every new unit from its start, and
a stopped console process the last lines from the output.
"""

from __future__ import annotations

from systemctl_replacement.loop import Timer, now_monotonic
from systemctl_replacement.process.descendants import read_stat, send
from systemctl_replacement.signals import SIGCONT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from systemctl_replacement.loop import Loop


# A helper answers in milliseconds. The time between two looks doubles: whoever is only slow is left alone.
_FIRST_LOOK_USEC = 500_000


class Patience:
    """The answers that are waited for, by who owes them. Nothing is looked at while nobody owes any."""

    def __init__(self, loop: Loop, log: Callable[[str], object]) -> None:
        self._loop = loop
        self._log = log
        self._timers: dict[Hashable, Timer] = {}

    def expect(self, who: Hashable, helper: Callable[[], tuple[int, str]], owes: Callable[[], bool]) -> None:
        """Somebody was asked. helper: pid and name of the process whose turn it is, 0 for none."""
        if who not in self._timers:
            self._look_in(_FIRST_LOOK_USEC, who, helper, owes)

    def answered(self, who: Hashable) -> None:
        """Nothing is owed any more."""
        timer = self._timers.pop(who, None)
        if timer is not None:
            timer.cancel()

    def _look_in(
        self, usec: int, who: Hashable, helper: Callable[[], tuple[int, str]], owes: Callable[[], bool]
    ) -> None:
        def look() -> None:
            del self._timers[who]
            if owes():
                self._go_on(*helper())
                self._look_in(2 * usec, who, helper, owes)

        self._timers[who] = self._loop.call_at(now_monotonic() + usec, look)

    def _go_on(self, pid: int, name: str) -> None:
        stat = read_stat(pid) if pid else None
        if stat is not None and stat[0] == "T":
            self._log(f"The {name} was stopped while it is needed: continuing it.")
            send(pid, SIGCONT)
