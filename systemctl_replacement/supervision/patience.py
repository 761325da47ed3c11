"""Looks after helpers that owe us something: one that somebody has stopped (SIGSTOP) goes on when it is needed, and one
that does not answer in time is killed, so that another one is made.

A stopped supervisor would keep the signals of its unit from it, a stopped forkserver every new unit from its start, and
a stopped console process the last lines from the output.

A helper is looked at half a second after it was asked, and again as long as it owes anything. What counts against it is
what the look finds; how much time has passed does not: where we were not running ourselves (a frozen container, a
machine that is too busy), nothing is held against anybody.
"""

from __future__ import annotations

import os

from systemctl_replacement.loop import Timer, now_monotonic
from systemctl_replacement.process.descendants import read_stat, send, switches
from systemctl_replacement.records import dataclass
from systemctl_replacement.signals import SIGCONT, SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from systemctl_replacement.loop import Loop


# What a helper owes: nothing; work that may take long, so that only a stopped helper is at fault; a prompt answer.
NOTHING, WORK, ANSWER = 0, 1, 2

_ENDED = "ended"

# A helper answers in milliseconds. One that was stopped, and is again soon after it was continued, is looked at sooner;
# while one works, the time between two looks doubles.
_LOOK_USEC, _LOOK_AT_STOPPED_USEC = 500_000, 250_000

# A look that comes this much too late is not held against the helper: we were delayed ourselves.
_LATE_USEC = 200_000

# What a look takes of the patience with a helper: it is stopped or traced; it waits for something and has not run since
# the last look; it runs, or waits to. Four, ten (five seconds) and sixty looks (half a minute) in a row are enough.
PATIENCE = 60
_STOPPED, _WAITING, _RUNNING = 15, 6, 1


@dataclass(frozen=True)
class Helper:
    """The helper that owes something now (`pid` 0: none). `replace` is called if it was killed and does not end, or has
    ended unnoticed; `group`: it is killed with its process group."""

    pid: int
    name: str
    replace: Callable[[], object]
    group: bool = False


def cost(state: str, has_run: bool, debt: int) -> int:
    """By how much a look reduces our patience; 0: all is well. state: as in /proc/PID/stat."""
    if state in "Tt":
        return _STOPPED
    if debt != ANSWER:
        return 0
    return _RUNNING if state == "R" or has_run else _WAITING


class _Watch:
    """One debt, and what looks at its debtor have found."""

    __slots__ = (
        "at",
        "debt",
        "helper",
        "is_continued",
        "is_killed",
        "pause",
        "pid",
        "spent",
        "start",
        "switches",
        "timer",
    )

    def __init__(self, helper: Callable[[], Helper], debt: Callable[[], int]) -> None:
        self.helper = helper
        self.debt = debt
        self.timer: Timer | None = None
        self.at = 0  # when the next look is due
        self.begin_with(0, 0)

    def begin_with(self, pid: int, start: int) -> None:
        """The debt is now another process's."""
        self.pid, self.start = pid, start
        self.pause = _LOOK_USEC
        self.spent = 0
        self.switches: bytes | None = None
        self.is_continued = self.is_killed = False

    def has_run(self) -> bool:
        """Whether the process has run since the last look, or was not looked at before."""
        before, self.switches = self.switches, switches(self.pid)
        return before is None or before != self.switches


