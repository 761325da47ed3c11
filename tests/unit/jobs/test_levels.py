"""The levels of a stop order."""

from __future__ import annotations

from dataclasses import replace

from systemctl_replacement.jobs.levels import stop_levels
from tests.unit.jobs.world import World


def stopping(*statements: str) -> World:
    """A world in which everything is stopped at once."""
    world = World(*statements)
    for unit in list(world.states):
        world.states[unit] = "active"
    for unit in sorted(world.states):
        world.request(unit, "stop")
    return world


def levels(world: World, *quick: str) -> list[list[str]]:
    return [sorted(job.unit for job in level) for level in stop_levels(world, lambda unit: unit not in quick)]


def test_levels_follow_the_stop_order() -> None:
    assert levels(stopping("app After db", "web After app", "cron Wants db")) == [["cron", "web"], ["app"], ["db"]]


def test_the_longest_way_counts() -> None:
    assert levels(stopping("a After b c", "b After c", "c After d")) == [["a"], ["b"], ["c"], ["d"]]


def test_what_takes_no_time_makes_no_level() -> None:
    world = stopping("app After basic", "basic After sockets", "sockets After db")
    assert levels(world, "basic", "sockets") == [["app"], ["basic", "db", "sockets"]]
    # Units after the last one that takes time need no share of it.
    assert levels(world, "basic", "sockets", "db") == [["app"]]
    assert levels(world, "app", "basic", "sockets", "db") == []


def test_a_job_that_runs_waits_for_nobody() -> None:
    world = stopping("app After db")
    world.table["db"] = replace(world.table["db"], state="running")
    assert levels(world) == [["app", "db"]]


def test_only_stop_jobs_count() -> None:
    world = stopping("app After db")
    world.request("late", "start")
    world.relate("late", "After", "app")
    assert levels(world) == [["app"], ["db"]]


def test_a_loop_among_jobs_keeps_nobody_out() -> None:
    world = stopping("a Wants b c")
    for unit, after in (("a", "b"), ("b", "c"), ("c", "a")):
        world.relate(unit, "After", after)
    assert levels(world) == [["a", "b", "c"]]


def test_a_long_chain() -> None:
    world = World(*[f"u{number} After u{number + 1}" for number in range(3000)])
    for number in range(3001):
        world.states[f"u{number}"] = "active"
        world.request(f"u{number}", "stop")
    assert len(levels(world)) == 3001
