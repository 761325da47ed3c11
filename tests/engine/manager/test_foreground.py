"""The foreground command below a manager that is not PID 1: statuses, signals, waiting, re-execution."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Optional

import psutil
import pytest

from systemctl_replacement.control.client import Disconnected
from tests.engine.manager.engine import DAMAGE, MAIN, Engine, wait_for

SLOW = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'read x <@ROOT@/gate'\n"
DEFAULT = {"default.target": "[Unit]\nAllowIsolate=yes\n"}


def command(script: str, *options: str) -> tuple[str, ...]:
    return (*options, "--", "/bin/sh", "-c", script)


def ended(engine: Engine) -> int:
    assert engine.process is not None
    return engine.process.wait(20)


def send(engine: Engine, number: int) -> None:
    assert engine.process is not None
    engine.process.send_signal(number)


def blocks_signals(engine: Engine) -> bool:
    """Whether the manager has come so far that no signal is lost any more."""
    assert engine.process is not None
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{engine.process.pid}/status").read_text().splitlines())
    return bool(int(lines["SigBlk"], 16) >> (signal.SIGTERM - 1) & 1)


class Gated(Engine):
    """With a fifo at ROOT/gate, and ROOT as $ROOT of the command."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.gate = self.root / "gate"
        os.mkfifo(self.gate)
        self.boot = tuple(word.replace("@ROOT@", str(self.root)) for word in self.boot)

    def __enter__(self) -> Gated:
        super().__enter__()
        return self

    def open(self) -> None:
        self.gate.write_text("\n")

    def file(self, name: str) -> Path:
        return self.root / name


