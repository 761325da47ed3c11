"""What others can make us log: a burst in each interval, and how much was left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.log_limit import INTERVAL_USEC, LogLimit
from systemctl_replacement.manager.core import report_exception
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


class Loop:
    def __init__(self) -> None:
        self.timers: list[Any] = []

    def call_at(self, _time: int, callback: Any) -> None:
        self.timers.append(callback)


def test_limits_are_forgotten_when_their_interval_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic_ns", lambda: clock.now * 1000)
    loop: Any = Loop()
    limits = LogLimits(loop)
    for number in range(10_000):
        limits.log(number, 5, "once", lambda _level, _text: None)
        clock.now += INTERVAL_USEC // 50
    assert len(limits) <= 200


def test_defects_that_were_left_out_have_a_place() -> None:
    said: list[str] = []
    loop: Any = Loop()
    log: Any = SimpleNamespace(manager=lambda _level, text: said.append(text))
    limits = LogLimits(loop)
    for _ in range(60):
        report_exception(log, limits, "x.service", ZeroDivisionError("made for the test"))
    loop.timers[0]()
    assert said[-1] == "Internal error in x.service: Suppressed 10 messages."


def test_what_was_left_out_can_be_told_at_once() -> None:
    said: list[str] = []
    limits = LogLimits(SimpleNamespace(call_at=lambda *_: None))  # type: ignore[arg-type]
    for number in range(60):
        limits.log("a.service", 4, f"line {number}", lambda _level, text: said.append(text))
    limits.tell()
    limits.tell()
    assert said[49:] == ["line 49", "Suppressed 10 messages."]
