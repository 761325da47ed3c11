"""Random units and requests: what must hold for every transaction and every run."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.jobs.merge import redundant
from systemctl_replacement.jobs.model import RUNNING, JobError, Transaction
from systemctl_replacement.jobs.ordering import blockers
from tests.unit.jobs.world import INVERSE, World

UNITS = [f"u{i}" for i in range(8)]
STATES = ["active", "inactive", "failed", "activating", "deactivating", "reloading"]
TYPES = ["start", "stop", "restart", "reload", "try-restart", "try-reload", "reload-or-start"]
MODES = ["replace", "fail", "isolate", "flush", "ignore-dependencies", "ignore-requirements", "replace-irreversibly"]

units = st.sampled_from(UNITS)
requests = st.tuples(units, st.sampled_from(TYPES), st.sampled_from(MODES))


@st.composite
def worlds(draw: st.DrawFn, states: list[str], acyclic: bool = False) -> World:
    world = World()
    for unit in UNITS:
        world.states[unit] = draw(st.sampled_from(states))
        if draw(st.integers(0, 9)) == 0:
            world.load[unit] = draw(st.sampled_from(["not-found", "masked", "bad-setting"]))
    world.reloadable = set(draw(st.lists(units, max_size=4)))
    world.isolatable = set(draw(st.lists(units, max_size=4)))
    world.kept = set(draw(st.lists(units, max_size=2)))
    kinds = st.sampled_from([*INVERSE, "After", "Before", "After", "Requires", "Wants"])
    for kind, unit, other in draw(st.lists(st.tuples(kinds, units, units), max_size=24)):
        if acyclic and kind in ("After", "Before") and (unit > other) != (kind == "After"):
            unit, other = other, unit
        world.relate(unit, kind, other)
    return world


def check(world: World, transaction: Transaction, mode: str) -> None:
    names = [job.unit for job in transaction.install]
    assert len(names) == len(set(names)), "two jobs for one unit"
    assert transaction.anchor in transaction.install
    for job in transaction.install:
        assert job.type in ("start", "verify-active", "stop", "reload", "restart", "nop")
        installed = world.table.get(job.unit)
        if job != transaction.anchor and installed is None:
            assert not redundant(job.type, world.states[job.unit]), "a job that changes nothing"
        if installed is not None and installed.irreversible:
            assert job.id == installed.id or installed not in transaction.cancelled
    if mode == "fail":
        assert not transaction.cancelled
    if mode in ("ignore-dependencies", "ignore-requirements"):
        assert names == [transaction.anchor.unit]


def check_no_deadlock(world: World) -> None:
    """Follow the chain of jobs that wait for each other: it must end somewhere."""
    done: set[str] = set()
    waiting = {job.unit: set(blockers(world, job)) for job in world.table.values()}
    while waiting:
        ready = [unit for unit, others in waiting.items() if not others - done]
        assert ready, f"jobs wait for each other: {waiting}"
        for unit in ready:
            done.add(unit)
            del waiting[unit]


@settings(max_examples=400, deadline=None)
@given(worlds(STATES), st.lists(requests, min_size=1, max_size=4), st.data())
def test_transactions_are_consistent(world: World, asked: list[tuple[str, str, str]], data: st.DataObject) -> None:
    for unit, job_type, mode in asked:
        try:
            transaction = world.build(unit, job_type, mode)
        except JobError:
            continue
        check(world, transaction, mode)
        world.request(unit, job_type, mode)
        check_no_deadlock(world)
        for running in data.draw(st.lists(units, max_size=2)):
            job = world.table.get(running)
            if job is not None and not blockers(world, job):
                world.table[running] = type(job)(**{**vars(job), "state": RUNNING})


@settings(max_examples=400, deadline=None)
@given(
    worlds(["active", "inactive"]),
    st.lists(requests, min_size=1, max_size=4),
    st.sets(st.tuples(units, st.sampled_from(["start", "stop"]))),
)
def test_all_jobs_run_to_their_end(
    world: World, asked: list[tuple[str, str, str]], failing: set[tuple[str, str]]
) -> None:
    world.fails = failing
    for unit, job_type, mode in asked:
        with contextlib.suppress(JobError):
            world.request(unit, job_type, mode)
        if world.jobs():
            ready = [job for job in world.jobs() if not blockers(world, job)]
            assert ready
            world.perform(ready[0])
    world.run()


@settings(max_examples=200, deadline=None)
@given(worlds(["inactive"], acyclic=True), units)
def test_stopping_goes_the_way_back(world: World, unit: str) -> None:
    world.load.clear()
    try:
        world.request(unit)
    except JobError:
        return
    started = {job.unit for job in world.jobs() if job.type == "start"}
    world.run()
    order = [entry.partition("/")[0] for entry in world.order if entry.endswith("/start")]
    world.order.clear()
    for name in sorted(started):
        if world.states[name] == "active":
            world.request(name, "stop")
    world.run()
    back = [entry.partition("/")[0] for entry in world.order]
    for early in back:
        for late in world.dependencies(early, "Before"):
            if early in order and late in order and late in back:
                assert order.index(early) < order.index(late)
                assert back.index(early) > back.index(late)
