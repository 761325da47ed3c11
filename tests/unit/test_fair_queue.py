"""Work in slices: who waits for whom, seen by the order of the steps. The tests have their own clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Callable

import pytest

from systemctl_replacement.fair_queue import SLICE, FairQueue
from systemctl_replacement.loop import STRANGERS


class Deferring:
    """The part of a loop that the queue needs, turn by turn. Each step of the work takes half a slice."""

    def __init__(self) -> None:
        self.now = 0.0
        self.deferred: deque[Callable[[], object]] = deque()
        self.seen: list[str] = []
        self.turns = FairQueue(self, STRANGERS, lambda: self.now)

    def defer(self, rank: int, callback: Callable[[], object]) -> None:
        assert rank == STRANGERS
        self.deferred.append(callback)

    def steps(self, name: str, count: int) -> Iterator[None]:
        for _ in range(count):
            self.seen.append(name)
            self.now += SLICE / 2
            yield

    def turn(self) -> str:
        """What was done in one turn."""
        before = len(self.seen)
        self.deferred.popleft()()
        return "".join(self.seen[before:])


def test_queues_take_turns() -> None:
    loop = Deferring()
    loop.turns.add(1, loop.steps("a", 5))
    loop.turns.add(1, loop.steps("b", 1))
    loop.turns.add(2, loop.steps("c", 3))
    assert [loop.turn() for _ in range(5)] == ["aa", "cc", "aa", "c" + "a", "b"]
    assert not loop.deferred
    assert not loop.turns.has(1)


def test_work_that_fails_costs_only_itself() -> None:
    def broken() -> Iterator[None]:
        yield
        raise RuntimeError("a defect")

    loop = Deferring()
    loop.turns.add(1, broken())
    loop.turns.add(1, loop.steps("a", 1))
    with pytest.raises(RuntimeError):
        loop.turn()
    assert loop.turn() == "a"


def test_work_may_ask_for_more() -> None:
    def asking() -> Iterator[None]:
        loop.turns.add(1, loop.steps("a", 1))
        yield

    loop = Deferring()
    loop.turns.add(1, asking())
    assert loop.turn() == "a"
    assert not loop.deferred