class Patience:
    """The debts, by debtor. No process is looked at while there are none."""

    def __init__(self, loop: Loop, log: Callable[[str], object]) -> None:
        self._loop = loop
        self._log = log
        self._watches: dict[Hashable, _Watch] = {}
        self._left: dict[int, int] = {}

    @property
    def left(self) -> list[int]:
        """Processes that were killed and did not end. Nobody waits for them."""
        self._left = {pid: start for pid, start in self._left.items() if _state(pid)[1] == start}
        return list(self._left)

    def expect(self, who: Hashable, helper: Callable[[], Helper], debt: Callable[[], int]) -> None:
        """A process was asked for something."""
        watch = self._watches.get(who)
        if watch is None:
            self._watches[who] = watch = _Watch(helper, debt)
            self._look_in(_LOOK_USEC, who, watch)
        elif watch.at > now_monotonic() + _LOOK_USEC:
            watch.pause = _LOOK_USEC
            self._look_in(_LOOK_USEC, who, watch)

    def answered(self, who: Hashable) -> None:
        """The debt is paid. The end of a process that was killed is still awaited."""
        watch = self._watches.get(who)
        if watch is not None and not watch.is_killed:
            self.over(who)

    def over(self, who: Hashable) -> None:
        """The debtor is gone."""
        watch = self._watches.pop(who, None)
        if watch is not None and watch.timer is not None:
            watch.timer.cancel()

    def _look_in(self, usec: int, who: Hashable, watch: _Watch) -> None:
        if watch.timer is not None:
            watch.timer.cancel()
        watch.at = now_monotonic() + usec
        watch.timer = self._loop.call_at(watch.at, lambda: self._look(who, watch))

    def _look(self, who: Hashable, watch: _Watch) -> None:
        is_late = now_monotonic() > watch.at + _LATE_USEC
        debt, helper = watch.debt(), watch.helper()
        is_killed = watch.is_killed and helper.pid == watch.pid
        if not (debt or is_killed):
            self.over(who)
            return
        state, start = _state(helper.pid)
        if not is_late and helper.pid and (is_killed or state == _ENDED):
            self.over(who)
            self._go_on_without(helper, start)
            if watch.debt():
                self.expect(who, watch.helper, watch.debt)
            return
        if (helper.pid, start) != (watch.pid, watch.start) and not is_killed:
            watch.begin_with(helper.pid, start)
        if start and not is_killed:
            self._judge(watch, helper, state, debt, is_late)
        self._look_in(watch.pause, who, watch)

    def _judge(self, watch: _Watch, helper: Helper, state: str, debt: int, is_late: bool) -> None:
        is_stopped = state in "Tt"
        price = cost(state, is_stopped or watch.has_run(), debt)
        if not is_late:
            watch.spent = watch.spent + price if price else 0
        if watch.spent >= PATIENCE:
            what = "is stopped again and again" if is_stopped else "does not answer"
            self._log(f"The {helper.name} {what}: killing it.")
            _kill(helper)
            watch.is_killed, watch.pause = True, _LOOK_USEC
            return
        if is_stopped:
            if not watch.is_continued:
                self._log(f"The {helper.name} was stopped while it is needed: continuing it.")
            watch.is_continued = True
            send(helper.pid, SIGCONT)
            watch.pause = _LOOK_AT_STOPPED_USEC
        else:
            watch.pause = _LOOK_USEC if price else 2 * watch.pause

    def _go_on_without(self, helper: Helper, start: int) -> None:
        """The process does not die: it hangs in a system call, or a tracer holds it."""
        if start:
            self._log(f"The {helper.name} (PID {helper.pid}) does not end: going on without it.")
            self._left[helper.pid] = start
        self._loop.guard(helper.replace)


def is_stopped(pid: int) -> bool:
    """Whether somebody has stopped a process, or traces it."""
    return _state(pid)[0] in ("T", "t")


def _state(pid: int) -> tuple[str, int]:
    """State of a process, as in /proc/PID/stat or _ENDED, and when it was started; "" and 0 where that is not known."""
    if not pid:
        return "", 0
    stat = read_stat(pid)
    if stat is not None:
        return (_ENDED, 0) if stat[0] in "ZX" else (stat[0], stat[3])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return _ENDED, 0
    except PermissionError:
        pass
    return "", 0  # no descriptor is left for a look


def _kill(helper: Helper) -> None:
    if not helper.group:
        send(helper.pid, SIGKILL)
        return
    try:
        os.killpg(helper.pid, SIGKILL)
    except ProcessLookupError:
        return  # it has ended already
