"""Transactions, rule by rule."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from systemctl_replacement.jobs.model import RUNNING, JobError
from tests.unit.jobs.world import World


def refusal(world: World, unit: str, job_type: str = "start", mode: str = "replace") -> tuple[str, str]:
    with pytest.raises(JobError) as raised:
        world.build(unit, job_type, mode)
    return raised.value.name.rpartition(".")[2], raised.value.message


# Pulling in.


@pytest.mark.parametrize("kind", ["Requires", "BindsTo", "Wants", "Upholds"])
def test_start_pulls_in(kind: str) -> None:
    assert World(f"a {kind} b|b {kind} c").plan("a") == ["a/start", "b/start", "c/start"]


def test_requisite_is_verified_not_started() -> None:
    assert World("a Requisite b").plan("a") == ["a/start", "b/verify-active"]


def test_requisite_that_is_active_is_redundant() -> None:
    assert World("a Requisite b", active="b").plan("a") == ["a/start"]


def test_start_stops_what_it_conflicts_with() -> None:
    assert World("a Conflicts b", active="b").plan("a") == ["a/start", "b/stop"]
    assert World("b Conflicts a", active="b").plan("a") == ["a/start", "b/stop"]
    assert World("a Conflicts b").plan("a") == ["a/start"]


@pytest.mark.parametrize("kind", ["Requires", "BindsTo", "Requisite", "PartOf"])
def test_stop_propagates_to_dependents(kind: str) -> None:
    assert World(f"b {kind} a", active="a b").plan("a", "stop") == ["a/stop", "b/stop"]
    assert World(f"b {kind} a", active="a").plan("a", "stop") == ["a/stop"]


def test_stop_propagates_by_propagates_stop_to_but_not_wants() -> None:
    assert World("a PropagatesStopTo b|c Wants a", active="a b c").plan("a", "stop") == ["a/stop", "b/stop"]


@pytest.mark.parametrize("kind", ["Requires", "BindsTo", "PartOf"])
def test_restart_restarts_dependents_that_run(kind: str) -> None:
    world = World(f"b {kind} a|c {kind} a", active="a b")
    assert world.plan("a", "restart") == ["a/restart", "b/restart"]


@pytest.mark.parametrize(
    ("unit", "job_type", "active", "jobs"),
    [
        ("old", "start", "old new", ["new/start"]),
        ("old", "restart", "old new", ["new/restart", "old/stop"]),
        ("old", "restart", "old", ["new/restart", "old/stop"]),
        ("new", "restart", "old new", ["new/restart", "old/stop"]),
        ("new", "start", "old", ["new/start", "old/stop"]),
        ("old", "stop", "old new", ["old/stop"]),
        ("new", "stop", "old new", ["new/stop"]),
        ("old", "try-restart", "old new", ["new/restart", "old/stop"]),
        ("a", "start", "old new", ["a/start"]),
        ("a", "start", "old", ["a/start", "new/start", "old/stop"]),
    ],
)
@pytest.mark.parametrize("kind", ["Requires", "Wants", "Upholds"])
def test_of_a_unit_kept_apart_only_the_one_whose_name_it_has_is_started(
    kind: str, unit: str, job_type: str, active: str, jobs: list[str]
) -> None:
    world = World(f"a {kind} old", active=active)
    world.heirs["old"] = "new"
    assert world.plan(unit, job_type) == jobs


@pytest.mark.parametrize("kind", ["Requires", "BindsTo", "PartOf", "Requisite"])
def test_who_needs_a_unit_kept_apart_is_restarted_with_the_one_in_its_place(kind: str) -> None:
    world = World(f"a {kind} old", active="a old new")
    world.heirs["old"] = "new"
    assert world.plan("old", "restart") == ["a/restart", "new/restart", "old/stop"]
    assert world.plan("old", "stop") == ["a/stop", "old/stop"]


def test_a_unit_kept_apart_makes_way_whatever_is_ignored() -> None:
    world = World(active="old new")
    world.heirs["old"] = "new"
    assert world.plan("old", "restart", "ignore-dependencies") == ["new/restart", "old/stop"]


def test_restart_starts_requirements() -> None:
    assert World("a Requires b|a Wants c", active="a").plan("a", "restart") == ["a/restart", "b/start", "c/start"]


def test_reload_propagates_to_active_units_only() -> None:
    world = World("a PropagatesReloadTo b c", active="a b")
    world.reloadable = {"a", "b", "c"}
    assert world.plan("a", "reload") == ["a/reload", "b/reload"]
    world.reloadable = {"a"}
    transaction = world.build("a", "reload")
    assert [job.unit for job in transaction.install] == ["a"]
    assert transaction.log == (
        ("b", 4, "Cannot add dependency reload job, ignoring: Job type reload is not applicable for unit b."),
    )


def test_try_restart_of_an_inactive_unit_is_a_nop_without_dependencies() -> None:
    world = World("a Requires b")
    assert world.plan("a", "try-restart") == ["a/nop"]
    world.request("a", "try-restart")
    world.run()
    assert world.finished == [("a", "nop", "done")]


def test_try_restart_needs_a_unit_that_is_loaded_or_masked() -> None:
    world = World("a Requires b")
    world.load["a"] = "masked"
    assert world.plan("a", "try-restart") == ["a/nop"]
    world.load["a"] = "bad-setting"
    assert refusal(world, "a", "try-restart")[0] == "BadUnitSetting"


def test_aliases_are_resolved() -> None:
    world = World("a Requires b")
    world.aliases["z"] = "a"
    assert world.build("z").anchor.unit == "a"


# Refusals.


def test_load_states_refuse_in_systemds_words() -> None:
    world = World("a.service Requires b.service")
    for state, answer in {
        "not-found": ("NoSuchUnit", "Unit a.service not found."),
        "masked": ("UnitMasked", "Unit a.service is masked."),
        "bad-setting": ("BadUnitSetting", "Unit a.service has a bad unit file setting."),
        "error": (
            "LoadFailed",
            (
                "Unit a.service failed to load properly, please adjust/correct and reload service manager: "
                "Invalid argument"
            ),
        ),
    }.items():
        world.load["a.service"] = state
        assert refusal(world, "a.service") == answer
        assert refusal(world, "a.service", "restart") == answer
        assert world.plan("a.service", "stop") == ["a.service/stop"]


def test_requirement_that_fails_to_load_refuses() -> None:
    world = World("a Requires b|b Requires c")
    world.load["c"] = "not-found"
    assert refusal(world, "a") == ("NoSuchUnit", "Unit c not found.")


def test_want_that_fails_to_load_is_ignored() -> None:
    world = World("a Wants b c d")
    world.load.update(b="not-found", c="masked", d="bad-setting")
    transaction = world.build("a")
    assert [job.unit for job in transaction.install] == ["a"]
    assert transaction.log == (
        ("b", 7, "Cannot add dependency job, ignoring: Unit b not found."),
        ("c", 7, "Cannot add dependency job, ignoring: Unit c is masked."),
        ("d", 4, "Cannot add dependency job, ignoring: Unit d has a bad unit file setting."),
    )


def test_not_applicable() -> None:
    world = World("x.service Requires -.slice", active="-.slice")
    world.perpetual.add("-.slice")
    assert refusal(world, "x.service", "reload") == (
        "JobTypeNotApplicable",
        "Job type reload is not applicable for unit x.service.",
    )
    assert refusal(world, "-.slice", "stop")[0] == "JobTypeNotApplicable"


def test_modes_refuse_what_they_are_not_for() -> None:
    world = World("a Wants b")
    assert refusal(world, "a", "stop", "isolate") == ("InvalidArgs", "Isolate is only valid for start.")
    assert refusal(world, "a", "start", "isolate") == ("NoIsolation", "Operation refused, unit may not be isolated.")
    assert refusal(world, "a", "start", "triggering")[0] == "InvalidArgs"
    assert refusal(world, "a", "start", "sideways") == ("InvalidArgs", "Job mode sideways invalid")


# Redundancy and garbage.


def test_redundant_jobs_and_what_only_they_need_are_dropped() -> None:
    assert World("a Requires b|b Requires c", active="b").plan("a") == ["a/start"]


def test_the_anchor_is_kept_even_if_redundant() -> None:
    assert World("a Wants b", active="a b").plan("a") == ["a/start"]


def test_a_redundant_job_that_reverses_an_installed_one_is_kept() -> None:
    world = World("a Requires b", active="b")
    world.request("b", "stop")
    assert world.plan("a") == ["a/start", "b/start"]


# Conflicts inside a transaction.


def test_contradicting_requirements_refuse() -> None:
    # Stopping c stops a too, which requires it: a is the first unit found with two jobs.
    world = World("a Requires b c|b Conflicts c")
    world.states["c"] = "activating"
    assert refusal(world, "a") == (
        "TransactionJobsConflicting",
        (
            "Transaction contains conflicting jobs 'stop' and 'start' for a. "
            "Probably contradicting requirement dependencies configured."
        ),
    )


def test_the_job_that_matters_less_gives_way() -> None:
    assert World("a Requires b|a Wants c|b Conflicts c").plan("a") == ["a/start", "b/start"]
    assert World("a Wants b|a Requires c|b Conflicts c").plan("a") == ["a/start", "c/start"]


def test_between_wanted_units_the_conflicting_one_wins() -> None:
    assert World("a Wants b c|b Conflicts c").plan("a") == ["a/start", "b/start"]


def test_jobs_for_one_unit_merge() -> None:
    # b is restarted because it requires a, and started because c requires it.
    world = World("b Requires a|a Wants c|c Requires b", active="a b")
    assert world.plan("a", "restart") == ["a/restart", "b/restart", "c/start"]


# Ordering loops.


def test_a_loop_is_broken_at_a_job_that_does_not_matter() -> None:
    world = World("a.service Wants b.service|a.service After b.service|b.service After a.service")
    transaction = world.build("a.service")
    assert [job.unit for job in transaction.install] == ["a.service"]
    assert transaction.log == (
        ("a.service", 4, "Found ordering cycle on b.service/start"),
        ("a.service", 4, "Found dependency on a.service/start"),
        ("a.service", 3, "Job b.service/start deleted to break ordering cycle starting with a.service/start"),
    )


def test_a_loop_of_jobs_that_matter_refuses() -> None:
    world = World("a Requires b|a After b|b After a")
    with pytest.raises(JobError) as raised:
        world.build("a")
    assert raised.value.name == "org.freedesktop.systemd1.TransactionOrderIsCyclic"
    assert raised.value.message == "Transaction order is cyclic. See system logs for details."
    assert raised.value.log[-1] == ("a", 3, "Unable to break cycle starting with a/start")


def test_a_loop_through_an_installed_job_is_found() -> None:
    world = World("b After a|c After b|a After c", "a Wants c")
    world.request("b")
    transaction = world.build("a")
    assert [job.unit for job in transaction.install] == ["a"]


def test_a_loop_among_units_without_jobs_is_none() -> None:
    assert World("a After b|b After a").plan("a") == ["a/start"]


def test_what_requires_a_job_deleted_from_a_loop_goes_too() -> None:
    world = World("t Wants a b c|a After b|b After a|c Requires a b|a After t2|t2 After a|t Wants t2")
    jobs = world.plan("t")
    assert "c/start" not in jobs
    assert "t/start" in jobs


# Modes.


def test_mode_fail_refuses_to_reverse_a_job() -> None:
    world = World("a.service Requires b.service", active="b.service")
    world.request("b.service", "stop")
    assert refusal(world, "a.service", "start", "fail") == (
        "TransactionIsDestructive",
        (
            "Transaction for a.service/start is destructive "
            "(b.service has 'stop' job queued, but 'start' is included in transaction)."
        ),
    )
    assert world.plan("a.service") == ["a.service/start", "b.service/start"]


def test_mode_fail_leaves_running_units_alone_where_it_can() -> None:
    world = World("a Conflicts b|c Conflicts a", active="b c")
    assert world.plan("a", "start", "fail") == ["a/start", "b/stop"]


def test_irreversible_jobs_are_not_replaced() -> None:
    world = World("shutdown Conflicts a", active="a")
    world.request("shutdown", "start", "replace-irreversibly")
    assert refusal(world, "a") == (
        "TransactionIsDestructive",
        "Transaction for a/start is destructive (a has 'stop' job queued, but 'start' is included in transaction).",
    )
    assert world.plan("a", "stop") == ["a/stop"]


def test_ignore_dependencies_takes_the_unit_alone_and_out_of_order() -> None:
    world = World("a Requires b|a After b")
    world.load["b"] = "not-found"
    transaction = world.build("a", "start", "ignore-dependencies")
    assert [(job.unit, job.ignore_order) for job in transaction.install] == [("a", True)]
    transaction = world.build("a", "start", "ignore-requirements")
    assert [(job.unit, job.ignore_order) for job in transaction.install] == [("a", False)]


def test_isolate_stops_everything_else() -> None:
    world = World("t Wants s.socket|s.socket Triggers s|k Triggers kept|b Triggers c|t Wants d|e Triggers d")
    world.states = dict.fromkeys(world.states, "active")
    world.states.update(d="inactive", t="inactive")
    world.isolatable = {"t"}
    world.kept = {"k"}
    # If a unit stays, the unit that it triggers stays too.
    assert world.plan("t", "start", "isolate") == ["b/stop", "c/stop", "d/start", "e/stop", "t/start"]


def test_isolate_cancels_jobs_of_other_units() -> None:
    world = World("t Wants a|b Wants c")
    world.isolatable = {"t"}
    world.kept = {"c"}
    world.request("b")
    transaction = world.build("t", "start", "isolate")
    assert {(job.unit, job.type) for job in transaction.cancelled} == {("b", "start")}


def test_flush_cancels_all_other_jobs() -> None:
    world = World("a Wants b|c Wants d")
    world.request("c")
    assert {job.unit for job in world.build("a", "start", "flush").cancelled} == {"c", "d"}


def test_triggering_stops_what_would_start_it_again() -> None:
    world = World("s.socket Triggers a.service|t.timer Triggers a.service", active="a.service s.socket")
    assert world.plan("a.service", "stop", "triggering") == ["a.service/stop", "s.socket/stop"]


# Merging with installed jobs.


def test_a_request_joins_an_installed_job() -> None:
    world = World("a Wants b")
    first = world.request("a").anchor
    assert world.request("a").anchor == first
    world.table["a"] = replace(first, state=RUNNING)
    assert world.request("a").anchor == replace(first, state=RUNNING)
    again = world.request("a", "restart").anchor
    assert (again.id, again.type, again.state) == (first.id, "restart", "waiting")


def test_a_running_reload_runs_again_for_a_second_request() -> None:
    world = World("a Wants b", active="a b")
    world.reloadable.add("a")
    job = world.request("a", "reload").anchor
    world.table["a"] = replace(job, state=RUNNING)
    assert world.request("a", "reload").anchor == job


def test_a_conflicting_request_replaces_an_installed_job() -> None:
    world = World("a Wants b", active="a")
    world.table["a"] = replace(world.request("a").anchor, state=RUNNING)
    transaction = world.request("a", "stop")
    assert [job.type for job in transaction.cancelled] == ["start"]
    assert world.finished == [("a", "start", "canceled")]
    assert world.table["a"].type == "stop"


def test_a_replaced_job_does_not_fail_its_dependents() -> None:
    world = World("a Requires b")
    world.request("a")
    world.request("b", "stop", "ignore-dependencies")
    assert world.finished == [("b", "start", "canceled")]
    assert set(world.table) == {"a", "b"}


# Size.


def test_long_chains_and_large_targets_are_linear() -> None:
    chain = World(*[f"u{i} Requires u{i + 1}|u{i} After u{i + 1}" for i in range(3000)])
    wide = World(
        *[
            f"m Wants u{i}|m After u{i}|u{i} Requires basic|u{i} After basic|u{i} Conflicts down|u{i} Before down"
            for i in range(3000)
        ]
    )
    started = time.perf_counter()
    assert len(chain.build("u0").install) == 3001
    assert len(wide.build("m").install) == 3002
    # Far more than it takes (0.1 s), far less than anything quadratic or recursive would take.
    assert time.perf_counter() - started < 10
