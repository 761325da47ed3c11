"""The machine of timers, in virtual time: what it asks for, and what it makes of what happens."""

from __future__ import annotations

from itertools import product
from typing import Any, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.calendar import elapse, event
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.dates import WriteStamp, ZoneChanged
from systemctl_replacement.units.events import MONOTONIC, REALTIME, Context, Other, SetClock
from systemctl_replacement.units.states import INACTIVE_OR_FAILED
from systemctl_replacement.units.timer.config import TimerConfig
from systemctl_replacement.units.timer.kind import KIND
from systemctl_replacement.units.timer.state import ACTIVE_STATES, TimerState
from tests.test_documentation import table

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


def test_a_time_after_the_start_comes_once() -> None:
    world = World(("OnActiveSec", 5 * SEC)).step(events.Start())
    assert world.state.sub == "waiting"
    assert world.clocks[MONOTONIC] == SetClock(MONOTONIC, MONOTONIC, world.now + 5 * SEC, 1)
    world.sleep(DAY)
    assert world.since_boot() == [HOUR + 5 * SEC]
    assert world.state.sub == "elapsed"
    assert world.step(events.Stop()).state.sub == "dead"
    assert world.step(events.Start()).sleep(DAY).since_boot() == [HOUR + 5 * SEC, HOUR + DAY + 5 * SEC]


def test_a_time_after_the_boot_counts_from_that_of_the_container() -> None:
    for base in ("OnBootSec", "OnStartupSec"):
        world = World((base, 2 * HOUR)).step(events.Start()).sleep(DAY)
        assert world.since_boot() == [2 * HOUR]
        past = World((base, MINUTE)).step(events.Start()).sleep(DAY)
        assert past.since_boot() == [HOUR]


def test_times_after_the_unit() -> None:
    world = World(("OnUnitActiveSec", 10 * MINUTE)).step(events.Start())
    assert world.state.sub == "elapsed", "the unit has never run"
    world.begin()
    assert world.state.sub == "waiting"
    world.sleep(HOUR, lasts=MINUTE)
    assert world.since_boot() == [HOUR + 10 * n * MINUTE for n in range(7)]
    world = World(("OnUnitInactiveSec", 10 * MINUTE)).step(events.Start())
    world.begin()
    world.sleep(HOUR, lasts=MINUTE)
    assert world.since_boot() == [HOUR + 11 * n * MINUTE for n in range(6)]


def test_the_earliest_of_several_counts() -> None:
    world = World(("OnActiveSec", HOUR), ("OnActiveSec", MINUTE), ("OnCalendar", "*-*-* 12:30:00"))
    world.step(events.Start()).sleep(2 * HOUR)
    assert world.since_boot() == [HOUR + MINUTE, HOUR + 30 * MINUTE, 2 * HOUR]
    assert world.state.sub == "waiting"
    assert world.state.realtime == NOON + DAY + 30 * MINUTE
    assert world.state.monotonic == 0


def test_it_is_running_until_the_unit_is_down() -> None:
    world = World(("OnCalendar", "*-*-* *:*:00")).step(events.Start()).sleep(MINUTE, lasts=HOUR)
    assert world.state.sub == "running"
    assert not world.clocks
    world.sleep(10 * MINUTE, lasts=HOUR)
    assert len(world.runs) == 1
    # What has come meanwhile is made up for once.
    world.end()
    world.sleep(0, lasts=HOUR)
    assert len(world.runs) == 2


def test_deferred_reactivation_waits_for_the_next_time() -> None:
    world = World(("OnCalendar", "*-*-* *:*:00"), defer_reactivation=True).step(events.Start())
    world.sleep(MINUTE, lasts=HOUR).sleep(10 * MINUTE + SEC, lasts=HOUR)
    world.end().sleep(0, lasts=HOUR)
    assert len(world.runs) == 1
    world.sleep(MINUTE, lasts=HOUR)
    assert world.since_boot() == [HOUR + MINUTE, HOUR + 12 * MINUTE]


def test_a_start_that_fails_at_once_is_waited_for_no_longer() -> None:
    """The unit is as inactive as before, and has no job."""
    world = World(("OnActiveSec", SEC))
    world.begin = lambda: world.runs.append(world.now)  # type: ignore[method-assign]
    world.step(events.Start()).sleep(MINUTE)
    assert world.state.sub == "running"
    waiting = world.service
    world.service = replace(waiting, job="start")
    assert world.step(events.TriggeredChanged("x.service")).state.sub == "running", "it waits for its turn"
    world.service = waiting
    assert world.step(events.TriggeredChanged("x.service")).state.sub == "elapsed"


