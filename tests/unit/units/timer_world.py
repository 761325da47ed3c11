"""A world for the machine of timers: virtual time, and the service that the timer starts."""

from __future__ import annotations

from typing import Any, Optional

from systemctl_replacement.calendar import elapse, event
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.dates import WriteStamp
from systemctl_replacement.units.events import MONOTONIC, REALTIME, Context, Other, SetClock
from systemctl_replacement.units.states import INACTIVE_OR_FAILED
from systemctl_replacement.units.timer.config import TimerConfig
from systemctl_replacement.units.timer.kind import KIND
from systemctl_replacement.units.timer.state import ACTIVE_STATES, TimerState

SEC, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
NOON = 1_767_268_800 * SEC  # 2026-01-01 12:00:00 UTC
FILE = "/var/lib/systemd/timers/stamp-x.timer"


class UtcDates:
    """Dates in UTC."""

    def next_elapse(self, specification: str, after: int) -> Optional[int]:
        return elapse.next_elapse(event.parse(specification), after, elapse.utc)

    def fixed_random(self, unit: str) -> int:
        return 7

    def shown(self, when: int) -> str:
        return f"<{when}>"


class World:
    """A timer, the service that it starts, and both clocks. `runs`: when the service was started."""

    def __init__(self, *values: tuple[str, Any], stamp: Optional[int] = None, **options: Any) -> None:
        self.config = TimerConfig("x.timer", values, accuracy=1, **options)
        self.state = TimerState()
        self.boot = (NOON - HOUR, 100 * DAY)
        self.now, self.realtime = 100 * DAY + HOUR, NOON
        self.stamp = stamp
        self.clocks: dict[str, SetClock] = {}
        self.service = Other("loaded", "inactive", "dead", "success", "", {})
        self.runs: list[int] = []
        self.logged: list[str] = []
        self.details: tuple[str, ...] = ()
        self.random = 0.0
        self.stop_pending = False
        self.refuses = ""

    def step(self, event: Any) -> World:
        triggered = {"x.service": self.service}
        context = Context(
            self.now, self.realtime, self.random, self.stop_pending, boot=self.boot, triggered=triggered,
            dates=UtcDates(), stamp=self.stamp if isinstance(event, events.Start) else None,
        )  # fmt: skip
        self.state, actions = KIND.step(self.config, self.state, event, context)
        for action in actions:
            if isinstance(action, SetClock):
                self.clocks[action.port] = action
            elif isinstance(action, events.ClosePort):
                self.clocks.pop(action.port, None)
            elif isinstance(action, WriteStamp):
                self.stamp = self.realtime if action.at is None else action.at
            elif isinstance(action, events.Log):
                self.logged.append(action.message)
        if ACTIVE_STATES[self.state.sub] in INACTIVE_OR_FAILED:
            self.clocks.clear()
        for action in actions:
            if isinstance(action, events.Trigger):
                self.details = action.details
                if self.refuses:
                    self.step(events.TriggerRefused("x.service", self.refuses))
                else:
                    self.step(events.Triggered("x.service"))
                    self.begin()
        self.check()
        return self

    def check(self) -> None:
        """What must hold whenever nothing is being done."""
        state = self.state
        assert (state.sub == "failed") == (state.result != "success")
        assert bool(self.clocks) <= (state.sub == "waiting")
        if state.sub == "waiting" and not self.stop_pending:
            assert REALTIME in self.clocks, "nobody would tell that the clock was set"
            assert (MONOTONIC in self.clocks) == (state.monotonic > 0)
            assert (self.clocks[REALTIME].at is None) == (state.realtime == 0)
        if state.sub != "waiting":
            assert state.realtime == state.monotonic == INFINITY

    def begin(self) -> None:
        """The service starts."""
        self.runs.append(self.now)
        if self.service.active != "active":
            stamps = {**self.service.stamps, "InactiveExit": (self.realtime, self.now)}
            self.service = replace(self.service, active="active", sub="running", stamps=stamps)
            self.step(events.TriggeredChanged("x.service"))
        self.pass_time(1)  # nothing takes no time at all

    def end(self) -> World:
        """The service ends."""
        stamps = {**self.service.stamps, "InactiveEnter": (self.realtime, self.now)}
        self.service = replace(self.service, active="inactive", sub="dead", stamps=stamps)
        return self.step(events.TriggeredChanged("x.service"))

    def due(self) -> Optional[int]:
        """How long it takes until a clock tells."""
        times = [clock.at - self.time_of(clock.clock) for clock in self.clocks.values() if clock.at is not None]
        return max(0, min(times)) if times and min(times) < INFINITY // 2 else None

    def time_of(self, clock: str) -> int:
        return self.now if clock == MONOTONIC else self.realtime

    def sleep(self, span: int, lasts: int = 0) -> World:
        """Time passes. lasts: how long the service runs each time."""
        end = self.now + span
        while True:
            due = self.due()
            stops = None
            if self.service.active == "active":
                stops = max(0, self.runs[-1] + lasts - self.now)
            wait = min([one for one in (due, stops) if one is not None], default=span)
            if self.now + wait > end:
                break
            self.pass_time(wait)
            if stops is not None and stops == wait:
                self.end()
                continue
            if due is None or due != wait:
                break
            for clock in [
                one for one in self.clocks.values() if one.at is not None and one.at <= self.time_of(one.clock)
            ]:
                if self.clocks.pop(clock.port, None) is not None:
                    self.step(events.ClockElapsed(clock.port))
        self.pass_time(max(0, end - self.now))
        return self

    def pass_time(self, span: int) -> None:
        self.now += span
        self.realtime += span

    def set_clock(self, realtime: int) -> World:
        self.realtime = realtime
        return self.step(events.ClockStepped(REALTIME)) if self.clocks.pop(REALTIME, None) else self

    def since_boot(self) -> list[int]:
        return [run - self.boot[1] for run in self.runs]
