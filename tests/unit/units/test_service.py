"""The service machine, story by story (systemd.service(5))."""

from __future__ import annotations

import copy

import pytest

from systemctl_replacement.signals import SIGKILL, SIGTERM
from systemctl_replacement.unitfile.values import StatusSet
from systemctl_replacement.units import events
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.units.numbers import c_integer
from systemctl_replacement.units.service.exit import restart_delay
from tests.unit.units.world import World, command, config


def phases(world: World) -> list[str]:
    return [action.phase for action in world.asked if isinstance(action, events.Spawn)]


def lines(world: World) -> list[tuple[int, str]]:
    """What has been logged."""
    return [(one.level, one.message) for one in world.asked if isinstance(one, events.Log)]


def watchdog(world: World) -> int | None:
    return world.state.watchdog_deadline


def started(**settings: object) -> tuple[World, int]:
    world = World(config(**settings))
    world.start()
    return world, world.state.main_pid


def test_simple_runs_as_soon_as_it_is_forked() -> None:
    world, main = started(type="simple")
    assert world.state.sub == "running"
    assert main in world.pids


def test_exec_waits_for_the_exec() -> None:
    world, _ = started(type="exec")
    assert world.state.sub == "start"
    world.step(events.Executed(1))
    assert world.state.sub == "running"


def test_exec_that_cannot_be_executed_fails() -> None:
    world, main = started(type="exec")
    world.exit(main, "exited", 203)
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")
    assert world.state.main_status.status == 203


def test_all_phases_in_order() -> None:
    every = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecStop", "ExecStopPost")
    world = World(config(commands={phase: (command(f"/{phase}"),) for phase in every}))
    world.step(events.Start())
    for _ in range(2):
        world.exit(world.fork())
    main = world.fork()
    world.exit(world.fork())
    assert world.state.sub == "running"
    world.step(events.Stop())
    world.exit(world.fork())
    assert world.state.sub == "stop-sigterm"
    world.exit(main, "killed", 15)
    world.exit(world.fork())
    assert world.state.sub == "dead"
    assert phases(world) == list(every)
    assert world.state.result == "success"


def test_oneshot_runs_its_commands_one_after_another() -> None:
    world = World(
        config(type="oneshot", commands={"ExecStart": (command("/a"), command("/b"))}, remain_after_exit=True)
    )
    world.step(events.Start())
    world.exit(world.fork())
    assert world.state.sub == "start"
    world.exit(world.fork())
    assert world.state.sub == "exited"


def test_oneshot_stops_at_the_first_failure_unless_it_is_ignored() -> None:
    commands = {"ExecStart": (command("/a", ignore_failure=True), command("/b"), command("/c"))}
    world = World(config(type="oneshot", commands=commands))
    world.step(events.Start())
    world.exit(world.fork(), "exited", 1)
    world.exit(world.fork(), "exited", 1)
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")
    assert phases(world) == ["ExecStart", "ExecStart"]


def test_a_changed_file_does_not_repeat_commands() -> None:
    world = World(config(type="oneshot", commands={"ExecStart": (command("/a"), command("/b"))}))
    world.step(events.Start())
    pid = world.fork()
    world.config = config(type="oneshot", commands={"ExecStart": (command("/new"), command("/a"), command("/b"))})
    world.exit(pid)
    spawn = next(iter(world.spawns.values()))
    assert spawn.command.path == "/b"


def test_forking_guesses_its_main_process() -> None:
    world = World(config(type="forking"))
    world.step(events.Start())
    starter = world.fork()
    world.pids.add(500)
    world.exit(starter)
    assert world.state.waiting_for == "guess"
    world.step(events.MainGuessed(500))
    assert (world.state.sub, world.state.main_pid) == ("running", 500)
    world.exit(500, "killed", SIGKILL)
    assert (world.state.sub, world.state.result) == ("failed", "signal")


def test_forking_with_an_unknown_main_process_lives_as_long_as_any() -> None:
    world = World(config(type="forking"))
    world.step(events.Start())
    starter = world.fork()
    world.pids.update((500, 501))
    world.exit(starter)
    world.step(events.MainGuessed(0))
    assert world.state.sub == "running"
    world.exit(500)
    assert world.state.sub == "running"
    world.exit(501)
    assert world.state.sub == "dead"


def test_forking_waits_for_its_pid_file() -> None:
    world = World(config(type="forking", pid_file="/run/x.pid"))
    world.step(events.Start())
    starter = world.fork()
    world.pids.add(500)
    world.exit(starter)
    assert world.state.sub == "start"
    assert events.WatchPidFile(True) in world.asked
    world.step(events.PidFileRead(500))
    assert (world.state.sub, world.state.main_pid) == ("running", 500)