def test_a_restart_of_the_unit_is_an_end() -> None:
    world = World(("OnActiveSec", SEC)).step(events.Start()).sleep(MINUTE, lasts=HOUR)
    stamps = {"InactiveEnter": (world.realtime, world.now), "InactiveExit": (world.realtime, world.now + 1)}
    world.service = replace(world.service, stamps=stamps)
    assert world.step(events.TriggeredChanged("x.service")).state.sub == "elapsed"


def test_without_remain_after_elapse_it_ends() -> None:
    world = World(("OnActiveSec", SEC), remain_after_elapse=False).step(events.Start()).sleep(MINUTE)
    assert (world.state.sub, world.logged[-1]) == ("dead", "Deactivated successfully.")
    world = World(("OnActiveSec", SEC), ("OnUnitActiveSec", DAY), remain_after_elapse=False).step(events.Start())
    assert world.sleep(MINUTE).state.sub == "waiting"


def test_persistent_makes_up_for_what_was_missed() -> None:
    daily = ("OnCalendar", "*-*-* 00:00:00")
    world = World(daily, stamp=0)
    world.config = replace(world.config, stamp=FILE)
    world.step(events.Start())
    assert (world.stamp, world.state.last_trigger, world.runs) == (NOON, (0, 0), [])
    assert world.sleep(DAY).since_boot() == [13 * HOUR]
    assert world.stamp == NOON + 12 * HOUR
    world.step(events.Stop()).pass_time(3 * DAY)
    world.step(events.Start()).sleep(0)
    assert len(world.runs) == 2
    world.step(events.Stop()).step(events.Start()).sleep(HOUR)
    assert len(world.runs) == 2


def test_a_stamp_of_the_future_is_not_believed() -> None:
    world = World(("OnCalendar", "*-*-* 00:00:00"), stamp=NOON + DAY)
    world.config = replace(world.config, stamp=FILE)
    world.step(events.Start())
    assert world.logged == [f"Not using persistent file timestamp <{NOON + DAY}> as it is in the future."]
    assert world.stamp == NOON + DAY
    assert world.state.last_trigger == (0, 0)


def test_a_refusal_fails_the_timer_and_leaves_the_stamp() -> None:
    world = World(("OnCalendar", "*-*-* 00:00:00"), stamp=NOON - DAY)
    world.config = replace(world.config, stamp=FILE)
    world.refuses = "Unit x.service is masked."
    world.step(events.Start()).sleep(0)
    assert (world.state.sub, world.state.result, world.stamp) == ("failed", "resources", NOON - DAY)
    assert world.logged[-2:] == [
        "Failed to queue unit startup job: Unit x.service is masked.",
        "Failed with result 'resources'.",
    ]
    assert world.step(events.ResetFailed()).state.sub == "dead"


def test_what_the_unit_is_told() -> None:
    world = World(("OnActiveSec", SEC)).step(events.Start()).sleep(SEC)
    assert world.details == (
        "TRIGGER_UNIT=x.timer",
        f"TRIGGER_TIMER_REALTIME_USEC={NOON + SEC}",
        f"TRIGGER_TIMER_MONOTONIC_USEC={world.boot[1] + HOUR + SEC}",
    )
    assert world.state.last_trigger == (NOON + SEC, world.boot[1] + HOUR + SEC)


@pytest.mark.parametrize("years", [-10, -1, 1, 10])
def test_the_clock_is_set_by_years(years: int) -> None:
    """Dates are worked out anew. A date that was passed over has come, and one in the past comes again."""
    world = World(("OnCalendar", "*-*-* 00:00:00")).step(events.Start()).sleep(DAY)
    assert len(world.runs) == 1
    there = world.realtime + years * 365 * DAY
    world.set_clock(there).sleep(SEC)
    assert len(world.runs) == (2 if years > 0 else 1)
    before = len(world.runs)
    midnight = UtcDates().next_elapse("*-*-* 00:00:00", there)
    assert world.state.realtime == midnight
    world.sleep(DAY)
    assert len(world.runs) == before + 1
    world.set_clock(NOON).sleep(DAY)
    assert world.state.sub == "waiting"
    assert world.state.realtime > world.realtime


def test_a_step_does_not_move_monotonic_times() -> None:
    world = World(("OnActiveSec", HOUR), ("OnUnitActiveSec", HOUR)).step(events.Start())
    world.set_clock(NOON + 400 * DAY)
    world.set_clock(NOON - 400 * DAY)
    assert world.sleep(90 * MINUTE).since_boot() == [2 * HOUR]


