"""What counts as older than this life of the container, when the clock is set meanwhile."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.manager import leftovers
from systemctl_replacement.manager.leftovers import Leftovers, reckon
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.kind import KIND

SECOND, HOUR = 1_000_000, 3_600_000_000
BOOTED = 1_700_000_000 * SECOND  # the machine's boot, by the clock as it was when PID 1 began
STARTED = 100 * HOUR  # after that, PID 1
UNIT: Any = SimpleNamespace(
    id="x.service", own=lambda _: [("x", ())], kind=KIND, config=ServiceConfig(pid_file="/run/x.pid")
)


def life(set_by: int, age: int = 2 * HOUR) -> int:
    """What is reckoned at an age of PID 1, when the clock was set by so much since it began."""
    boottime = STARTED + age
    return reckon(BOOTED + boottime + set_by, boottime, STARTED, BOOTED + STARTED)


@pytest.mark.parametrize("set_by", [0, 1 * HOUR, 24 * HOUR])
def test_a_clock_that_goes_on_or_is_set_forward(set_by: int) -> None:
    begin = BOOTED + STARTED
    assert begin - SECOND < life(set_by) <= begin


def test_a_clock_that_is_set_back() -> None:
    """What is written then may bear a stamp from before this life."""
    written = BOOTED + STARTED + 1 * HOUR - 3 * HOUR
    assert life(-3 * HOUR) <= written


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.realtime, self.boottime = BOOTED + STARTED, STARTED
        monkeypatch.setattr(leftovers, "clocks", lambda: (self.realtime, self.boottime))

    def go_on(self, usec: int, set_by: int = 0) -> None:
        self.realtime += usec + set_by
        self.boottime += usec


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(leftovers, "before_this_life", lambda: BOOTED + STARTED)
    return Clock(monkeypatch)


def said(kept: Leftovers) -> int:
    leftovers = kept.to_remove(UNIT)
    assert leftovers is not None
    return leftovers.before


def test_a_clock_that_is_set_back_while_the_manager_runs(clock: Clock) -> None:
    boot: dict[str, Any] = {}
    kept = Leftovers(boot, "")
    clock.go_on(2 * HOUR)
    assert said(kept) == BOOTED + STARTED
    clock.go_on(0, set_by=-HOUR)
    written = clock.realtime
    clock.go_on(HOUR)
    for manager in (kept, Leftovers(boot, "")):  # also after a re-execution
        assert said(manager) == BOOTED + STARTED - HOUR < written


def test_a_clock_that_is_set_forward_while_the_manager_runs(clock: Clock) -> None:
    kept = Leftovers({}, "")
    clock.go_on(HOUR, set_by=5 * HOUR)
    assert said(kept) == BOOTED + STARTED


def test_the_stamp_of_proc_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However far the clock of this machine is set forward."""
    mounted = os.stat("/proc").st_ctime_ns // 1000
    realtime, boottime = leftovers.clocks()
    monkeypatch.setattr(leftovers, "clocks", lambda: (realtime + 10**6 * HOUR, boottime))
    assert mounted - SECOND < leftovers.before_this_life() <= mounted


def test_the_engines_socket_stays_under_each_of_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "link").symlink_to("run")
    monkeypatch.setattr(leftovers, "_RUN", str(run))
    for kept in (f"{run}/engine", f"{run}//engine", f"{run}/./engine", f"{tmp_path}/link/engine"):
        for name in ("engine", "stale"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
                made.bind(f"{run}/{name}")
        leftovers.clear_run(1 << 60, kept)
        assert os.listdir(run) == ["engine"], kept
        os.unlink(run / "engine")
