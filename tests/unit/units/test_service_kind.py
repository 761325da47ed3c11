"""What the manager asks of a service (units/kind.py), beside its machine."""

from __future__ import annotations

import pytest

from systemctl_replacement.units import events
from systemctl_replacement.units.kind import Roles
from systemctl_replacement.units.service.kind import KIND
from systemctl_replacement.units.service.state import ServiceState
from tests.unit.units.world import World, command, config

CONTEXT = events.Context(now=5_000_000)


@pytest.mark.parametrize("service_type", ["simple", "idle", "notify"])
@pytest.mark.parametrize("phase", ["ExecStartPre", "ExecStart", "ExecStop", "ExecStopPost"])
def test_a_process_is_asked_for_again_as_it_was_the_first_time(service_type: str, phase: str) -> None:
    """A re-execution comes between the request and the process."""
    world = World(config(type=service_type, commands={"ExecStart": (command(),), phase: (command("/p"),)}))
    world.step(events.Start())
    if phase in ("ExecStop", "ExecStopPost"):
        world.run_spawns()
        world.step(events.Notified(1, {"READY": "1"}))
        world.step(events.Stop())
        if phase == "ExecStopPost":
            for pid in list(world.pids):
                world.exit(pid)
    (asked,) = world.spawns.values()
    assert asked.phase == phase
    assert KIND.resume(world.config, world.state, CONTEXT) == (asked,)
    assert KIND.expects(world.state, asked.token) and not KIND.expects(world.state, asked.token + 1)


def test_the_watchdog_is_told_to_the_main_process_also_the_second_time() -> None:
    world = World(config(watchdog_usec=7, commands={"ExecStart": (command(),), "ExecStartPost": (command(),)}))
    world.step(events.Start())
    (asked,) = KIND.resume(world.config, world.state, CONTEXT)
    assert isinstance(asked, events.Spawn)
    assert asked.environment == ("WATCHDOG_USEC=7",)
    main = world.fork()
    (asked,) = KIND.resume(world.config, world.state, CONTEXT)
    assert isinstance(asked, events.Spawn)
    assert asked.environment == (f"MAINPID={main}",)


def test_what_is_awaited_is_asked_for_again() -> None:
    world = World(config(type="forking", pid_file="/run/x.pid"))
    world.start()
    starter = min(world.pids)
    world.pids.add(7)
    world.exit(starter)
    assert world.state.waiting_for == "pidfile"
    assert KIND.resume(world.config, world.state, CONTEXT) == (events.WatchPidFile(True),)
    removing = ServiceState(sub="final-sigterm", waiting_for="removal")
    assert KIND.resume(world.config, removing, CONTEXT) == (events.RemoveDirectories(),)


def test_the_watchdog_comes_before_the_state() -> None:
    state = ServiceState(sub="running", deadline=10, watchdog_deadline=20)
    assert KIND.deadlines(state) == ((20, events.WatchdogElapsed()), (10, events.Elapsed()))
    assert KIND.deadlines(ServiceState()) == ()


def test_roles_and_foreign_main_processes() -> None:
    world = World(config(type="forking", commands={"ExecStart": (command(),), "ExecStop": (command(),)}))
    world.start()
    starter = min(world.pids)
    assert KIND.roles(world.state) == Roles(0, starter)
    world.pids.add(7)
    world.exit(starter)
    world.step(events.MainGuessed(7))
    assert KIND.roles(world.state) == Roles(7, 0)
    assert [action for action in world.asked if isinstance(action, events.Identify)][-1] == events.Identify(7, 0, True)
    started = World(config())
    started.start()
    identified = [action for action in started.asked if isinstance(action, events.Identify)]
    assert identified[-1] == events.Identify(started.state.main_pid, 0, False)


def test_how_it_ended() -> None:
    world = World(config())
    world.start()
    assert KIND.exit_status(world.state) == -1
    world.exit(world.state.main_pid, status=3)
    assert KIND.exit_status(world.state) == 3
    assert KIND.monitored(world.state) == (
        "MONITOR_SERVICE_RESULT=exit-code",
        "MONITOR_EXIT_CODE=exited",
        "MONITOR_EXIT_STATUS=3",
    )
    world.start()
    world.exit(world.state.main_pid, "killed", 9)
    assert KIND.exit_status(world.state) == 255
