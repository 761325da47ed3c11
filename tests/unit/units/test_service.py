"""The service machine, story by story (systemd.service(5))."""

from __future__ import annotations

import copy

from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.units import events
from systemctl_replacement.units.commands.state import ExecStatus
from tests.unit.units.world import World, command, config, started


def phases(world: World) -> list[str]:
    return [action.phase for action in world.asked if isinstance(action, events.Spawn)]


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