def test_forking_whose_pid_file_never_comes() -> None:
    world = World(config(type="forking", pid_file="/run/x.pid"))
    world.step(events.Start())
    world.exit(world.fork())
    assert (world.state.sub, world.state.result) == ("failed", "protocol")


def test_the_main_process_moves_to_whom_its_pid_file_names() -> None:
    for kind in ("forking", "simple", "notify"):
        world = World(config(type=kind, pid_file="/run/x.pid", notify_access="main"))
        world.step(events.Start())
        first = world.fork()
        if kind == "forking":
            starter, first = first, 500
            world.pids.add(first)
            world.named = first
            world.exit(starter)
        elif kind == "notify":
            world.step(events.Notified(first, {"READY": "1"}))
        assert (world.state.sub, world.state.main_pid) == ("running", first)
        world.pids.add(600)
        world.named = 600
        world.exit(first, "exited", 3)
        assert (world.state.sub, world.state.result, world.state.main_pid) == ("running", "success", 600)
        assert world.state.main_status == ExecStatus(600, (world.now, world.now))
        world.exit(600, "exited", 3)
        assert (world.state.sub, world.state.result) == ("failed", "exit-code")


def test_a_pid_file_that_names_nobody_moves_nothing() -> None:
    world = World(config(pid_file="/run/x.pid"))
    world.step(events.Start())
    main = world.fork()
    world.pids.add(600)
    for named in (0, main, 700):
        again = copy.copy(world)
        again.pids, again.named = set(world.pids), named
        again.exit(main)
        assert (again.state.sub, again.state.main_pid) == ("stop-sigterm", 0)


def test_a_reload_may_move_the_main_process() -> None:
    commands = {"ExecStart": (command(),), "ExecReload": (command("/reload"),)}
    world = World(config(commands=commands, pid_file="/run/x.pid"))
    world.step(events.Start())
    first = world.fork()
    world.step(events.Reload())
    world.pids.add(600)
    world.named = 600
    world.exit(world.fork())
    assert (world.state.sub, world.state.main_pid) == ("running", 600)
    world.exit(first, "exited", 3)
    assert (world.state.sub, world.state.result) == ("running", "success")


def test_start_post_knows_the_main_process_that_a_pid_file_names() -> None:
    commands = {"ExecStart": (command(),), "ExecStartPost": (command("/post"),)}
    world = World(config(type="forking", commands=commands, pid_file="/run/x.pid"))
    world.step(events.Start())
    starter = world.fork()
    world.pids.add(500)
    world.named = 500
    world.exit(starter)
    assert next(iter(world.spawns.values())).environment == ("MAINPID=500",)


def test_start_post_may_be_what_writes_the_pid_file() -> None:
    commands = {"ExecStart": (command(),), "ExecStartPost": (command("/post"),)}
    for kind in ("forking", "simple"):
        world = World(config(type=kind, commands=commands, pid_file="/run/x.pid"))
        world.step(events.Start())
        first = world.fork()
        world.pids.add(500)
        if kind == "forking":
            world.exit(first)
        world.exit(world.fork())
        assert world.state.sub == "start-post"
        assert events.WatchPidFile(True) in world.asked
        world.named = 500
        world.step(world.read_pid_file())
        assert (world.state.sub, world.state.main_pid) == ("running", 500)
        assert events.WatchPidFile(False) in world.asked


def test_notify_is_ready_when_it_says_so() -> None:
    world, main = started(type="notify", notify_access="main")
    assert world.state.sub == "start"
    world.step(events.Notified(main, {"READY": "1", "STATUS": "serving"}))
    assert (world.state.sub, world.state.status_text) == ("running", "serving")
    world.step(events.Notified(main, {"RELOADING": "1"}))
    assert world.state.sub == "reload"
    world.step(events.Notified(main, {"READY": "1"}))
    assert world.state.sub == "running"


def test_notify_that_ends_without_being_ready() -> None:
    world, main = started(type="notify", notify_access="main")
    world.exit(main)
    assert (world.state.sub, world.state.result) == ("failed", "protocol")


def test_a_start_that_takes_too_long() -> None:
    world, main = started(type="notify", notify_access="main")
    world.elapse()
    assert (world.state.sub, world.state.result) == ("stop-sigterm", "timeout")
    world.elapse()
    assert world.state.sub == "stop-sigkill"
    world.exit(main, "killed", SIGKILL)
    assert world.state.sub == "failed"


