"""What ends of processes cost, and what is made of them, after a supervisor was killed. The kernel is made up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Callable, Optional

import pytest

from systemctl_replacement import fair_queue
from systemctl_replacement.loop import LINKS, SIGNALS, Loop, now_monotonic
from systemctl_replacement.process import descendants
from systemctl_replacement.supervision import unit_processes
from systemctl_replacement.supervision.reaper import Reaper
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.units.events import Empty, Exited

LOST, STRANGERS = 300, 1000
ME, SESSION, LIFE = 1, 7, b"INVOCATION_ID=life\0"


class Kernel:
    """Processes as pid -> [parent, session, environment, start time]; `reads` counts the looks into /proc."""

    def __init__(self) -> None:
        self.processes: dict[int, list[Any]] = {}
        self.zombies: list[int] = []
        self.reads = 0
        self._starts = 0

    def fork(self, pid: int, parent: int = ME, session: int = SESSION, environment: bytes = b"A=b\0") -> int:
        self._starts += 1
        self.processes[pid] = [parent, session, environment, self._starts]
        return pid

    def end(self, pid: int) -> None:
        """A process ends. Its children become ours."""
        for process in self.processes.values():
            if process[0] == pid:
                process[0] = ME
        if self.processes[pid][0] == ME:
            self.zombies.append(pid)
        else:
            del self.processes[pid]

    def read(self, _look: Callable[[str], Any], path: str) -> Any:
        self.reads += 1
        _, _, number, what, *_ = path.split("/")
        pid = int(number)
        if pid not in self.processes and pid != ME:
            raise FileNotFoundError(path)
        if path.endswith("/task"):
            return [str(pid)]
        if path.endswith("/children"):
            return b" ".join(b"%d" % child for child, process in self.processes.items() if process[0] == pid)
        parent, _, environment, start = self.processes[pid]
        if what == "environ":
            return environment
        state = b"Z" if pid in self.zombies else b"S"
        return b"%d (x) %s %d " % (pid, state, parent) + b"0 " * 17 + b"%d" % start + b" 1" * 40

    def waitid(self, *_: int) -> Optional[SimpleNamespace]:
        return SimpleNamespace(si_pid=self.zombies[0]) if self.zombies else None

    def waitpid(self, pid: int, _options: int) -> tuple[int, int]:
        self.zombies.remove(pid)
        del self.processes[pid]
        return pid, 0

    def getsid(self, pid: int) -> int:
        if pid not in self.processes and pid != 0:
            raise ProcessLookupError(pid)
        return self.processes[pid][1] if pid else ME


class World:
    """A unit without a supervisor, among strangers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel = kernel = Kernel()
        for module in (descendants, unit_processes):
            monkeypatch.setattr(module, "with_reserve", kernel.read)
        for name in ("waitid", "waitpid", "getsid"):
            monkeypatch.setattr(os, name, getattr(kernel, name))
        monkeypatch.setattr(os, "getpid", lambda: ME)
        self.events: list[Any] = []
        self.members: list[int] = []  # how many processes the unit had each time that others were told of
        self.loop = Loop(self._failed)
        self.tracking = Tracking("x.service")
        self.reaper = Reaper(
            self.loop,
            {"x.service": self.tracking},
            set,
            lambda _unit, event: self.events.append(event),
            lambda _tracking: None,
            lambda tracking: self.members.append(len(tracking.lost)),
        )

    def _failed(self, where: str, error: BaseException) -> None:
        raise AssertionError(where) from error

    def begin(self, lost: int = LOST, strangers: int = STRANGERS) -> None:
        """Processes 1000 and on are the unit's, 5000 and on are strangers' orphans; the supervisor has died."""
        for pid in range(1000, 1000 + lost):
            self.kernel.fork(pid, environment=LIFE)
        for pid in range(5000, 5000 + strangers):
            self.kernel.fork(pid, session=9)
        self.tracking.children = [(pid, self.kernel.processes[pid][3]) for pid in range(1000, 1000 + lost)]
        self.reaper.adopt(self.tracking, "life", 0)
        self.kernel.reads = 0

    def end(self, *pids: int) -> None:
        """Processes end, and the manager does everything that this makes it do."""
        for pid in pids:
            self.kernel.end(pid)
        self.reaper.reap()
        while self.loop.has_pending():
            self.loop._serve(SIGNALS)
            self.loop._serve(LINKS)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with monkeypatch.context() as patches:
        yield World(patches)


def test_the_end_of_a_stranger_makes_no_work(world: World) -> None:
    world.begin()
    world.end(*range(5000, 5100))
    assert world.kernel.reads == 0
    assert not world.kernel.zombies and not world.events


@pytest.mark.parametrize("died", [True, False], ids=["lost", "about to be lost"])
def test_what_is_known_to_be_another_units_is_not_judged(world: World, died: bool) -> None:
    """Where all supervisors are killed at once, the processes of all units are ours."""
    world.begin(strangers=0)
    if not died:
        world.tracking.children, world.tracking.lost = list(world.tracking.lost.items()), {}
    other = Tracking("y.service")
    world.reaper._trackings[other.unit] = other
    for pid in (4000, 4001):
        world.kernel.fork(pid, environment=b"INVOCATION_ID=other\0")
    other.children = [(4000, world.kernel.processes[4000][3])]
    world.reaper.adopt(other, "other", 0)
    assert list(other.lost) == [4000, 4001]
    assert world.kernel.reads < 30