def test_a_change_of_the_clock_or_the_zone_is_an_occasion() -> None:
    world = World(on_clock_change=True).step(events.Start())
    assert (world.state.sub, world.state.realtime, world.state.monotonic) == ("waiting", 0, 0)
    world.set_clock(NOON - DAY).sleep(0)
    world.set_clock(NOON + DAY).sleep(0)
    assert len(world.runs) == 2
    assert world.state.sub == "waiting"
    world.step(ZoneChanged(REALTIME))
    assert len(world.runs) == 2
    world = World(on_timezone_change=True).step(events.Start()).step(ZoneChanged(REALTIME)).sleep(0)
    assert len(world.runs) == 1
    world.set_clock(NOON - DAY)
    assert len(world.runs) == 1


def test_random_delays() -> None:
    world = World(("OnActiveSec", SEC), random_delay=MINUTE)
    world.random = 0.5
    assert world.step(events.Start()).state.monotonic == world.now + 31 * SEC
    assert world.state.next == (world.now + SEC,)
    fixed = World(("OnCalendar", "*-*-* 00:00:00"), random_delay=5, fixed_random_delay=True)
    assert fixed.step(events.Start()).state.realtime == NOON + 12 * HOUR + 2


def test_never_is_not_soon() -> None:
    world = World(("OnActiveSec", INFINITY), ("OnCalendar", "1999-01-01 00:00:00"), random_delay=5).step(events.Start())
    assert (world.state.sub, world.state.monotonic, world.state.realtime) == ("waiting", INFINITY, 0)
    assert world.sleep(1000 * DAY).runs == []


def test_what_was_missed_before_the_boot_is_delayed_from_the_boot_on() -> None:
    world = World(("OnCalendar", "*-*-* 00:00:00"), stamp=NOON - 30 * DAY, random_delay=2 * HOUR)
    world.config = replace(world.config, stamp=FILE)
    world.random = 0.75
    assert world.step(events.Start()).state.realtime == world.boot[0] + 90 * MINUTE


def test_reloading_works_out_all_anew() -> None:
    """As under systemd, OnActiveSec= begins again."""
    world = World(("OnActiveSec", HOUR), ("OnCalendar", "*-*-* 12:30:00")).step(events.Start()).sleep(10 * MINUTE)
    world.config = replace(world.config, values=(("OnActiveSec", HOUR), ("OnCalendar", "*-*-* 12:20:00")))
    world.clocks.clear()
    world.step(events.Reloaded())
    assert (world.state.monotonic, world.state.realtime) == (world.now + HOUR, NOON + 20 * MINUTE)
    world.sleep(10 * MINUTE, lasts=HOUR)
    assert world.state.sub == "running"
    assert world.step(events.Reloaded()).state.sub == "running"


def test_a_date_that_comes_while_the_manager_is_replaced_is_not_forgotten() -> None:
    """Whether the time has passed or the clock was set."""
    for passes, step in ((HOUR, 0), (SEC, 400 * DAY)):
        world = World(("OnCalendar", "2026-01-01 12:30:00")).step(events.Start())
        world.clocks.clear()
        world.now += passes
        world.realtime += passes + step
        world.step(events.Reloaded())
        assert (world.runs, world.state.sub) == ([world.now - 1], "running")
        assert world.end().state.sub == "elapsed"


def test_a_unit_that_has_gone_fails_it() -> None:
    world = World(("OnActiveSec", HOUR)).step(events.Start())
    state, actions = KIND.step(
        world.config, world.state, events.Reloaded(), Context(world.now, world.realtime, triggered={}, dates=UtcDates())
    )
    assert (state.sub, state.result) == ("failed", "resources")
    assert events.Log(3, "Unit to trigger vanished.") in actions


def test_no_start_while_it_is_about_to_stop() -> None:
    world = World(("OnActiveSec", SEC)).step(events.Start())
    world.stop_pending = True
    assert world.sleep(MINUTE).runs == []
    assert world.step(events.Stop()).state.sub == "dead"


def test_too_many_starts() -> None:
    world = World(("OnActiveSec", SEC)).step(events.StartLimitHit())
    assert (world.state.sub, world.state.result) == ("failed", "start-limit-hit")
    assert world.step(events.Start()).state.sub == "waiting"


def test_a_clock_that_cannot_be_had() -> None:
    world = World(("OnActiveSec", SEC)).step(events.Start()).step(events.PortFailed(MONOTONIC, "Too many open files"))
    assert (world.state.sub, world.state.result) == ("failed", "resources")
    assert "Failed to enter waiting state: Too many open files" in world.logged


