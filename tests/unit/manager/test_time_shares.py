"""The time of a halt: how often turns are worked out, where that itself takes time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.jobs.turns import Turns
from systemctl_replacement.manager.halt import time_shares
from systemctl_replacement.manager.halt.account import HaltAccount
from systemctl_replacement.manager.halt.time_shares import HaltTime

SECOND = 1_000_000
BEGIN = 100 * SECOND
END = BEGIN + 10 * SECOND


def next_look(monkeypatch: pytest.MonkeyPatch, takes: int, turn: int, rest: int) -> int:
    """When turns are worked out again if that takes so long, and these are the next; relative to the beginning."""
    clock = [BEGIN]
    calls: list[int] = []

    def come(*_: object) -> tuple[list[str], Turns]:
        clock[0] += takes
        return [], Turns({"app.service": BEGIN + turn}, BEGIN + rest)

    monkeypatch.setattr(time_shares, "now_monotonic", lambda: clock[0])
    monkeypatch.setattr("systemctl_replacement.jobs.turns.come", come)
    monkeypatch.setattr("systemctl_replacement.jobs.turns.stops_of", lambda *_: {})
    core: Any = SimpleNamespace(loop=SimpleNamespace(call_at=lambda time, _what: calls.append(time)), registry={})
    signals: Any = SimpleNamespace(any_rest=False)
    jobs: Any = SimpleNamespace(view=None)
    HaltTime(core, jobs, signals, HaltAccount(core.registry, lambda: BEGIN)).share(BEGIN, END)
    [at] = calls
    return at - BEGIN


@pytest.mark.parametrize(
    ("takes", "turn", "rest", "at"),
    [
        (1_000, 2 * SECOND, 8 * SECOND, 2 * SECOND),
        (100_000, 200_000, 8 * SECOND, 600_000),
        (100_000, 150_000, 300_000, 300_000),
        (20 * SECOND, 150_000, 8 * SECOND, 8 * SECOND),
    ],
    ids=["at the next turn", "late", "not later than the rest's", "at once if time is over"],
)
def test_turns_are_worked_out_in_a_part_of_the_time(
    monkeypatch: pytest.MonkeyPatch, takes: int, turn: int, rest: int, at: int
) -> None:
    assert next_look(monkeypatch, takes, turn, rest) == at
