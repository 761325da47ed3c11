"""What services tell of themselves (sd_notify(3)), and what happens when they do not."""

from __future__ import annotations

import pytest

from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.units import events
from systemctl_replacement.units.numbers import c_integer
from tests.unit.units.world import World, started


def watchdog(world: World) -> int | None:
    return world.state.watchdog_deadline


def test_notify_is_ready_when_it_says_so() -> None:
    world, main = started(type="notify", notify_access="main")
    assert world.state.sub == "start"
    world.step(events.Notified(main, {"READY": "1", "STATUS": "serving"}))
    assert (world.state.sub, world.state.status_text) == ("running", "serving")
    world.step(events.Notified(main, {"RELOADING": "1"}))
    assert world.state.sub == "reload"
    world.step(events.Notified(main, {"READY": "1"}))
    assert world.state.sub == "running"


def test_notify_that_ends_without_being_ready() -> None:
    world, main = started(type="notify", notify_access="main")
    world.exit(main)
    assert (world.state.sub, world.state.result) == ("failed", "protocol")


def test_a_start_that_takes_too_long() -> None:
    world, main = started(type="notify", notify_access="main")
    world.elapse()
    assert (world.state.sub, world.state.result) == ("stop-sigterm", "timeout")
    world.elapse()
    assert world.state.sub == "stop-sigkill"
    world.exit(main, "killed", SIGKILL)
    assert world.state.sub == "failed"


def test_the_watchdog_bites_what_gives_no_sign_of_life() -> None:
    world, main = started(type="notify", notify_access="main", watchdog_usec=1_000_000)
    assert watchdog(world) is None, "it is armed when the service is up"
    world.step(events.Notified(main, {"READY": "1"}))
    assert watchdog(world) == world.now + 1_000_000
    world.now += 900_000
    world.step(events.Notified(main, {"WATCHDOG": "1"}))
    assert watchdog(world) == world.now + 1_000_000
    world.now += 1_000_000
    world.step(events.WatchdogElapsed())
    assert (world.state.sub, world.state.result) == ("stop-watchdog", "watchdog")
    assert events.SignalAll(6) in world.asked
    world.exit(main, "dumped", 6)
    assert (world.state.sub, world.state.result) == ("failed", "watchdog")


def test_a_service_may_set_and_trigger_its_watchdog() -> None:
    world, main = started(notify_access="main")
    assert watchdog(world) is None
    world.step(events.Notified(main, {"WATCHDOG_USEC": "5000000"}))
    assert watchdog(world) == world.now + 5_000_000
    world.step(events.Notified(main, {"WATCHDOG": "trigger"}))
    assert (world.state.sub, world.state.result) == ("stop-watchdog", "watchdog")


def test_a_start_may_be_extended() -> None:
    world, main = started(type="notify", notify_access="main")
    assert world.state.deadline == world.now + 90_000_000
    world.step(events.Notified(main, {"EXTEND_TIMEOUT_USEC": "1000"}))
    assert world.state.deadline == world.now + 90_000_000, "an earlier time changes nothing"
    world.step(events.Notified(main, {"EXTEND_TIMEOUT_USEC": "100000000"}))
    assert world.state.deadline == world.now + 100_000_000


def test_malformed_fields_are_told_and_left_out() -> None:
    world, main = started(notify_access="main")
    world.step(events.Notified(main, {"ERRNO": "x", "WATCHDOG_USEC": "-1", "STATUS": "fine"}))
    assert world.state.status_text == "fine"
    told = [action.message for action in world.asked if isinstance(action, events.Log)]
    assert "Failed to parse ERRNO= field value 'x' in notification message: Invalid argument" in told
    assert "Failed to parse WATCHDOG_USEC=-1" in told


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), (" +7", 7), ("0x1F", 31), ("017", 15), ("0o17", 15), ("0b11", 3), ("-5", -5), ("0", 0), ("-0", 0),
     ("", None), ("7 ", None), ("1_0", None), ("08", None), ("0x", None), ("x", None), ("٣", None), ("+-1", None)],
)  # fmt: skip
def test_numbers_are_read_as_systemd_reads_them(text: str, number: int | None) -> None:
    assert c_integer(text) == number


def test_what_a_status_may_not_be() -> None:
    world, main = started(notify_access="main")
    world.step(events.Notified(main, {"STATUS": "fine \x1b[1m", "ERRNO": "ENOENT"}))
    assert (world.state.status_text, world.state.status_errno) == ("fine \x1b[1m", 2)
    world.step(events.Notified(main, {"STATUS": "no utf-8 \udcff", "ERRNO": "4096"}))
    assert (world.state.status_text, world.state.status_errno) == ("", 2)
    told = [action.message for action in world.asked if isinstance(action, events.Log)]
    assert "Status message in notification message is not UTF-8 clean, ignoring." in told
    assert "Failed to parse ERRNO= field value '4096' in notification message: Numerical result out of range" in told


def test_of_several_words_on_what_it_is_at_the_last_counts() -> None:
    world, main = started(type="notify", notify_access="main")
    world.step(events.Notified(main, {"STOPPING": "1", "READY": "1"}))
    assert world.state.sub == "running"
    world.step(events.Notified(main, {"READY": "1", "RELOADING": "1"}))
    assert world.state.sub == "reload"
    world.step(events.Notified(main, {"RELOADING": "1", "READY": "1"}))
    assert world.state.sub == "running"


def test_notify_reload_in_one_message() -> None:
    world, main = started(type="notify-reload", notify_access="main")
    world.step(events.Notified(main, {"READY": "1"}))
    world.step(events.Reload())
    answer = {"READY": "1", "RELOADING": "1"}
    world.step(events.Notified(main, {**answer, "MONOTONIC_USEC": str(world.now - 1)}))
    assert world.state.sub == "reload-signal", "an answer to something else"
    world.step(events.Notified(main, {**answer, "MONOTONIC_USEC": str(world.now)}))
    assert world.state.sub == "running"


def test_notify_reload() -> None:
    world, main = started(type="notify-reload", notify_access="main")
    world.step(events.Notified(main, {"READY": "1"}))
    world.step(events.Reload())
    assert world.state.sub == "reload-signal"
    assert events.Signal((main,), 1) in world.asked
    world.step(events.Notified(main, {"RELOADING": "1", "MONOTONIC_USEC": str(world.now - 1)}))
    assert world.state.sub == "reload-signal", "that was an earlier reload"
    world.step(events.Notified(main, {"RELOADING": "1", "MONOTONIC_USEC": str(world.now)}))
    assert world.state.sub == "reload-notify"
    world.step(events.Notified(main, {"READY": "1"}))
    assert (world.state.sub, world.state.reload_result) == ("running", "success")


def test_notify_reload_that_is_not_answered() -> None:
    world, main = started(type="notify-reload", notify_access="main")
    world.step(events.Notified(main, {"READY": "1"}))
    world.step(events.Reload())
    world.elapse()
    assert (world.state.sub, world.state.result, world.state.reload_result) == ("running", "success", "timeout")
