"""Whose turn it is in the manager's loop, seen by the order of events. The tests have their own clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Callable

import pytest

from systemctl_replacement import loop as loop_module
from systemctl_replacement.loop import LINKS, OWNERS, READ, SIGNALS, SLICE_USEC, STRANGERS, Loop

DUE = 1_000_000


class World:
    """A loop, its clock, and pipes. Events are written down in `seen`."""

    def __init__(self) -> None:
        self.now = DUE
        self.seen: list[str] = []
        self.loop = Loop(self._failed)
        self._pipes: list[int] = []

    def _failed(self, where: str, error: BaseException) -> None:
        raise AssertionError(where) from error

    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._pipes += ends
        return ends

    def watch(self, name: str, rank: int, *, then: Callable[[], object] = lambda: None, takes: int = 0) -> int:
        """Something to be read in this rank: noted, it takes so long, then something else happens. Returns the end to
        write to."""
        read_end, write_end = self.pipe()

        def ready(_events: int) -> None:
            os.read(read_end, 1)
            self.seen.append(name)
            self.now += takes
            then()

        self.loop.add(read_end, READ, ready, rank)
        return write_end

    def arrived(self, name: str, rank: int, *, then: Callable[[], object] = lambda: None, takes: int = 0) -> None:
        os.write(self.watch(name, rank, then=then, takes=takes), b"x")

    def close(self) -> None:
        for fd in self._pipes:
            os.close(fd)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()
    monkeypatch.setattr(loop_module, "now_monotonic", lambda: world.now)
    yield world
    world.close()


def test_signals_then_links_then_deadlines_then_clients(world: World) -> None:
    world.arrived("stranger", STRANGERS, then=world.loop.stop)
    world.arrived("root", OWNERS)
    world.loop.call_at(DUE, lambda: world.seen.append("deadline"))
    world.arrived("link", LINKS)
    world.arrived("signal", SIGNALS)
    world.loop.run()
    assert world.seen == ["signal", "link", "deadline", "root", "stranger"]


def test_no_deadline_is_believed_before_what_has_arrived_is_read(world: World) -> None:
    """A watchdog ping that came while the manager was busy counts, however late it is read."""
    watchdog = world.loop.call_at(DUE + 10, lambda: world.seen.append("watchdog"))
    ping = world.watch("ping", LINKS, then=watchdog.cancel)
    world.arrived("busy", LINKS, then=lambda: os.write(ping, b"x"), takes=20 * SLICE_USEC)
    world.loop.call_at(DUE + 20, world.loop.stop)
    world.loop.run()
    assert world.seen == ["busy", "ping"]


@pytest.mark.parametrize("rank", [SIGNALS, LINKS])
def test_no_deadline_is_believed_before_what_has_arrived_is_worked_on(world: World, rank: int) -> None:
    """Ends of processes, for one, may be more than are reaped in one turn, and others are served meanwhile."""
    left = 20

    def work() -> None:
        nonlocal left
        left -= 1
        world.seen.append("work")
        if left:
            world.loop.defer(rank, work)

    def due() -> None:
        world.seen.append(f"deadline with {left} left")
        world.loop.stop()

    world.loop.call_at(DUE, due)
    world.arrived("root", OWNERS)
    world.loop.defer(rank, work)
    world.loop.run()
    assert world.seen[-1] == "deadline with 0 left"
    assert world.seen.index("root") < 5


def test_who_makes_work_without_end_holds_up_no_deadline_for_ever(world: World) -> None:
    def work() -> None:
        world.loop.defer(LINKS, work)

    world.loop.defer(LINKS, work)
    world.loop.call_at(DUE, world.loop.stop)
    world.loop.run()


def test_who_goes_on_sending_holds_up_no_deadline(world: World) -> None:
    chatty: list[int] = []
    chatty.append(world.watch("word", LINKS, then=lambda: os.write(chatty[0], b"x")))
    os.write(chatty[0], b"x")
    world.loop.call_at(DUE, world.loop.stop)
    world.loop.run()
    assert "word" in world.seen


@pytest.mark.parametrize("rank", [LINKS, OWNERS, STRANGERS])
def test_a_signal_waits_for_one_slice_only(world: World, rank: int) -> None:
    signal = world.watch("signal", SIGNALS, then=world.loop.stop)
    for number in range(5):
        then = (lambda: os.write(signal, b"x")) if number == 1 else (lambda: 0)
        world.arrived(str(number), rank, then=then, takes=SLICE_USEC + 1)
    world.loop.run()
    assert world.seen == ["0", "1", "signal"]


def test_a_signal_comes_between_deadlines(world: World) -> None:
    signal = world.watch("signal", SIGNALS, then=world.loop.stop)

    def late() -> None:
        world.seen.append("late")
        world.now += SLICE_USEC + 1
        os.write(signal, b"x")

    for _ in range(3):
        world.loop.call_at(DUE, late)
    world.loop.run()
    assert world.seen == ["late", "signal"]


def test_nobody_is_served_twice_before_others(world: World) -> None:
    chatty: list[int] = []
    chatty.append(world.watch("chatty", STRANGERS, then=lambda: os.write(chatty[0], b"x"), takes=SLICE_USEC + 1))
    os.write(chatty[0], b"x")
    world.arrived("other", STRANGERS, then=world.loop.stop, takes=SLICE_USEC + 1)
    world.loop.run()
    assert world.seen == ["chatty", "other"]


def test_work_of_clients_gets_one_step_in_each_turn(world: World) -> None:
    def work() -> None:
        world.seen.append("work")
        os.write(signal, b"x")
        world.loop.defer(STRANGERS, work)

    signal = world.watch("signal", SIGNALS, then=world.loop.stop)
    world.loop.defer(STRANGERS, work)
    world.loop.run()
    assert world.seen == ["work", "signal"]


def test_a_descriptor_that_was_removed_is_not_taken_for_its_successor(world: World) -> None:
    read_end, write_end = world.pipe()
    os.write(write_end, b"x")
    empty, _ = world.pipe()

    def replace() -> None:
        world.loop.remove(read_end)
        os.dup2(empty, read_end)
        world.loop.add(read_end, READ, lambda _events: world.seen.append("its successor"))
        world.loop.call_soon(world.loop.stop)

    world.arrived("first", LINKS, then=replace)
    world.loop.add(read_end, READ, lambda _events: world.seen.append("removed"))
    world.loop.run()
    assert world.seen == ["first"]
