"""Type=dbus and BusName=: what the machine makes of names that are taken and lost."""

from __future__ import annotations

import pytest

from systemctl_replacement.units import bus_events, events
from systemctl_replacement.units.service.kind import KIND
from tests.unit.units.world import World, command, config

TAKEN, LOST = bus_events.BusNameChanged(":1.5"), bus_events.BusNameChanged("")
CONTEXT = events.Context(0)


def started(**settings: object) -> World:
    world = World(config(type="dbus", **settings))
    world.start()
    assert world.state.main is not None
    world.step(events.Executed(world.state.main.token))
    return world


def test_it_is_up_when_the_name_is_taken() -> None:
    world = started(commands={"ExecStart": (command(),), "ExecStartPost": (command("/post"),)})
    assert world.state.sub == "start"
    assert world.asked[-1] == bus_events.AwaitBusName()
    world.step(LOST)  # nobody owns it: no news
    assert world.state.sub == "start"
    world.step(TAKEN)
    assert world.state.sub == "start-post"
    world.exit(world.fork())
    assert world.state.sub == "running"


def test_it_is_waited_for_again_after_a_reexecution() -> None:
    world = started()
    assert bus_events.AwaitBusName() in KIND.resume(world.config, world.state, CONTEXT)
    world.step(TAKEN)
    assert not KIND.resume(world.config, world.state, CONTEXT)


def test_a_name_that_is_taken_before_its_process_is_known() -> None:
    world = World(config(type="dbus"))
    world.step(events.Start())
    world.step(TAKEN)
    assert world.state.sub == "start"
    world.fork()
    assert world.state.main is not None
    world.step(events.Executed(world.state.main.token))
    assert world.state.sub == "running"


def test_a_name_that_is_not_taken_in_time() -> None:
    world = started()
    world.elapse()
    assert (world.state.sub, world.state.result) == ("stop-sigterm", "timeout")


def test_what_is_known_before_the_start_is_no_news() -> None:
    world = World(config(type="dbus"))
    world.step(TAKEN)
    world.start()
    world.step(TAKEN)
    assert world.state.sub == "start"
    world.step(LOST)
    assert world.state.sub == "start"
    world.step(TAKEN)
    assert world.state.sub == "running"


@pytest.mark.parametrize(("remain", "sub"), [(False, "stop-sigterm"), (True, "exited")])
def test_a_name_that_is_lost(remain: bool, sub: str) -> None:
    world = started(remain_after_exit=remain)
    world.step(TAKEN)
    world.step(bus_events.BusNameChanged(":1.6"))  # passed on to another connection
    assert world.state.sub == "running"
    world.step(LOST)
    assert (world.state.sub, world.state.result) == (sub, "success")


@pytest.mark.parametrize(("before", "sub"), [((), "running"), (("ExecStartPre",), "start")])
def test_a_name_that_is_told_before_its_start_job_runs(before: tuple[str, ...], sub: str) -> None:
    """The service is loaded for the job: it depends on nothing but luck which of the two comes first."""
    world = World(config(type="dbus", commands={phase: (command(),) for phase in (*before, "ExecStart")}))
    world.start_pending = True
    world.step(TAKEN)
    world.start_pending = False
    world.step(events.Start())
    for _ in before:
        world.exit(world.fork())
    world.fork()
    assert world.state.main is not None
    world.step(events.Executed(world.state.main.token))
    assert world.state.sub == sub


def test_a_name_that_is_lost_while_a_command_runs() -> None:
    """What the command has done does not matter then."""
    for phase, event in (("ExecStartPost", None), ("ExecReload", events.Reload())):
        world = started(commands={"ExecStart": (command(),), phase: (command("/other"),)})
        world.step(TAKEN)
        if event is not None:
            world.step(event)
        runs = world.fork()
        world.step(LOST)
        assert world.state.sub in ("start-post", "reload")
        world.exit(runs)
        assert world.state.sub == "stop-sigterm"


@pytest.mark.parametrize(("status", "result"), [(0, "success"), (1, "exit-code")])
def test_a_main_process_that_ends_first(status: int, result: str) -> None:
    world = started()
    world.exit(world.state.main_pid, "exited", status)
    assert (world.state.sub in ("dead", "failed"), world.state.result) == (True, result)


def test_without_a_bus_it_counts_as_started_once_executed() -> None:
    world = started()
    world.step(bus_events.BusMissing())
    assert world.state.sub == "running"
    assert any(isinstance(action, events.Log) and "no bus" in action.message for action in world.asked)
    world.step(LOST)  # of a bus that has come up: nobody has seen the name taken
    assert world.state.sub == "running"
    world.step(TAKEN)
    world.step(LOST)
    assert world.state.sub == "stop-sigterm"


def test_a_bus_that_vanishes_is_waited_for() -> None:
    """Also by whoever goes on with the state; not by the next start."""
    world = started()
    world.step(bus_events.BusLost())
    world.step(bus_events.BusMissing())
    assert world.state.sub == "start"
    assert bus_events.AwaitBusName() in KIND.resume(world.config, world.state, CONTEXT)
    world.step(TAKEN)
    assert world.state.sub == "running"
    world.step(bus_events.BusLost())  # whose names are lost is told when there is a bus again
    assert world.state.sub == "running"
    late = started()
    late.step(bus_events.BusLost())
    late.elapse()
    assert (late.state.sub, late.state.result) == ("stop-sigterm", "timeout")
    late.exit(late.state.main_pid)
    late.start()
    assert late.state.main is not None
    late.step(events.Executed(late.state.main.token))
    late.step(bus_events.BusMissing())
    assert late.state.sub == "running"


def test_another_type_finds_its_main_process_by_the_name() -> None:
    world = World(config(type="forking", guess_main_pid=False))
    world.step(events.Start())
    starter = world.fork()
    world.pids.add(500)
    world.exit(starter)
    assert (world.state.sub, world.state.main_pid) == ("running", 0)
    world.step(bus_events.BusNameChanged(":1.5", 500))
    assert (world.state.sub, world.state.main_pid) == ("running", 500)
    world.step(LOST)
    assert world.state.sub == "running"
    world.step(bus_events.BusNameChanged(":1.6", 501))
    assert world.state.main_pid == 500
