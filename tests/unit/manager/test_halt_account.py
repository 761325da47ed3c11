"""What the log says at the end of a halt, and what it says at boot of the time that one may take."""

from __future__ import annotations

from typing import Any, cast

import pytest

from systemctl_replacement.jobs.model import Job
from systemctl_replacement.jobs.turns import Stop
from systemctl_replacement.loop import Loop, now_monotonic
from systemctl_replacement.manager.halt.account import HaltAccount, summary
from systemctl_replacement.manager.halt.stop_budget import raising, warning
from systemctl_replacement.manager.halt.stop_time import StopTime, who_kills
from systemctl_replacement.manager.jobs.table import JobEnd
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.supervision.farewell import FAREWELL_USEC, take_leave
from systemctl_replacement.supervision.supervision import Processes

SECOND = 1_000_000
TOLD = StopTime(10 * SECOND)
GUESSED = StopTime(9 * SECOND, "Docker")


@pytest.mark.parametrize(
    ("stops", "time", "expected"),
    [
        ({"a": (2 * SECOND, False)}, 0, (False, "")),
        ({"a": (5_120_000, False)}, 0, (False, "The halt took 9s. Slow to stop: a (5.1s).")),
        ({"a": (3 * SECOND, False)}, 9 * SECOND, (False, "The halt took 9s. Slow to stop: a (3s).")),
        (
            {"a": (90_000, True), "b": (8 * SECOND, True), "c": (6 * SECOND, False), "d": (7 * SECOND, False)},
            60 * SECOND,
            (True, "The halt took 9s. Killed: b (after 8s), a (after 90ms). Slow to stop: d (7s), c (6s)."),
        ),
    ],
)
def test_who_was_killed_and_who_was_slow(
    stops: dict[str, tuple[int, bool]], time: int, expected: tuple[bool, str]
) -> None:
    assert summary(9 * SECOND, stops, time) == expected


class Units:
    """A registry in which nobody is known any more."""

    def find(self, _name: str) -> None:
        return None


def test_a_stop_goes_on_being_timed_after_a_reexecution() -> None:
    now = now_monotonic()
    account = HaltAccount(cast("Registry", Units()), lambda: now - 20 * SECOND)
    saved = {"began": [(7, now - 6 * SECOND)], "stops": [["b", 8 * SECOND, True]]}
    account.restore(saved)
    assert account.saved == saved
    account.ended(JobEnd(Job(7, "a", "stop", "running"), "done", already=False))
    killed, text = account.summary(0)
    assert killed and "Killed: b (after 8s). Slow to stop: a (6" in text


def warned(time: StopTime, *needs: int, has_command: bool = False) -> str:
    stops = {f"u{n}": Stop(need, (f"u{n - 1}",) if n else ()) for n, need in enumerate(needs)}
    return warning(stops, time, lambda seconds: f"wait {seconds}", has_command)


def test_stops_that_do_not_fit_are_said_with_the_time_that_they_need() -> None:
    assert warned(TOLD, 4 * SECOND, 0, 5 * SECOND) == ""
    assert warned(TOLD, 4 * SECOND, 0, 5 * SECOND + 1) == (
        "Stopping units in order may take 9.000001s: u0 (4s), u2 (5.000001s). The halt has 9s. "
        "To give it more: wait 11."
    )
    assert warned(GUESSED, 10 * SECOND).endswith(
        "The halt has 9s, as Docker does by default. To give it more: wait 11."
    )


@pytest.mark.parametrize(
    ("environment", "engine", "by_option", "expected"),
    [
        ({}, "docker", False, "docker run --stop-timeout=7, and SYSTEMCTL_STOP_TIMEOUT=7"),
        ({}, "podman", True, "podman run --stop-timeout=7, and init --stop-timeout=7"),
        (
            {"KUBERNETES_SERVICE_HOST": "x"},
            "podman",
            False,
            "terminationGracePeriodSeconds: 7, and SYSTEMCTL_STOP_TIMEOUT=7",
        ),
        ({}, "systemd-nspawn", False, "SYSTEMCTL_STOP_TIMEOUT=7"),
        ({}, "", True, "init --stop-timeout=7"),
    ],
)
def test_the_engine_is_told_in_its_own_words(
    environment: dict[str, str], engine: str, by_option: bool, expected: str
) -> None:
    assert raising(who_kills(environment, engine), by_option, "7") == expected


class Busy:
    """Processes whose supervisors never answer, and a loop that only notes when it would stop."""

    def __init__(self) -> None:
        self.at: list[int] = []
        self.trackings: dict[str, object] = {}

    def call_at(self, time: int, _callback: object) -> None:
        self.at.append(time)

    def stop(self) -> None:
        raise AssertionError("before its time")

    def when_released(self, _callback: object) -> None:
        """They are not."""


def left_at(by: int) -> int:
    busy = cast("Any", Busy())
    take_leave(cast("Loop", busy), cast("Processes", busy), cast("Any", None), by)
    [at] = busy.at
    return int(at) - now_monotonic()


def test_a_blocked_output_cannot_hold_the_manager_until_it_is_killed() -> None:
    now = now_monotonic()
    assert FAREWELL_USEC - SECOND < left_at(0) <= FAREWELL_USEC
    assert FAREWELL_USEC - SECOND < left_at(now + 60 * SECOND) <= FAREWELL_USEC
    assert left_at(now + SECOND) <= SECOND
    assert left_at(now - SECOND) <= 0


def test_the_share_of_a_foreground_command_counts() -> None:
    assert warned(TOLD, 4_500_000, has_command=True) == ""
    text = warned(TOLD, 5 * SECOND, has_command=True)
    assert text.endswith("The halt has 9s, 4.5s of it for the foreground command. To give it more: wait 11.")
    assert warned(StopTime(11 * SECOND), 5 * SECOND, has_command=True) == ""
    assert warned(GUESSED, 6 * SECOND, has_command=True) == ""
    text = warned(GUESSED, 7 * SECOND, has_command=True)
    assert ", as Docker does by default, 3s of it for the foreground command. To give it more: wait 15." in text