def test_stop_while_a_control_process_is_being_made() -> None:
    world = World(config(commands={"ExecStartPre": (command(),), "ExecStart": (command(),)}, kill_mode="process"))
    world.step(events.Start())
    world.step(events.Stop())
    assert world.state.sub == "stop-sigterm"
    pid = world.fork()
    assert events.Signal((pid,), 15) in world.asked
    world.exit(pid, "killed", 15)
    assert (world.state.sub, world.state.result) == ("failed", "signal")


def test_failed_reload_keeps_the_service() -> None:
    world, _ = started(commands={"ExecStart": (command(),), "ExecReload": (command("/r"),)})
    world.step(events.Reload())
    world.exit(world.fork(), "exited", 1)
    assert (world.state.sub, world.state.result, world.state.reload_result) == ("running", "success", "exit-code")


def test_start_post_that_fails_ends_the_service() -> None:
    world = World(config(commands={"ExecStart": (command(),), "ExecStartPost": (command("/p"),)}))
    world.step(events.Start())
    main = world.fork()
    world.exit(world.fork(), "exited", 1)
    assert world.state.sub == "stop-sigterm"
    world.exit(main, "killed", 15)
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")


def test_condition_decides_about_the_start() -> None:
    commands = {"ExecCondition": (command("/c"),), "ExecStart": (command(),)}
    world = World(config(commands=commands))
    world.step(events.Start())
    world.exit(world.fork(), "exited", 1)
    assert (world.state.sub, world.state.result) == ("dead", "exec-condition")
    world = World(config(commands=commands))
    world.step(events.Start())
    world.exit(world.fork(), "exited", 255)
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")


def test_a_command_that_cannot_be_run_at_all() -> None:
    world = World(config())
    world.step(events.Start())
    world.spawns.clear()
    world.step(events.SpawnFailed(1, "No such file or directory"))
    assert (world.state.sub, world.state.result) == ("failed", "resources")


def test_stop_post_knows_how_it_ended() -> None:
    world, main = started(commands={"ExecStart": (command(),), "ExecStopPost": (command("/post"),)})
    world.exit(main, "exited", 3)
    spawn = next(iter(world.spawns.values()))
    assert spawn.environment == ("SERVICE_RESULT=exit-code", "EXIT_CODE=exited", "EXIT_STATUS=3")


def test_left_overs_are_killed_after_the_main_process() -> None:
    world, main = started()
    world.pids.add(500)
    world.step(events.Stop())
    world.exit(main, "killed", 15)
    assert world.state.sub == "final-sigterm"
    world.elapse()
    assert world.state.sub == "final-sigkill"
    world.exit(500, "killed", SIGKILL)
    assert (world.state.sub, world.state.result) == ("failed", "timeout")


def test_the_end_is_told_once_when_there_are_directories_to_remove() -> None:
    world, main = started(type="simple", preserve_directories="no")
    world.step(events.Stop())
    world.exit(main, "killed", 15)
    ends = [action for action in world.asked if isinstance(action, events.Log) and "Deactivated" in action.message]
    assert len(ends) == 1
    assert len([action for action in world.asked if isinstance(action, events.RemoveDirectories)]) == 1
    world.step(events.Removed())
    assert world.state.sub == "dead"


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


def test_the_watchdog_bites_what_gives_no_sign_of_life() -> None:
    world, main = started(type="notify", notify_access="main", watchdog_usec=1_000_000)
    assert watchdog(world) is None, "it is armed when the service is up"
    world.step(events.Notified(main, {"READY": "1"}))
    assert watchdog(world) == world.now + 1_000_000
    world.now += 900_000
    world.step(events.Notified(main, {"WATCHDOG": "1"}))
    assert watchdog(world) == world.now + 1_000_000
    world.now += 1_000_000
    world.step(events.WatchdogElapsed())
    assert (world.state.sub, world.state.result) == ("stop-watchdog", "watchdog")
    assert events.SignalAll(6) in world.asked
    world.exit(main, "dumped", 6)
    assert (world.state.sub, world.state.result) == ("failed", "watchdog")


def test_a_service_may_set_and_trigger_its_watchdog() -> None:
    world, main = started(notify_access="main")
    assert watchdog(world) is None
    world.step(events.Notified(main, {"WATCHDOG_USEC": "5000000"}))
    assert watchdog(world) == world.now + 5_000_000
    world.step(events.Notified(main, {"WATCHDOG": "trigger"}))
    assert (world.state.sub, world.state.result) == ("stop-watchdog", "watchdog")


