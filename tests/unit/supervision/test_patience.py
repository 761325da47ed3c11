"""What is held against a helper that owes an answer, and what is not. Time is the test's own."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from systemctl_replacement.supervision import patience as module
from systemctl_replacement.supervision.patience import ANSWER, NOTHING, WORK, Helper, Patience

SIGKILL, SIGCONT = 9, 18
PID = 4711


class World:
    """One helper: `state` is a letter as in /proc/PID/stat, or "" where /proc cannot be read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000
        self.timers: list[Any] = []  # those that wait
        self.state = "S"
        self.runs = False
        self.is_there = True
        self.is_killable = True
        self.debt = ANSWER
        self.pid = PID
        self.lateness = 0  # of each look
        self.signals: list[tuple[int, int]] = []  # (milliseconds, signal)
        self.replaced = 0
        self.lines: list[str] = []
        self._switches = 0
        monkeypatch.setattr(module, "now_monotonic", lambda: self.now)
        monkeypatch.setattr(module, "read_stat", self._stat)
        monkeypatch.setattr(module, "switches", self._count)
        monkeypatch.setattr(module, "send", self._send)
        monkeypatch.setattr(os, "kill", self._probe)
        loop: Any = SimpleNamespace(call_at=self._call_at, guard=lambda callback: callback())
        self.patience = Patience(loop, self.lines.append)
        self.began = self.now

    def _call_at(self, time: int, callback: Callable[[], object]) -> Any:
        timer = SimpleNamespace(time=time, callback=callback)
        timer.cancel = lambda: self.timers.remove(timer) if timer in self.timers else None
        self.timers.append(timer)
        return timer

    def _stat(self, pid: int) -> Any:
        return (self.state, 1, pid, 77) if self.is_there and self.state and pid == self.pid else None

    def _count(self, _pid: int) -> bytes:
        self._switches += self.runs
        return b"%d" % self._switches

    def _send(self, pid: int, number: int) -> bool:
        assert pid == self.pid
        self.signals.append(((self.now - self.began) // 1000, number))
        if number == SIGKILL and self.is_killable:
            self.pid, self.debt = 0, NOTHING  # the end of its link has told, and nobody is asked again
        return True

    def _probe(self, _pid: int, _number: int) -> None:
        if not self.is_there:
            raise ProcessLookupError

    def _replace(self) -> None:
        self.replaced += 1
        self.debt = NOTHING

    def expect(self) -> None:
        self.patience.expect("it", lambda: Helper(self.pid, "helper", self._replace), lambda: self.debt)

    def go_on(self, seconds: float, at_look: Callable[[], None] = lambda: None) -> None:
        end = self.now + int(seconds * 1_000_000)
        while True:
            timer = min(self.timers, key=lambda waiting: waiting.time, default=None)
            if timer is None or timer.time + self.lateness > end:
                break
            self.timers.remove(timer)
            self.now = max(self.now, timer.time + self.lateness)
            at_look()
            timer.callback()
        self.now = end

    @property
    def killed_at(self) -> list[int]:
        return [when for when, number in self.signals if number == SIGKILL]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch)
    world.expect()
    return world


@pytest.mark.parametrize("state", ["T", "t"])
@pytest.mark.parametrize("debt", [ANSWER, WORK])
def test_one_that_is_stopped_again_and_again(world: World, debt: int, state: str) -> None:
    world.debt, world.state = debt, state
    world.go_on(60)
    assert world.signals == [(500, SIGCONT), (750, SIGCONT), (1000, SIGCONT), (1250, SIGKILL)]
    assert world.lines == [
        "The helper was stopped while it is needed: continuing it.",
        "The helper is stopped again and again: killing it.",
    ]
    assert not world.timers and not world.replaced


def test_one_that_is_stopped_once(world: World) -> None:
    world.state = "T"
    world.go_on(0.6)
    world.state = "S"
    world.go_on(1)
    world.patience.answered("it")
    assert world.signals == [(500, SIGCONT)] and not world.timers


@pytest.mark.parametrize(
    ("state", "runs", "after"), [("S", False, 5), ("D", False, 5), ("R", True, 30), ("S", True, 30)]
)
def test_one_that_does_not_answer(world: World, state: str, runs: bool, after: float) -> None:
    """The first look counts as little as if it had run: nothing is known of it yet."""
    world.state, world.runs = state, runs
    world.go_on(100)
    assert [when / 1000 for when in world.killed_at] == pytest.approx([after], abs=1)
    assert world.lines == ["The helper does not answer: killing it."]


@pytest.mark.parametrize("state", ["S", "D", "R"])
def test_work_may_take_its_time(world: World, state: str) -> None:
    world.debt, world.state = WORK, state
    looks: list[int] = []
    world.go_on(3600, lambda: looks.append(world.now))
    assert not world.signals and len(looks) < 15  # each time twice as long


def test_a_new_request_is_looked_after_soon_however_long_the_last_one_takes(world: World) -> None:
    world.debt = WORK
    world.go_on(3600)
    world.began, world.state = world.now, "T"
    world.expect()
    world.go_on(0.6)
    assert world.signals == [(500, SIGCONT)]


@pytest.mark.parametrize("state", ["T", "D", "S", "R"])
def test_nothing_is_held_against_anybody_while_we_do_not_run_ourselves(world: World, state: str) -> None:
    """In a frozen container, or where the machine is too busy. One that is stopped is continued all the same."""
    world.state, world.lateness = state, 300_000
    world.go_on(600)
    assert not world.killed_at
    assert (SIGCONT in [number for _, number in world.signals]) == (state == "T")


def test_after_a_thaw_a_helper_has_the_time_that_is_left(world: World) -> None:
    world.go_on(4)
    world.lateness = 3600 * 1_000_000
    world.go_on(3601)
    world.lateness = 0
    assert not world.killed_at
    world.patience.answered("it")
    assert not world.timers


def test_those_who_stop_and_go_are_left_alone(world: World) -> None:
    world.debt = WORK

    def toggle() -> None:
        world.state = "S" if world.state == "T" else "T"

    world.go_on(600, toggle)
    assert not world.killed_at


@pytest.mark.parametrize("state", ["D", "T"])
def test_one_that_cannot_be_killed_is_not_waited_for(world: World, state: str) -> None:
    world.state, world.is_killable = state, False
    world.go_on(100)
    assert world.replaced == 1 and len(world.killed_at) == 1
    assert world.lines[-1] == f"The helper (PID {PID}) does not end: going on without it."
    assert world.patience.left == [PID]
    world.state = "Z"
    assert world.patience.left == []


def test_an_answer_of_one_that_was_killed_does_not_hide_that_it_does_not_end(world: World) -> None:
    world.state, world.is_killable = "T", False
    world.go_on(1.3)
    world.debt = NOTHING
    world.patience.answered("it")
    world.go_on(1)
    assert world.replaced == 1


@pytest.mark.parametrize("how", ["zombie", "gone"])
def test_one_whose_end_nothing_tells(world: World, how: str) -> None:
    world.state, world.is_there = ("Z", True) if how == "zombie" else ("S", False)
    world.go_on(1)
    assert world.replaced == 1 and not world.signals and not world.patience.left


def test_one_that_cannot_be_looked_at(world: World) -> None:
    """No descriptor is left."""
    world.state = ""
    world.go_on(100)
    assert not world.signals and not world.replaced


def test_another_process_begins_anew(world: World) -> None:
    world.state = "T"
    world.go_on(1.1)
    world.pid += 1
    world.go_on(0.2)
    assert not world.killed_at
    world.go_on(1)
    assert world.killed_at
