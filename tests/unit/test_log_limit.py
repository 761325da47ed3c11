"""What others can make us log: a burst in each interval, and how much was left out."""

from __future__ import annotations

from typing import Any

from systemctl_replacement.log_limit import INTERVAL_USEC, LogLimit
from systemctl_replacement.supervision.log_limits import LogLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1

    def __call__(self) -> int:
        return self.now


def test_a_burst_and_what_was_left_out() -> None:
    said: list[tuple[int, str]] = []
    clock = Clock()
    limit = LogLimit(lambda level, text: said.append((level, text)), 3, clock)
    for number in range(10):
        limit.log(5, f"line {number}")
        clock.now += 1
    assert said == [(5, "line 0"), (5, "line 1"), (5, "line 2")]
    due = limit.due
    assert due == 1 + INTERVAL_USEC
    clock.now = due - 1
    limit.log(5, "too early")
    assert len(said) == 3
    clock.now += 1
    limit.log(5, "another interval")
    assert said[3:] == [(4, "Suppressed 8 messages."), (5, "another interval")]
    assert (limit.due, len(said)) == (None, 5)
    limit.tell()
    assert len(said) == 5


def test_the_interval_begins_with_the_first_line_after_the_last_one() -> None:
    said: list[str] = []
    clock = Clock()
    limit = LogLimit(lambda _level, text: said.append(text), 2, clock)
    for number in range(20):
        limit.log(5, str(number))
        clock.now += INTERVAL_USEC // 2 + 1
    assert said == [str(number) for number in range(20)]


def test_what_was_left_out_is_told_once_without_another_line() -> None:
    timers: list[tuple[int, Any]] = []
    said: list[str] = []

    class Loop:
        def call_at(self, time: int, callback: Any) -> None:
            timers.append((time, callback))

    loop: Any = Loop()
    limits = LogLimits(loop)
    for number in range(60):
        limits.log("a", 5, str(number), lambda _level, text: said.append(text))
        limits.log("b", 5, f"b{number}", lambda _level, text: said.append(text))
    assert len(said) == 100 and len(timers) == 2
    for _, callback in timers:
        callback()
    assert said[100:] == ["Suppressed 10 messages."] * 2
    limits.log("a", 5, "again", lambda _level, text: said.append(text))
    assert said[-1] == "again" and len(timers) == 2
