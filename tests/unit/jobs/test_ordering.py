"""Which job goes first."""

from __future__ import annotations

import pytest

from systemctl_replacement.jobs.ordering import blockers, find_cycle, goes_first, priority
from tests.unit.jobs.world import World


@pytest.mark.parametrize(
    ("first", "second", "starts_before"),
    [
        ("start", "start", True),
        ("start", "stop", False),
        ("start", "restart", False),
        ("stop", "start", True),
        ("stop", "stop", False),
        ("restart", "start", True),
        ("restart", "stop", False),
        ("reload", "reload", True),
        ("verify-active", "start", True),
    ],
)
def test_order_of_two_jobs(first: str, second: str, starts_before: bool) -> None:
    """The unit of the first job is Before= the unit of the second."""
    assert goes_first(first, second, "Before") == starts_before
    assert goes_first(second, first, "After") != starts_before


def test_nop_jobs_are_not_ordered() -> None:
    world = World("b After a")
    world.request("a", "try-restart")
    world.request("b")
    assert blockers(world, world.table["b"]) == []
    assert blockers(world, world.nops["a"]) == []


def test_jobs_wait_for_jobs_never_for_states() -> None:
    world = World("b After a", active="")
    world.request("b")
    assert blockers(world, world.table["b"]) == []
    world.request("a")
    assert blockers(world, world.table["b"]) == ["a"]


def test_ignore_order_on_either_side() -> None:
    world = World("b After a")
    world.request("a")
    world.request("b", "start", "ignore-dependencies")
    assert blockers(world, world.table["b"]) == []
    world = World("b After a")
    world.request("a", "start", "ignore-dependencies")
    world.request("b")
    assert blockers(world, world.table["b"]) == []


def test_stop_order_is_the_reverse_of_start_order() -> None:
    units = "abcdef"
    world = World("f Requires a b c d e", *[f"{late} After {early}" for early, late in zip(units, units[1:])])
    world.request("f")
    world.run()
    started = [entry.partition("/")[0] for entry in world.order]
    world.order.clear()
    for unit in "bdface":
        world.request(unit, "stop")
    world.run()
    assert started == list(units)
    assert [entry.partition("/")[0] for entry in world.order] == started[::-1]


def test_restarts_stop_in_reverse_and_start_in_order() -> None:
    world = World("b Requires a|b After a", active="a b")
    world.request("a", "restart")
    world.run()
    assert world.order == ["b/restart", "a/restart", "a/start", "b/start"]


def test_find_cycle_names_the_way_back() -> None:
    edges = {"a": ["b"], "b": ["c", "d"], "c": [], "d": ["b"]}
    acyclic: set[str] = set()
    assert find_cycle(["a"], edges.__getitem__, acyclic) == ["d", "b"]
    assert acyclic == {"c"}
    assert find_cycle(["c"], edges.__getitem__, acyclic) is None


def test_what_nothing_orders_runs_by_type_weight_nice_level_and_name() -> None:
    jobs = [
        priority("a.service", "service", 100, 0),
        priority("b.service", "service", 100, 0),
        priority("nice.service", "service", 100, -1),
        priority("heavy.service", "service", 200, 19),
        priority("z.socket", "socket", 100, 0),
        priority("t.target", "target", 100, 0),
        priority("s.slice", "slice", 100, 0),
    ]
    names = [name for *_, name in sorted(jobs)]
    assert names == [
        "s.slice", "t.target", "z.socket", "heavy.service", "nice.service", "a.service", "b.service",
    ]  # fmt: skip