def test_who_cannot_be_triggered() -> None:
    config = TimerConfig("x.timer")
    missing = Other("not-found", "inactive", "dead", "success", "", {})
    assert KIND.refusal(config, {"a.service": missing}) == "Refusing to start, unit a.service to trigger not loaded."
    assert not KIND.refusal(config, {"a.service": replace(missing, load_state="loaded")})


SPANS = st.sampled_from([0, 1, SEC, MINUTE, HOUR, DAY])
VALUES = st.one_of(
    st.tuples(
        st.sampled_from(["OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec"]),
        st.sampled_from([SEC, MINUTE, 2 * HOUR, INFINITY]),
    ),
    st.tuples(
        st.just("OnCalendar"),
        st.sampled_from(["*-*-* 00:00:00", "*-*-* *:00:00", "Mon *-*-* 03:00:00", "2027-01-01 00:00:00"]),
    ),
)
HAPPENINGS = st.one_of(
    st.tuples(st.just("sleep"), SPANS),
    st.tuples(st.just("set"), st.integers(-10 * 365, 10 * 365)),
    st.tuples(st.sampled_from(["start", "stop", "begin", "end", "reload", "zone", "reset"]), st.just(0)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(VALUES, max_size=3),
    st.lists(HAPPENINGS, max_size=25),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, MINUTE, 3 * DAY]),
)
def test_drawn_lives(
    values: list[Any], story: list[tuple[str, int]], persistent: bool, clock_change: bool, lasts: int
) -> None:
    """Whatever happens: what was promised comes, no sooner and no later, and never without end."""
    world = World(*values, stamp=0, on_clock_change=clock_change)
    if persistent:
        world.config = replace(world.config, stamp=FILE)
    world.step(events.Start())
    for what, number in story:
        if what == "sleep":
            before, since = len(world.runs), world.now
            world.sleep(number, lasts)
            allowed = 2 + 3 * (number // max(SEC, lasts) + 1)
            assert len(world.runs) - before <= allowed, "it starts the unit again and again"
            assert 0 <= world.now - since - number <= allowed
            due = world.due()
            assert due is None or due > 0 or number == 0, "a time has come, and nothing was done"
        elif what == "set":
            world.set_clock(max(DAY, NOON + number * DAY))
        elif what == "start" and world.state.sub in ("dead", "failed"):
            world.step(events.Start())
        elif what == "stop":
            world.step(events.Stop())
        elif what == "begin" and world.service.active != "active":
            world.begin()
        elif what == "end" and world.service.active == "active":
            world.end()
        elif what == "reload":
            world.step(events.Reloaded())
        elif what == "zone" and REALTIME in world.clocks:
            del world.clocks[REALTIME]
            world.step(ZoneChanged(REALTIME))
        elif what == "reset":
            world.step(events.ResetFailed())
        if world.state.sub == "running":
            assert world.service.active == "active"
    world.step(events.Stop())
    assert world.state.sub == "dead"


STARTS = (events.Start(), events.StartLimitHit())
FROM_DOWN = (*STARTS, events.ResetFailed())
FROM_UP = (
    events.Stop(), events.ResetFailed(), events.ClockElapsed(MONOTONIC), events.ClockStepped(REALTIME),
    ZoneChanged(REALTIME), events.TriggeredChanged("x.service"), events.Triggered("x.service"),
    events.TriggerRefused("x.service", "no"), events.Reloaded(), events.PortFailed(MONOTONIC, "no"),
)  # fmt: skip


def test_the_ways_between_states_are_those_of_the_page() -> None:
    """Every event in every state, for timers of all kinds."""
    rows = table("states.md", "All transitions of a timer")
    documented = {(old, new) for old, followers in rows for new in followers.split()}
    once, again = ("OnActiveSec", SEC), ("OnUnitActiveSec", HOUR)
    others: tuple[dict[str, Other], ...] = ({}, {"x.service": Other("loaded", "inactive", "dead", "success", "", {})})
    found = set()
    for values, remain, sub, triggered in product(((), (once,), (once, again)), (False, True), ACTIVE_STATES, others):
        config = TimerConfig("x.timer", values, remain_after_elapse=remain)
        state = TimerState(sub, "resources" if sub == "failed" else "success", (1, 1), (5, 5))
        context = Context(10 * SEC, 10 * SEC, triggered=triggered, dates=UtcDates(), boot=(1, 1))
        for happens in FROM_DOWN if ACTIVE_STATES[sub] in INACTIVE_OR_FAILED else FROM_UP:
            new, actions = KIND.step(config, state, happens, context)
            told = [action.sub for action in actions if isinstance(action, events.Changed)]
            assert told[-1:] == [new.sub] or new.sub == sub
            found.add((sub, new.sub))
    assert {(old, new) for old, new in found if old != new} == documented