def test_an_end_in_the_unit_costs_what_has_changed(world: World) -> None:
    """Neither a look at each stranger, nor one at each other process of the unit."""
    world.begin()
    for pid in range(1000, 1200):
        world.end(pid)
    assert world.kernel.reads / 200 < 25
    assert [event.pid for event in world.events] == list(range(1000, 1200))


def test_whose_a_process_was_is_told_when_it_has_ended(world: World) -> None:
    """Its number may be another process's by the time that somebody logs with it."""
    world.begin()
    assert world.members[-1] == LOST
    world.end(1000)
    assert world.members[-1] == LOST - 1


def test_many_ends_at_once_are_one_look(world: World) -> None:
    world.begin()
    world.end(*range(1000, 1000 + LOST - 1))
    assert world.kernel.reads < 10
    assert not any(event.last for event in world.events)
    world.end(1000 + LOST - 1)
    assert world.events[-1].last and not world.tracking.has_strays


def test_no_step_looks_at_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "SLICE", 0)  # one step in each turn
    world.begin()
    for pid in range(2000, 2200):
        world.kernel.fork(pid, parent=1000, session=SESSION)
    for pid in range(2200, 2300):
        world.kernel.fork(pid, parent=2000, session=2000)
    for pid in range(1000, 1200):
        world.kernel.end(pid)
    world.reaper.reap()
    most = 0
    while world.loop.has_pending():
        before = world.kernel.reads
        world.loop._serve(LINKS)
        most = max(most, world.kernel.reads - before)
    assert most <= 6
    assert set(range(2000, 2300)) <= world.tracking.lost.keys()


def test_a_question_is_answered_in_small_steps(world: World) -> None:
    world.begin()
    for pid in range(2000, 2200):
        world.kernel.fork(pid, parent=1000, session=2000, environment=b"")
    most = 0
    search = world.reaper.looking_for_pids("x.service")
    while True:
        before = world.kernel.reads
        try:
            next(search)
        except StopIteration as end:
            assert sorted(end.value) == [*range(1000, 1000 + LOST), *range(2000, 2200)]
            break
        most = max(most, world.kernel.reads - before)
    assert most <= 6


def test_who_asks_does_not_hide_the_end_from_the_unit(world: World) -> None:
    world.begin(lost=2)
    world.kernel.end(1000)
    world.kernel.end(1001)
    world.reaper.pids("x.service")
    world.end()
    assert [event.last for event in world.events] == [False, True]


def test_the_main_process_ends_last(world: World) -> None:
    """What is told of the others could end another life of the unit."""
    world.begin(lost=3)
    world.tracking.main = 1000
    world.end(1000, 1001, 1002)
    assert [(event.pid, event.last) for event in world.events] == [(1001, False), (1002, False), (1000, True)]


def test_an_end_that_is_still_to_be_told_counts(world: World) -> None:
    """Nobody guesses how the main process ended, and the unit is not empty yet."""
    world.begin(lost=1)
    world.tracking.main = 1000
    world.kernel.end(1000)
    world.reaper.reap()
    assert not world.tracking.idle
    assert world.reaper.untold_ends(world.tracking, 0, is_there=False) == []
    assert world.reaper.untold_ends(world.tracking, 0, is_there=True) == []


def test_the_session_of_one_that_has_left_its_own_since_is_known_at_its_end(world: World) -> None:
    world.begin()
    world.kernel.processes[1000][1] = 1000  # setsid(2)
    world.kernel.fork(2000, parent=1000, session=1000)
    world.end(1000)
    assert 2000 in world.tracking.lost


def test_who_was_forked_below_the_unit_is_known_after_some_ends(world: World) -> None:
    """It has neither the session nor the environment by which it would be known later."""
    world.begin(lost=20)
    world.kernel.fork(2000, parent=1019, session=2000)
    world.end(1000)
    world.end(1001)
    world.end(1002)
    world.end(1019)
    assert 2000 in world.tracking.lost


def test_the_number_of_a_stranger_is_given_to_another(world: World) -> None:
    world.begin()
    world.end(1000)
    world.end(5000)
    world.kernel.fork(5000, session=5000, environment=LIFE)
    world.end(1001)
    assert 5000 in world.tracking.lost


def test_those_that_ended_below_the_last_are_not_waited_for(world: World) -> None:
    world.begin(lost=1)
    world.kernel.fork(2000, parent=1000)
    world.reaper.pids("x.service")
    world.kernel.end(2000)  # reaped by its parent
    world.end(1000)
    assert [type(event) for event in world.events] == [Exited] and world.events[0].last


def test_the_end_of_one_in_the_middle_of_an_exec_is_the_end_of_the_unit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_processes, "has_environment", lambda _pid: False)
    world.begin(lost=1)
    world.kernel.fork(2000, session=2000, environment=b"")
    world.end(1000)
    assert not world.events[0].last
    world.end(2000)
    assert world.events[1:] == [Empty()]


def test_no_deadline_comes_before_the_ends_that_have_arrived(world: World) -> None:
    world.begin(lost=3000, strangers=0)
    for pid in range(1000, 4000):
        world.kernel.end(pid)
    told: list[int] = []

    def due() -> None:
        told.append(len(world.events))
        world.loop.stop()

    world.loop.call_at(now_monotonic(), due)
    world.reaper.reap()
    world.loop.run()
    assert told == [3000]
