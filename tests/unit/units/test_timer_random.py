"""The machine of timers through drawn lives, and through every event in every state."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.dates import ZoneChanged
from systemctl_replacement.units.events import MONOTONIC, REALTIME, Context, Other
from systemctl_replacement.units.states import INACTIVE_OR_FAILED
from systemctl_replacement.units.timer.config import TimerConfig
from systemctl_replacement.units.timer.kind import KIND
from systemctl_replacement.units.timer.state import ACTIVE_STATES, TimerState
from tests.test_documentation import table
from tests.unit.units.timer_world import DAY, FILE, HOUR, MINUTE, NOON, SEC, UtcDates, World

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
