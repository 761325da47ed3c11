"""How services end: who is killed and told of, what counts as a success, and when they are started again."""

from __future__ import annotations

import pytest

from systemctl_replacement.signals import SIGKILL, SIGTERM
from systemctl_replacement.unitfile.values import StatusSet
from systemctl_replacement.units import events
from systemctl_replacement.units.service.exit import restart_delay
from tests.unit.units.world import World, command, config, started


def lines(world: World) -> list[tuple[int, str]]:
    """What has been logged."""
    return [(one.level, one.message) for one in world.asked if isinstance(one, events.Log)]


def test_restart_counts_and_can_be_refused() -> None:
    world, main = started(restart="always")
    world.exit(main)
    assert world.seen[-2:] == ["dead", "auto-restart"]
    world.elapse()
    assert world.state.restarts == 1
    assert events.EnqueueRestart() in world.asked
    world.run_restart_job()
    world.run_spawns()
    assert (world.state.sub, world.state.restarts) == ("running", 1)
    world.step(events.Stop())
    world.exit(world.state.main_pid, "killed", 15)
    assert world.state.sub == "dead"
    world.start()
    assert world.state.restarts == 0


# systemd.service(5), table "Exit causes and the effect of the Restart= settings".
ENDS = {
    "clean exit": ("exited", 0),
    "clean signal": ("killed", 15),
    "unclean exit": ("exited", 1),
    "unclean signal": ("killed", 9),
    "core dump": ("dumped", 11),
}
RESTARTS = {
    "no": set(),
    "always": set(ENDS) | {"timeout"},
    "on-success": {"clean exit", "clean signal"},
    "on-failure": {"unclean exit", "unclean signal", "core dump", "timeout"},
    "on-abnormal": {"unclean signal", "core dump", "timeout"},
    "on-abort": {"unclean signal", "core dump"},
    "on-watchdog": set(),
}


@pytest.mark.parametrize("restart", RESTARTS)
@pytest.mark.parametrize("end", [*ENDS, "timeout"])
def test_restart_table(restart: str, end: str) -> None:
    if end == "timeout":
        world, main = started(restart=restart, type="notify", notify_access="main")
        world.elapse()
        world.exit(main, "killed", 15)
    else:
        world, main = started(restart=restart)
        world.exit(main, *ENDS[end])
    assert (world.state.sub == "auto-restart") == (end in RESTARTS[restart])


def test_restart_sends_its_own_signal() -> None:
    world, _ = started(restart_kill_signal=12)
    world.restart_pending = True
    world.step(events.Stop())
    assert events.SignalAll(12) in world.asked


def test_runtime_limit_with_a_random_extra() -> None:
    world, _ = started(runtime_max_usec=1_000_000, runtime_extra_usec=1_000_000)
    assert world.state.deadline == world.now + 1_500_000
    world.elapse()
    assert (world.state.sub, world.state.result) == ("stop-sigterm", "timeout")


def test_the_runtime_counts_from_the_start_whatever_is_reloaded() -> None:
    """So does systemd: with RuntimeMaxSec=1500ms a reload after a second changes nothing."""
    commands = {"ExecStart": (command(),), "ExecReload": (command("/r"),)}
    world, _ = started(commands=commands, runtime_max_usec=1_500_000)
    end = world.state.deadline
    world.now += 1_000_000
    world.step(events.Reload())
    world.exit(world.fork())
    assert (world.state.sub, world.state.deadline) == ("running", end)


def test_a_direct_restart_passes_through_no_dead_state() -> None:
    world, main = started(restart="always", restart_mode="direct", restart_usec=1_000_000)
    world.exit(main, status=1)
    assert world.state.sub == "auto-restart"
    assert not {"failed", "dead"} & set(world.seen)


def test_restart_delay_grows_in_steps() -> None:
    growing = config(restart_usec=1_000_000, restart_steps=4, restart_max_delay_usec=16_000_000)
    assert [restart_delay(growing, n) for n in range(6)] == [
        1_000_000,
        2_000_000,
        4_000_000,
        8_000_000,
        *[16_000_000] * 2,
    ]
    assert restart_delay(config(restart_usec=0, restart_steps=4, restart_max_delay_usec=9), 3) == 0
    assert restart_delay(config(restart_usec=5), 100) == 5


def test_exit_type_cgroup_lives_as_long_as_any_process() -> None:
    world, main = started(exit_type="cgroup")
    world.pids.add(500)
    world.exit(main)
    assert world.state.sub == "running"
    world.exit(500)
    assert (world.state.sub, world.state.result) == ("dead", "success")


