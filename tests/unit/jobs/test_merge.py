"""The algebra of job types."""

from __future__ import annotations

import itertools

import pytest

from systemctl_replacement.jobs.merge import (
    collapse,
    conflicting,
    joins_running,
    merge,
    merge_and_collapse,
    redundant,
    superset,
)

INSTALLABLE = ("start", "verify-active", "stop", "reload", "restart")
STATES = ("active", "reloading", "inactive", "failed", "activating", "deactivating")


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        ("start", "verify-active", "start"),
        ("start", "reload", "reload-or-start"),
        ("start", "restart", "restart"),
        ("start", "stop", None),
        ("verify-active", "reload", "reload"),
        ("verify-active", "restart", "restart"),
        ("verify-active", "stop", None),
        ("reload", "restart", "restart"),
        ("reload", "stop", None),
        ("restart", "stop", None),
    ],
)
def test_merge_table(first: str, second: str, merged: str) -> None:
    assert merge(first, second) == merged
    assert merge(second, first) == merged
    assert conflicting(first, second) == (merged is None)


def test_merge_is_associative() -> None:
    for state in STATES:
        for a, b, c in itertools.product(INSTALLABLE, repeat=3):
            left, right = merge_and_collapse(a, b, state), merge_and_collapse(b, c, state)
            if left and right and merge(a, c):
                assert merge_and_collapse(left, c, state) == merge_and_collapse(a, right, state)


@pytest.mark.parametrize("state", STATES)
def test_collapse(state: str) -> None:
    up = state in ("active", "reloading")
    assert collapse("try-restart", state) == ("restart" if up or state == "activating" else "nop")
    assert collapse("try-reload", state) == ("reload" if up else "nop")
    assert collapse("reload-or-start", state) == ("reload" if up else "start")
    for job_type in INSTALLABLE:
        assert collapse(job_type, state) == job_type


def test_redundant() -> None:
    assert [state for state in STATES if redundant("start", state)] == ["active", "reloading"]
    assert [state for state in STATES if redundant("verify-active", state)] == ["active", "reloading"]
    assert [state for state in STATES if redundant("stop", state)] == ["inactive", "failed"]
    assert [state for state in STATES if redundant("reload", state)] == ["reloading"]
    assert [state for state in STATES if redundant("restart", state)] == []


def test_what_joins_a_running_job() -> None:
    assert joins_running("start", "start")
    assert joins_running("restart", "start")
    assert joins_running("start", "verify-active")
    assert not joins_running("start", "restart")
    assert not joins_running("reload", "reload")
    assert superset("restart", "reload")
