"""What the end of a job does, and which jobs follow from states."""

from __future__ import annotations

import pytest

from systemctl_replacement.jobs import consequences, operations, outcome
from systemctl_replacement.jobs.consequences import Consequence
from systemctl_replacement.jobs.model import Job, JobError
from systemctl_replacement.jobs.outcome import Progress
from tests.unit.jobs.world import World


@pytest.mark.parametrize("kind", ["Requires", "Requisite", "BindsTo"])
def test_a_failed_start_fails_those_that_need_it(kind: str) -> None:
    world = World(f"a {kind} b|a After b|z {kind} a|z After a")
    world.states["b"] = "activating"
    world.request("z")
    if kind == "Requisite":
        world.request("a")
    ending = outcome.finish(world, world.table["b"], "failed")
    assert [(job.unit, result) for job, result in ending.finished] == [
        ("b", "failed"),
        ("a", "dependency"),
        ("z", "dependency"),
    ]
    assert ending.on_failure == ("z", "a")


@pytest.mark.parametrize("kind", ["Wants", "Upholds"])
def test_a_failed_start_leaves_those_that_only_want_it(kind: str) -> None:
    world = World(f"a {kind} b|a After b")
    world.request("a")
    ending = outcome.finish(world, world.table["b"], "failed")
    assert [job.unit for job, _ in ending.finished] == ["b"]
    assert ending.wake == ("a",)


def test_a_failed_stop_fails_the_start_that_conflicts() -> None:
    world = World("a Conflicts b|a After b", active="b")
    world.request("a")
    ending = outcome.finish(world, world.table["b"], "timeout")
    assert [(job.unit, result) for job, result in ending.finished] == [("b", "timeout"), ("a", "dependency")]
    assert ending.on_failure == ("a", "b")


def test_a_start_that_is_done_without_being_active_fails_requisite() -> None:
    world = World("a Requisite b|a After b|c Requires b|c After b")
    for unit in ("b", "c", "a"):
        world.request(unit)
    ending = outcome.finish(world, world.table["b"], "done")
    assert [(job.unit, result) for job, result in ending.finished] == [("b", "done"), ("a", "dependency")]


def test_canceled_jobs_take_their_dependents_only_when_asked_to() -> None:
    world = World("a Requires b|a After b")
    world.request("a")
    job = world.table["b"]
    assert len(outcome.finish(world, job, "canceled").finished) == 2
    assert len(outcome.finish(world, job, "canceled", recursive=False).finished) == 1
    assert outcome.finish(world, job, "canceled").on_failure == ("a",)


def test_a_restart_goes_on_as_a_start() -> None:
    world = World("a Requires b", active="a b")
    world.request("a", "restart")
    ending = outcome.finish(world, world.table["a"], "done")
    assert ending.finished == ()
    assert ending.again == Job(world.table["a"].id, "a", "start")
    assert "a" in ending.wake


def test_dependents_of_a_failed_start_fail_deep_down() -> None:
    world = World(*[f"u{i} Requires u{i + 1}|u{i} After u{i + 1}" for i in range(3000)])
    world.request("u0")
    assert len(outcome.finish(world, world.table["u3000"], "failed").finished) == 3001


@pytest.mark.parametrize(
    ("job_type", "running", "state", "reload_succeeded", "progress"),
    [
        ("start", False, "active", True, Progress("done", False)),
        ("start", True, "activating", True, Progress(None, False)),
        ("start", False, "inactive", True, Progress(None, False)),
        ("start", True, "inactive", True, Progress("done", True)),
        ("start", True, "failed", True, Progress("failed", True)),
        ("start", True, "deactivating", True, Progress(None, True)),
        ("stop", True, "deactivating", True, Progress(None, False)),
        ("stop", True, "inactive", True, Progress("done", False)),
        ("stop", True, "failed", True, Progress("done", False)),
        ("stop", False, "failed", True, Progress("done", False)),
        ("stop", True, "active", True, Progress("failed", True)),
        ("stop", False, "active", True, Progress(None, False)),
        ("restart", True, "inactive", True, Progress("done", False)),
        ("restart", True, "activating", True, Progress("failed", True)),
        ("reload", True, "reloading", True, Progress(None, False)),
        ("reload", True, "active", True, Progress("done", False)),
        ("reload", True, "active", False, Progress("failed", False)),
        ("reload", True, "failed", True, Progress("failed", True)),
        ("reload", True, "inactive", True, Progress("done", True)),
        ("reload", False, "inactive", True, Progress(None, False)),
    ],
)
def test_result_of_state(job_type: str, running: bool, state: str, reload_succeeded: bool, progress: Progress) -> None:
    job = Job(1, "a", job_type, "running" if running else "waiting")
    assert outcome.result_of_state(job, state, reload_succeeded) == progress


def test_coming_up_unasked_starts_requirements_and_stops_conflicts() -> None:
    world = World("a Requires b|a Wants c|a Conflicts d|a Requires e|a After e", active="d")
    assert consequences.retroactive(world, "a", "inactive", "active") == [
        Consequence("b", "start", "replace"),
        Consequence("c", "start", "fail"),
        Consequence("d", "stop", "replace"),
    ]


def test_going_down_unasked_stops_what_is_bound_to_it() -> None:
    world = World("b BindsTo a|c Requires a", active="b c")
    assert consequences.retroactive(world, "a", "active", "inactive") == [Consequence("b", "stop", "replace")]
    assert consequences.retroactive(world, "a", "inactive", "failed") == []


def test_unneeded_units_stop() -> None:
    world = World("a Requires b", active="a b")
    world.unneeded.add("b")
    assert not consequences.unneeded(world, "b")
    world.states["a"] = "inactive"
    assert consequences.maybe_unneeded(world, "a") == ["b"]
    assert consequences.unneeded(world, "b")
    world.request("a")
    assert not consequences.unneeded(world, "b")


def test_bound_and_upheld_units() -> None:
    world = World("a BindsTo b|c Upholds d", active="a c")
    assert consequences.bound_to_inactive(world, "a") == "b"
    assert consequences.upheld_by(world, "d") == "c"
    world.states.update(b="active", c="inactive")
    assert consequences.bound_to_inactive(world, "a") is None
    assert consequences.upheld_by(world, "d") is None


def test_operations_by_hand() -> None:
    world = World("a Wants b", active="a")
    assert operations.job_type(world, "a", "reload-or-restart") == "restart"
    assert operations.job_type(world, "a", "reload-or-try-restart") == "try-restart"
    world.reloadable.add("a")
    assert operations.job_type(world, "a", "reload-or-restart") == "reload-or-start"
    assert operations.job_type(world, "a", "reload-or-try-restart") == "try-reload"


def test_refusals_by_hand() -> None:
    world = World("a.service Wants b.service", active="a.service")
    world.refuse_start.add("b.service")
    world.refuse_stop.add("a.service")
    for unit, operation in (
        ("a.service", "stop"),
        ("a.service", "restart"),
        ("b.service", "start"),
        ("b.service", "try-restart"),
    ):
        with pytest.raises(JobError) as raised:
            operations.job_type(world, unit, operation)
        assert raised.value.message == (
            f"Operation refused, unit {unit} may be requested by dependency only "
            "(it is configured to refuse manual start/stop)."
        )
    assert operations.job_type(world, "a.service", "start") == "start"
    world.load["b.service"] = "not-found"
    with pytest.raises(JobError, match=r"Unit b.service not loaded\."):
        operations.job_type(world, "b.service", "stop")
