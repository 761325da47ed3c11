"""The machine of timers, in virtual time: what it asks for, and what it makes of what happens."""

from __future__ import annotations

import pytest

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.dates import ZoneChanged
from systemctl_replacement.units.events import MONOTONIC, REALTIME, Context, Other, SetClock
from systemctl_replacement.units.timer.config import TimerConfig
from systemctl_replacement.units.timer.kind import KIND
from tests.unit.units.timer_world import DAY, FILE, HOUR, MINUTE, NOON, SEC, UtcDates, World


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