@pytest.mark.parametrize(("end", "status"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_its_status_is_the_containers(end: str, status: int) -> None:
    with Gated(DEFAULT, command(f"read x <@ROOT@/gate; {end}")) as engine:
        engine.open()
        assert ended(engine) == status


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A manager below a directory, from its beginning to its end."""
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "default.target").write_text(DEFAULT["default.target"])
    (units / "talks.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/echo the unit\n")
    line = [sys.executable, "-ISXutf8", str(MAIN), "init", f"--root={root}", *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(("name", "status"), [("no-such-program", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_be_executed(name: str, status: int, tmp_path: Path) -> None:
    result = run(tmp_path, "--", name)
    assert (result.returncode, result.stdout) == (status, "")
    assert f"Cannot run {name}: " in result.stderr


def test_stdout_is_the_commands_alone(tmp_path: Path) -> None:
    # That the named unit has ended does not matter: the command goes on.
    result = run(tmp_path, "talks", "--wait-for=talks", "--", "/bin/sh", "-c", "echo the command; exit 6")
    assert (result.returncode, result.stdout) == (6, "the command\n")
    assert "the unit\n" in result.stderr


def test_it_does_not_run_if_a_named_unit_cannot_be_queued(tmp_path: Path) -> None:
    result = run(tmp_path, "no-such", "--", "/bin/echo", "the command")
    assert (result.returncode, result.stdout) == (5, "")
    assert "Not running /bin/echo: " in result.stderr


def test_it_has_what_init_was_started_with() -> None:
    script = "umask; ulimit -Sn; pwd; echo $0; ls -l /proc/self/fd/0; read x <@ROOT@/gate"
    with Gated(DEFAULT, command(script), descriptors=200) as engine:
        wait_for(lambda: engine.text().count("\n") >= 5, "its output")
        umask, limit, directory, name, stdin = engine.text().splitlines()[:5]
        mask = os.umask(0)
        os.umask(mask)
        assert (umask, limit, directory, name) == (f"{mask:04o}", "200", os.getcwd(), "/bin/sh")
        assert stdin.endswith("-> /dev/null")
        engine.open()
        assert ended(engine) == 0


def test_signals_reach_its_group_and_it_ends_before_the_units() -> None:
    units = {
        **DEFAULT,
        "a.service": "[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'echo stopped >>@ROOT@/notes'\n",
    }
    # The shell waits for its program and passes nothing on.
    inner = "trap 'echo got >>@ROOT@/notes; exit 3' TERM; echo up >@ROOT@/up; while :; do sleep .02; done"
    with Gated(units, ("a.service", *command(f'sh -c "{inner}"; echo $? >>@ROOT@/notes; exit 9'))) as engine:
        wait_for(lambda: engine.file("up").exists(), "the command")
        send(engine, signal.SIGTERM)
        assert ended(engine) == 143
        assert engine.notes.read_text() in ("got\nstopped\n", "stopped\ngot\n")  # once; its shell is gone at once
        assert not [process for process in engine.processes() if process.is_running()]


def is_stopped(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


def noted_process(engine: Gated, name: str = "pid") -> psutil.Process:
    """The process whose id a command has written to a file."""
    file = engine.file(name)
    return psutil.Process(int(wait_for(lambda: file.exists() and file.read_text().strip(), name)))


ORPHAN = """(sh -c "trap 'echo got >>@ROOT@/notes' TERM; echo \\$$ >@ROOT@/pid
while ! read x <@ROOT@/gate; do :; done" &)
setsid sleep 1003 & echo $! >@ROOT@/other; exec sleep 1004"""


def test_an_orphan_of_its_group_is_signalled_once_and_goes_on_if_it_was_stopped() -> None:
    with Gated(DEFAULT, ("--stop-timeout=100", *command(ORPHAN))) as engine:
        assert engine.process is not None
        orphan, other, pid = noted_process(engine), noted_process(engine, "other"), engine.process.pid
        wait_for(lambda: orphan.ppid() == pid, "its parent to end")
        wait_for(lambda: other.name() == "sleep", "a session of its own")
        send(engine, signal.SIGTSTP)
        wait_for(lambda: is_stopped(orphan), "it to stop")
        send(engine, signal.SIGTERM)
        wait_for(engine.noted, "SIGTERM")
        wait_for(lambda: not other.is_running(), "the end of what had no signal yet")
        engine.call("SystemState")  # everybody has been signalled
        engine.open()
        assert ended(engine) == 143
        assert engine.noted() == ["got"]


@pytest.mark.parametrize("options", [(), ("--no-group",)])
def test_it_goes_on_if_it_was_stopped_and_is_to_end(options: tuple[str, ...]) -> None:
    script = "echo $$ >@ROOT@/pid; exec sleep 1005"
    with Gated(DEFAULT, ("--stop-timeout=100", *command(script, *options))) as engine:
        process = noted_process(engine)
        process.suspend()
        wait_for(lambda: is_stopped(process), "it to stop")
        send(engine, signal.SIGTERM)
        assert ended(engine) == 143


def test_it_goes_on_with_the_halt_if_it_was_stopped_after_its_signal() -> None:
    script = "trap 'echo term' TERM; trap 'exit 5' CONT; echo $$ >@ROOT@/pid; while :; do sleep .02; done"
    with Gated(DEFAULT, ("--stop-timeout=100", *command(script))) as engine:
        process = noted_process(engine)
        send(engine, signal.SIGTERM)
        wait_for(lambda: "term" in engine.text(), "SIGTERM")
        process.suspend()
        wait_for(lambda: is_stopped(process), "it to stop")
        engine.call("Halt", verb="poweroff", exit_status=None)
        assert ended(engine) == 5


def test_without_the_group_only_the_command_is_signalled() -> None:
    script = "trap 'exit 4' TERM; sleep 1001 & echo $! >@ROOT@/pid; while :; do sleep .02; done"
    with Gated(DEFAULT, command(script, "--no-group")) as engine:
        wait_for(lambda: engine.file("pid").exists() and engine.file("pid").read_text(), "the command")
        left = psutil.Process(int(engine.file("pid").read_text()))
        send(engine, signal.SIGTERM)
        assert ended(engine) == 4
        assert not left.is_running()  # nothing is left behind all the same


def test_what_does_not_heed_a_signal_is_stopped_with_the_rest() -> None:
    script = "trap '' TERM; trap 'echo hup' HUP; echo up; while :; do read x <@ROOT@/gate; done"
    with Gated(DEFAULT, ("--stop-timeout=3", *command(script))) as engine:
        wait_for(lambda: "up" in engine.text(), "the command")
        send(engine, signal.SIGHUP)
        wait_for(lambda: "hup" in engine.text(), "SIGHUP")
        send(engine, signal.SIGTERM)
        assert ended(engine) == 124
        assert engine.text().count("hup") == 1  # it has no terminal


def test_a_second_signal_does_not_wait_for_its_share_and_a_third_one_hurries() -> None:
    script = "trap 'echo int' INT; trap 'echo term' TERM; echo up; while :; do sleep .02; done"
    with Gated(DEFAULT, ("--stop-timeout=100", *command(script))) as engine:
        wait_for(lambda: "up" in engine.text(), "the command")
        send(engine, signal.SIGINT)
        wait_for(lambda: "int" in engine.text(), "SIGINT")
        assert engine.process is not None
        process = engine.process

        def again(done: Callable[[], object]) -> bool:  # what comes within a second changes nothing
            send(engine, signal.SIGINT)
            return bool(done())

        wait_for(lambda: again(lambda: "term" in engine.text()), "SIGTERM, as everything else gets it")
        wait_for(lambda: again(lambda: process.poll() is not None), "the end")
        assert ended(engine) == 124


@pytest.mark.parametrize(("verb", "asked", "status"), [("poweroff", None, 0), ("exit", 42, 42), ("reboot", None, 133)])
def test_a_halt_that_was_asked_for_is_not_the_commands(verb: str, asked: Optional[int], status: int) -> None:
    with Gated(DEFAULT, command("trap 'exit 5' TERM; echo up; while :; do sleep .02; done")) as engine:
        wait_for(lambda: "up" in engine.text(), "the command")
        engine.call("Halt", verb=verb, exit_status=asked)
        assert ended(engine) == status


@pytest.mark.parametrize("reexecutes", [False, True])
def test_it_waits_for_a_unit(reexecutes: bool) -> None:
    with Gated({**DEFAULT, "slow.service": SLOW}, command("echo ran; exit 6", "--wait-for=slow"), wait=False) as engine:
        engine.wait_sub("slow.service", "start")
        if reexecutes:
            engine.reexecute()
        assert "ran" not in engine.text()
        engine.open()
        assert ended(engine) == 6
        assert "ran\n" in engine.text()


@pytest.mark.parametrize(
    ("number", "status", "why"),
    [
        (signal.SIGTERM, 143, "SIGTERM came first"),
        (signal.SIGINT, 130, "SIGINT came first"),
        (signal.SIGQUIT, 131, "SIGQUIT came first"),
        (signal.SIGRTMIN + 3, 0, "the halt came first"),
    ],
)
def test_a_signal_that_ends_it_may_come_before_it_runs(number: int, status: int, why: str) -> None:
    options = command("echo ran", "--wait-for=slow")
    with Gated({**DEFAULT, "slow.service": SLOW}, options, wait=False) as engine:
        engine.wait_sub("slow.service", "start")
        send(engine, number)
        assert ended(engine) == status
        assert "ran\n" not in engine.text()
        assert engine.text().count(f"Not running /bin/sh: {why}.\n") == engine.text().count("Not running") == 1


def test_a_signal_may_come_at_any_moment_after_init_hears_signals() -> None:
    """It ends the container with the status that tini and dumb-init have then, whether the command runs by then."""
    with Gated(DEFAULT, ("--", "/bin/sleep", "1006"), keep_running=False) as engine:
        wait_for(lambda: blocks_signals(engine), "init to block signals")
        send(engine, signal.SIGTERM)
        assert ended(engine) == 143


@pytest.mark.parametrize("verb", ["restart", "try-restart"])
def test_a_restart_of_that_unit_is_waited_for(verb: str) -> None:
    units = {**DEFAULT, "slow.service": SLOW + "ExecStart=/bin/sh -c 'echo up >>@ROOT@/notes'\n"}
    script = command("echo ran >>@ROOT@/notes; exit 6", "--wait-for=slow")
    with Gated(units, script, wait=False) as engine:
        first = wait_for(lambda: engine.show("slow.service")["MainPID"], "its process")
        engine.enqueue(verb, "slow.service")
        wait_for(lambda: engine.show("slow.service")["MainPID"] not in (0, first), "another process")
        engine.open()
        assert ended(engine) == 6
        assert engine.noted() == ["up", "ran"]


def test_it_does_not_run_if_that_unit_is_stopped() -> None:
    with Gated({**DEFAULT, "slow.service": SLOW}, command("echo ran", "--wait-for=slow"), wait=False) as engine:
        engine.wait_sub("slow.service", "start")
        engine.enqueue("stop", "slow.service")
        assert ended(engine) == 1
        assert "Not running /bin/sh: slow.service could not be started." in engine.text()
        assert "has ended" not in engine.text()


def test_it_does_not_run_if_that_unit_fails() -> None:
    units = {**DEFAULT, "slow.service": SLOW + "ExecStart=/bin/false\n"}
    with Gated(units, command("echo ran", "--wait-for=slow"), wait=False) as engine:
        engine.open()
        assert ended(engine) == 1
        assert "ran\n" not in engine.text()
        assert "Not running /bin/sh: slow.service could not be started." in engine.text()


def test_running_is_the_end_of_the_boot_whatever_has_failed() -> None:
    units = {
        "default.target": "[Unit]\nAllowIsolate=yes\nWants=slow.service bad.service\n",
        "slow.service": SLOW,
        "bad.service": "[Service]\nExecStart=/bin/false\nType=oneshot\n",
    }
    with Gated(units, command("echo ran; exit 6", "--wait-for=running"), wait=False) as engine:
        engine.wait_sub("bad.service", "failed")
        assert "ran" not in engine.text()
        engine.open()
        assert ended(engine) == 6


def test_reexecutions_and_killed_helpers_cost_it_nothing() -> None:
    with Gated(DEFAULT, command("read x <@ROOT@/gate; exit 8")) as engine:
        engine.reexecute()
        for title in ("forkserver", "console", "collector"):
            killed = engine.titled(title)
            killed.kill()
            wait_for(lambda killed=killed: not killed.is_running(), title)  # type: ignore[misc]
        engine.reexecute()
        engine.open()
        assert ended(engine) == 8


@pytest.mark.parametrize("options", [(), ("--no-group",)])
def test_its_end_ends_all_even_if_the_state_of_a_reexecution_is_lost(options: tuple[str, ...]) -> None:
    inner = "trap 'echo group; exit' TERM; echo up; while :; do sleep .02; done"
    script = f"trap 'echo got; read x <@ROOT@/gate; exit 4' TERM; sh -c \"{inner}\" & while :; do sleep .02; done"
    with Gated(DEFAULT, command(script, *options), change=DAMAGE % "state.clear()") as engine:
        wait_for(lambda: "up" in engine.text(), "the command")
        with pytest.raises(Disconnected):
            engine.call("Reexecute")
        wait_for(lambda: "Cannot read the state of the previous manager" in engine.text(), "the line in the log")
        engine.forget()
        engine.call("SystemState", wait=True)
        send(engine, signal.SIGTERM)
        wait_for(lambda: "got" in engine.text(), "SIGTERM")
        if not options:
            wait_for(lambda: "group" in engine.text(), "SIGTERM of its group")
        assert ("group" in engine.text()) == (not options)
        engine.open()
        assert ended(engine) == 4


def test_its_end_counts_even_if_it_comes_while_the_state_is_lost() -> None:
    until_it_has_ended = "os.waitid(os.P_PID, state['boot']['foreground']['pid'], os.WEXITED | os.WNOWAIT)"
    damage = DAMAGE % f"open('@ROOT@/gate', 'w').write('x'); {until_it_has_ended}; state.clear()"
    with Gated(DEFAULT, command("read x <@ROOT@/gate; exit 7"), change=f"import os\n{damage}") as engine:
        with pytest.raises(Disconnected):
            engine.call("Reexecute")
        assert ended(engine) == 7


def test_it_is_remembered_over_a_reexecution_who_was_told() -> None:
    script = "trap 'echo term' TERM; trap 'exit 5' CONT; echo $$ >@ROOT@/pid; while :; do sleep .02; done"
    with Gated(DEFAULT, ("--stop-timeout=100", *command(script))) as engine:
        noted_process(engine)
        send(engine, signal.SIGTERM)
        wait_for(lambda: "term" in engine.text(), "SIGTERM")
        engine.reexecute()
        engine.call("Halt", verb="poweroff", exit_status=None)  # which tells it to go on
        assert ended(engine) == 5
        assert engine.text().count("term\n") == 1


def test_daemons_that_it_leaves_end_with_it() -> None:
    script = "setsid sh -c 'echo $$ >@ROOT@/pid; exec sleep 1002' & read x <@ROOT@/gate; exit 2"
    with Gated(DEFAULT, command(script)) as engine:
        wait_for(lambda: engine.file("pid").exists() and engine.file("pid").read_text(), "the daemon")
        left = psutil.Process(int(engine.file("pid").read_text()))
        engine.open()
        assert ended(engine) == 2
        assert not left.is_running()


def test_the_boot_warns_if_its_share_leaves_the_units_too_little() -> None:
    unit = "[Service]\nExecStart=/bin/sleep 1000\nTimeoutStopSec=7\n"
    with Gated(
        {**DEFAULT, "a.service": unit}, ("--stop-timeout=10", "a.service", *command("exec sleep 1007"))
    ) as engine:
        text = "may take 7s: a.service (7s). The halt has 9s, 4.5s of it for the foreground command."
        wait_for(lambda: text in engine.text(), "the warning")
