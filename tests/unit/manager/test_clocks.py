"""What waits for times, and when it wakes up; stamp files; dates of this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement import libc
from systemctl_replacement.loop import Loop, now_monotonic, now_stamp
from systemctl_replacement.manager import stamp_files
from systemctl_replacement.manager.dates import SystemDates
from systemctl_replacement.manager.ports import clocks
from systemctl_replacement.manager.ports.clocks import Clocks, moment_between
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units.events import MONOTONIC, REALTIME

SEC, MINUTE = 1_000_000, 60_000_000
SPANS = st.integers(0, 10 * MINUTE)


class World:
    """A loop with clocks, and what they tell whom."""

    def __init__(self, root: Path) -> None:
        self.failed: list[BaseException] = []
        self.loop = Loop(lambda _where, error: self.failed.append(error))
        self.zone = root / "localtime"
        self.warned: list[str] = []
        self.clocks = Clocks(self.loop, str(self.zone), 0, self.warned.append)
        self.told: list[tuple[str, str]] = []

    def wait(self, name: str, clock: str, span: int | None, accuracy: int = 0) -> clocks.Wait:
        now = now_monotonic() if clock == MONOTONIC else now_stamp()[0]
        at = None if span is None else now + span
        return self.clocks.wait(clock, at, accuracy, lambda what: self.told.append((name, what)))

    def turn(self, seconds: float = 0.05) -> list[tuple[str, str]]:
        self.told.clear()
        self.loop._stopped = False
        self.loop.call_at(now_monotonic() + int(seconds * 1_000_000), self.loop.stop)
        self.loop.run()
        return list(self.told)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    assert not world.failed


@given(SPANS, SPANS, st.integers(0, MINUTE - 1))
def test_a_moment_is_within_what_is_asked_for(start: int, span: int, perturbation: int) -> None:
    earliest = 10**9 + start
    moment = moment_between(earliest, earliest + span, perturbation)
    assert earliest <= moment <= earliest + span
    if span > MINUTE + 1:
        assert moment % MINUTE == perturbation
    elif span > SEC + 1:
        assert moment % SEC == perturbation % SEC


def test_timers_with_time_meet_in_the_same_moment() -> None:
    moments = {moment_between(10**12 + n * SEC, 10**12 + n * SEC + MINUTE, 7) for n in range(50)}
    assert len(moments) <= 2
    assert moment_between(5, 5, 0) == 5
    assert moment_between(INFINITY, INFINITY, 0) == INFINITY


@pytest.mark.parametrize("clock", [MONOTONIC, REALTIME])
def test_who_wakes_up_first_has_the_others_told(world: World, clock: str) -> None:
    """Those whose time has come, although they could have waited for longer."""
    world.wait("early", clock, 1_000, accuracy=MINUTE)
    world.wait("late", clock, 20_000)
    world.wait("later", clock, 10 * MINUTE)
    gone = world.wait("gone", clock, 1_000)
    world.clocks.give_up(gone)
    world.clocks.give_up(gone)
    assert world.turn(0.3) == [("early", "elapsed"), ("late", "elapsed")]
    assert world.turn() == []


@pytest.mark.parametrize("clock", [MONOTONIC, REALTIME])
def test_what_has_come_already_is_told_at_once(world: World, clock: str) -> None:
    """Whatever accuracy is enough: what was missed while nothing ran is made up for as soon as something runs."""
    world.wait("missed", clock, -1_000, accuracy=10 * MINUTE)
    world.wait("soon", clock, MINUTE, accuracy=MINUTE)
    assert world.turn() == [("missed", "elapsed")]


def test_one_descriptor_for_all_and_none_for_nobody(world: World) -> None:
    waits = [world.wait(str(n), REALTIME, MINUTE) for n in range(50)]
    world.turn(0)
    fd = world.clocks.fd
    assert "timerfd" in os.readlink(f"/proc/self/fd/{fd}")
    for wait in waits:
        world.clocks.give_up(wait)
    world.turn(0)
    assert world.clocks.fd == -1


def test_the_clock_is_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sets this machine's clock for a test: the kernel's answer is made up. Only the realtime clock is meant."""
    world.wait("date", REALTIME, MINUTE)
    world.wait("any", REALTIME, None)
    world.wait("span", MONOTONIC, MINUTE)
    world.turn(0)

    def read(_fd: int, _size: int) -> bytes:
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

    monkeypatch.setattr(os, "read", read)
    world.told.clear()
    world.clocks._readable(0)
    monkeypatch.undo()
    assert world.told == [("date", "stepped"), ("any", "stepped")]
    assert world.turn() == []