def test_a_start_may_be_extended() -> None:
    world, main = started(type="notify", notify_access="main")
    assert world.state.deadline == world.now + 90_000_000
    world.step(events.Notified(main, {"EXTEND_TIMEOUT_USEC": "1000"}))
    assert world.state.deadline == world.now + 90_000_000, "an earlier time changes nothing"
    world.step(events.Notified(main, {"EXTEND_TIMEOUT_USEC": "100000000"}))
    assert world.state.deadline == world.now + 100_000_000


def test_malformed_fields_are_told_and_left_out() -> None:
    world, main = started(notify_access="main")
    world.step(events.Notified(main, {"ERRNO": "x", "WATCHDOG_USEC": "-1", "STATUS": "fine"}))
    assert world.state.status_text == "fine"
    told = [action.message for action in world.asked if isinstance(action, events.Log)]
    assert "Failed to parse ERRNO= field value 'x' in notification message: Invalid argument" in told
    assert "Failed to parse WATCHDOG_USEC=-1" in told


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), (" +7", 7), ("0x1F", 31), ("017", 15), ("0o17", 15), ("0b11", 3), ("-5", -5), ("0", 0), ("-0", 0),
     ("", None), ("7 ", None), ("1_0", None), ("08", None), ("0x", None), ("x", None), ("٣", None), ("+-1", None)],
)  # fmt: skip
def test_numbers_are_read_as_systemd_reads_them(text: str, number: int | None) -> None:
    assert c_integer(text) == number


def test_what_a_status_may_not_be() -> None:
    world, main = started(notify_access="main")
    world.step(events.Notified(main, {"STATUS": "fine \x1b[1m", "ERRNO": "ENOENT"}))
    assert (world.state.status_text, world.state.status_errno) == ("fine \x1b[1m", 2)
    world.step(events.Notified(main, {"STATUS": "no utf-8 \udcff", "ERRNO": "4096"}))
    assert (world.state.status_text, world.state.status_errno) == ("", 2)
    told = [action.message for action in world.asked if isinstance(action, events.Log)]
    assert "Status message in notification message is not UTF-8 clean, ignoring." in told
    assert "Failed to parse ERRNO= field value '4096' in notification message: Numerical result out of range" in told


def test_of_several_words_on_what_it_is_at_the_last_counts() -> None:
    world, main = started(type="notify", notify_access="main")
    world.step(events.Notified(main, {"STOPPING": "1", "READY": "1"}))
    assert world.state.sub == "running"
    world.step(events.Notified(main, {"READY": "1", "RELOADING": "1"}))
    assert world.state.sub == "reload"
    world.step(events.Notified(main, {"RELOADING": "1", "READY": "1"}))
    assert world.state.sub == "running"


def test_notify_reload_in_one_message() -> None:
    world, main = started(type="notify-reload", notify_access="main")
    world.step(events.Notified(main, {"READY": "1"}))
    world.step(events.Reload())
    answer = {"READY": "1", "RELOADING": "1"}
    world.step(events.Notified(main, {**answer, "MONOTONIC_USEC": str(world.now - 1)}))
    assert world.state.sub == "reload-signal", "an answer to something else"
    world.step(events.Notified(main, {**answer, "MONOTONIC_USEC": str(world.now)}))
    assert world.state.sub == "running"


def test_notify_reload() -> None:
    world, main = started(type="notify-reload", notify_access="main")
    world.step(events.Notified(main, {"READY": "1"}))
    world.step(events.Reload())
    assert world.state.sub == "reload-signal"
    assert events.Signal((main,), 1) in world.asked
    world.step(events.Notified(main, {"RELOADING": "1", "MONOTONIC_USEC": str(world.now - 1)}))
    assert world.state.sub == "reload-signal", "that was an earlier reload"
    world.step(events.Notified(main, {"RELOADING": "1", "MONOTONIC_USEC": str(world.now)}))
    assert world.state.sub == "reload-notify"
    world.step(events.Notified(main, {"READY": "1"}))
    assert (world.state.sub, world.state.reload_result) == ("running", "success")


def test_notify_reload_that_is_not_answered() -> None:
    world, main = started(type="notify-reload", notify_access="main")
    world.step(events.Notified(main, {"READY": "1"}))
    world.step(events.Reload())
    world.elapse()
    assert (world.state.sub, world.state.result, world.state.reload_result) == ("running", "success", "timeout")


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