@pytest.mark.parametrize(
    ("kill_mode", "first", "then"),
    [
        ("control-group", events.SignalAll(15), events.SignalAll(9, cont=False)),
        ("mixed", events.Signal((101,), 15), events.SignalAll(9, cont=False)),
        ("process", events.Signal((101,), 15), events.Signal((101,), 9, cont=False)),
    ],
)
def test_kill_modes(kill_mode: str, first: events.Action, then: events.Action) -> None:
    world, main = started(kill_mode=kill_mode)
    assert main == 101
    world.pids.add(500)
    world.step(events.Stop())
    assert first in world.asked
    assert then not in world.asked
    world.elapse()
    assert world.state.sub == "stop-sigkill"
    assert then in world.asked


def test_kill_mode_none_leaves_everything() -> None:
    world, _ = started(kill_mode="none")
    world.step(events.Stop())
    assert world.state.sub == "dead"
    assert not [action for action in world.asked if isinstance(action, (events.Signal, events.SignalAll))]


def test_exit_statuses_that_prevent_and_force_a_restart() -> None:
    prevented, main = started(restart="always", restart_prevent=StatusSet(frozenset({3}), frozenset({9})))
    prevented.exit(main, "exited", 3)
    assert prevented.state.sub == "failed"
    forced, main = started(restart="no", restart_force=StatusSet(frozenset({3}), frozenset()))
    forced.exit(main, "exited", 3)
    assert forced.state.sub == "auto-restart"


def test_success_exit_status() -> None:
    world, main = started(success=StatusSet(frozenset({3}), frozenset({9})))
    world.exit(main, "exited", 3)
    assert (world.state.sub, world.state.result) == ("dead", "success")
    assert world.state.main_status.status == 3


def test_how_a_main_process_has_ended_is_told_in_a_stop_too() -> None:
    killed, main = started()
    killed.step(events.Stop())
    killed.elapse()
    killed.exit(main, "killed", SIGKILL)
    assert (4, "Main process exited, code=killed, status=9/KILL") in lines(killed)
    failed, main = started()
    failed.step(events.Stop())
    failed.exit(main, "exited", 4)
    assert (5, "Main process exited, code=exited, status=4/NOPERMISSION") in lines(failed)
    ended, main = started()
    ended.step(events.Stop())
    ended.exit(main, "killed", SIGTERM)
    assert (7, "Main process exited, code=killed, status=15/TERM") in lines(ended)


FOUND = events.TellProcesses(
    4,
    "Found left-over process {} in control group while starting unit. Ignoring.\n"
    "This usually indicates unclean termination of a previous run, or service implementation deficiencies.",
)
REMAINS = events.TellProcesses(6, "Unit process {} remains running after unit stopped.")


def told_of(world: World) -> list[events.TellProcesses]:
    return [action for action in world.asked if isinstance(action, events.TellProcesses)]


@pytest.mark.parametrize("mode", ["control-group", "mixed", "process"])
def test_who_has_to_be_killed_is_told_but_not_who_is_asked_to_end(mode: str) -> None:
    world, main = started(kill_mode=mode)
    world.step(events.Stop())
    assert told_of(world) == []
    world.elapse()
    killing = events.TellProcesses(5, "Killing process {} with signal SIGKILL.", (main,), mode != "process")
    assert told_of(world) == [killing]
    at = world.asked.index(killing)
    signal = events.SignalAll if mode != "process" else events.Signal
    assert isinstance(world.asked[at + 1], signal)


def test_whom_the_watchdog_aborts_is_told() -> None:
    world, main = started(watchdog_usec=1_000_000)
    world.step(events.WatchdogElapsed())
    assert told_of(world) == [events.TellProcesses(5, "Killing process {} with signal SIGABRT.", (main,), True)]


def test_what_a_stop_leaves_is_told_then_and_at_the_next_start() -> None:
    world, main = started(kill_mode="process")
    world.pids.add(77)
    world.step(events.Stop())
    world.exit(main, "killed", SIGTERM)
    assert (world.state.sub, told_of(world)) == ("dead", [REMAINS])
    world.start()
    assert told_of(world) == [REMAINS, FOUND]


def test_nobody_is_looked_for_where_nothing_is_left() -> None:
    world, main = started()
    world.step(events.Stop())
    world.exit(main, "killed", SIGTERM)
    world.start()
    assert (world.state.sub, told_of(world)) == ("running", [])