def test_the_clock_is_set_again_and_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By years, back and forth, while fifty wait for dates. Each is told once of each step, whatever it asks for next,
    and nobody spins: a step costs one call of the kernel."""
    set_to, armed = [now_stamp()[0]], []
    year = 365 * 86_400 * SEC
    real = libc.function

    def settime(_fd: int, _flags: int, _value: bytes, _old: None) -> int:
        armed.append(set_to[0])
        return 0

    monkeypatch.setattr(clocks, "now_stamp", lambda: (set_to[0], 0))
    monkeypatch.setattr(libc, "function", lambda name: settime if name == "timerfd_settime" else real(name))

    def wait(number: int) -> None:
        def tell(what: str) -> None:
            world.told.append((str(number), what))
            wait(number)

        world.clocks.wait(REALTIME, set_to[0] + (number + 1) * MINUTE, MINUTE, tell)

    for number in range(50):
        wait(number)
    world.turn(0)
    assert len(armed) == 1

    def cancelled(_fd: int, _size: int) -> bytes:
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

    steps = 100
    for step in range(steps):
        world.told.clear()
        set_to[0] += year * (step % 7 - 3) * 10
        with monkeypatch.context() as reading:
            reading.setattr(os, "read", cancelled)
            world.clocks._readable(0)
        assert world.told == [(str(number), "stepped") for number in range(50)]
        assert world.turn(0) == []
    assert len(armed) == 1 + steps


def test_the_clock_is_set_before_it_is_armed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.wait("date", REALTIME, MINUTE)
    real = libc.function

    def function(name: str) -> Any:
        def fails(*_arguments: object) -> int:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

        return fails if name == "timerfd_settime" else real(name)

    monkeypatch.setattr(libc, "function", function)
    assert world.turn(0.01) == [("date", "stepped")]


def test_what_one_is_told_may_end_the_others(world: World) -> None:
    waits: list[clocks.Wait] = []
    first = world.clocks.wait(MONOTONIC, now_monotonic(), 0, lambda _what: world.clocks.give_up(waits[0]))
    waits.append(world.wait("second", MONOTONIC, 0))
    assert first is not waits[0]
    assert world.turn() == []


def test_the_zone_changes(world: World) -> None:
    (world.zone.parent / "utc").touch()
    (world.zone.parent / "link").symlink_to("nowhere")
    for what in ("made", "replaced", "removed"):
        world.wait("date", REALTIME, MINUTE)
        assert world.turn(0) == []
        if what == "made":
            world.zone.symlink_to("utc")
        elif what == "replaced":
            (world.zone.parent / "link").rename(world.zone)
        else:
            world.zone.unlink()
        assert world.turn() == [("date", "zone")]
    world.wait("date", REALTIME, MINUTE)
    (world.zone.parent / "other").touch()
    assert world.turn() == []
    assert not world.warned


def test_without_inotify_it_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("systemctl_replacement.syscalls.inotify", refuses)
    world.wait("date", REALTIME, 1_000)
    assert world.turn() == [("date", "elapsed")]
    assert ["Changes of the time zone go unnoticed" in text for text in world.warned] == [True]


def test_a_descriptor_is_taken_over(world: World) -> None:
    world.wait("date", REALTIME, MINUTE)
    world.turn(0)
    other = World(world.zone.parent)
    other.clocks.adopt(os.dup(world.clocks.fd))
    other.wait("date", REALTIME, 1_000)
    assert other.turn() == [("date", "elapsed")]
    other.turn(0)
    assert other.clocks.fd == -1


# --- stamp files ---


def test_a_stamp_is_what_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "var/timers/stamp-x.timer")
    assert stamp_files.read(path) == 0
    stamp_files.write(path, 1_000_000_000_123_456)
    assert stamp_files.read(path) == 1_000_000_000_123_456
    stamp_files.write(path, 5)
    assert stamp_files.read(path) == 5
    assert oct(os.stat(path).st_mode & 0o777) == "0o644"


def test_what_is_no_stamp_is_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    link, fifo = tmp_path / "link", tmp_path / "fifo"
    link.symlink_to(victim)
    os.mkfifo(fifo)
    for path in (link, fifo, tmp_path):
        assert stamp_files.read(str(path)) is None
        with pytest.raises(OSError):
            stamp_files.write(str(path), 5)
    assert not victim.exists()


# --- dates ---


def test_dates_of_this_system() -> None:
    dates = SystemDates(lambda: "0123456789abcdef0123456789abcdef")
    assert dates.next_elapse("2090-01-01 00:00:00 UTC", 0) == 3_786_912_000 * SEC
    assert dates.next_elapse("2090-01-01 00:00:00 UTC", 3_786_912_000 * SEC) is None
    assert dates.next_elapse("*-*-* 00:00:00 Nowhere/At_all", 0) is None
    assert len(dates.shown(0).split()) == 4


@pytest.mark.skipif(os.getuid() != 0, reason="it depends on the user")
def test_a_fixed_delay_is_that_of_systemd() -> None:
    """As systemd 252 shows: OnCalendar=2090-01-01, delayed by up to 100 days, elapses on 2090-02-14 16:39:40."""
    dates = SystemDates(lambda: "0123456789abcdef0123456789abcdef")
    delay = dates.fixed_random("b.timer") % (100 * 86_400 * SEC)
    assert delay // SEC == 44 * 86_400 + 16 * 3_600 + 39 * 60 + 40
    assert SystemDates(lambda: "").fixed_random("b.timer") != dates.fixed_random("b.timer")
