"""The decisions of the final kill: which processes it kills, when it ends, what it reports."""

from __future__ import annotations

import os

import pytest

from systemctl_replacement.process import descendants
from systemctl_replacement.process.final_kill import FinalKill


class Processes:
    """A made-up process table below us (pid to process group). Some processes may not be killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, table: dict[int, int], immortal: set[int]) -> None:
        self.table = table
        self.immortal = immortal
        self.groups: list[int] = []
        monkeypatch.setattr(descendants, "descendants", lambda root: list(self.table))
        monkeypatch.setattr(descendants, "read_stat", lambda pid: ("S", 1, self.table[pid], 0))
        monkeypatch.setattr(os, "kill", self.kill)
        monkeypatch.setattr(os, "killpg", self.killpg)

    def kill(self, pid: int, signal: int) -> None:
        if pid in self.immortal:
            raise PermissionError
        if pid not in self.table:
            raise ProcessLookupError
        del self.table[pid]

    def killpg(self, group: int, signal: int) -> None:
        self.groups.append(group)
        for pid in [pid for pid, its in self.table.items() if its == group and pid not in self.immortal]:
            del self.table[pid]


def test_everybody_dies_and_only_echild_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(monkeypatch, {10_001: 10_001, 10_002: 10_001, 10_003: 10_003}, set())
    kill = FinalKill()
    assert kill.begin(()) == []
    assert not processes.table
    assert kill.round() == []
    assert kill.active
    kill.end()
    assert not kill.active


def test_what_is_refused_is_told_once_and_not_looped_on(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(monkeypatch, {10_001: 10_001, 10_002: 10_002}, {10_002})
    kill = FinalKill()
    assert kill.begin(()) == [10_002]
    assert kill.round() == []
    assert not kill.active
    assert list(processes.table) == [10_002]


def test_the_group_of_a_spared_process_is_not_killed_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(monkeypatch, {10_001: 10_001, 10_002: 10_001, 10_003: os.getpgrp()}, set())
    kill = FinalKill()
    kill.begin({10_001})
    assert list(processes.table) == [10_001]
    assert processes.groups == []


def test_rounds_become_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    Processes(monkeypatch, {}, set())
    kill = FinalKill()
    kill.begin(())
    pauses = []
    for _ in range(20):
        pauses.append(kill.pause)
        kill.round()
    assert pauses == sorted(pauses) and pauses[-1] == 1.0
