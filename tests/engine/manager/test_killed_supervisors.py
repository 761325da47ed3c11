"""What the manager makes of a supervisor's death at a moment that matters: of who was its child, and of its log."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time

import psutil
import pytest

from tests.engine.manager.engine import Engine, alive, wait_for
from tests.engine.manager.test_faults import MAIN, PYTHON, units_processes

# The first supervisor that is about to take leave of a process whose end counts is killed: before it tells, or after.
KILLED_AT_AN_END = """
import os
from systemctl_replacement.process import supervisor
waitpid, send, told = os.waitpid, supervisor.Supervisor._send, []
def end():
    try:
        os.close(os.open("@ROOT@/killed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), 9)
def before(self, message, fds=()):
    counts = message["ev"] == "exited" and message["token"] is not None
    if counts and %r == "before":
        end()
    send(self, message, fds)
    if counts:
        told.append(message["pid"])
def after(pid, options):
    if pid in told and %r == "after":
        end()
    return waitpid(pid, options)
supervisor.Supervisor._send = before
os.waitpid = after
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_how_a_process_ended_is_not_lost_with_its_supervisor(when: str) -> None:
    unit = f"[Service]\nExecStartPre=/bin/sh -c 'exit 3'\n{MAIN}"
    change = KILLED_AT_AN_END % (when, when)
    with Engine({"x.service": unit}, boot=("basic.target",), change=change) as engine:
        engine.enqueue("start", "x.service")
        engine.wait_sub("x.service", "failed")
        assert (engine.root / "killed").exists()
        assert engine.show("x.service")["Result"] == "exit-code"
        wait_for(lambda: not units_processes(engine), "the end of all processes")


# In the middle of an exec a process has no environment for a moment, which here lasts this many looks.
IN_EXEC = """
import collections, io
from systemctl_replacement.supervision import unit_processes
looks = collections.Counter()
def look(path, mode):
    looks[path] += 1
    return io.BytesIO() if looks[path] <= %d else open(path, mode)
unit_processes.open = look
unit_processes.has_environment = lambda pid: looks[f"/proc/{pid}/environ"] > %d
"""


@pytest.mark.parametrize("phase", ["ExecCondition", "ExecStartPre", "ExecStartPost"])
def test_a_child_in_the_middle_of_an_exec_does_not_escape(phase: str) -> None:
    """It has left its session, and its parent ends after their supervisor has been killed."""
    leave = "while ! test -e @ROOT@/go; do sleep 0.02; done; setsid sleep 1000 & exit 255"
    unit = f"[Service]\n{phase}=/bin/sh -c '{leave}'\n{MAIN}"
    with Engine({"x.service": unit}, boot=("basic.target",), change=IN_EXEC % (3, 3)) as engine:
        engine.enqueue("start", "x.service")
        wait_for(lambda: engine.show("x.service")["ControlPID"], "the command")
        engine.titled("supervisor: x.service").kill()
        (engine.root / "go").touch()
        engine.wait_sub("x.service", "failed")
        assert engine.show("x.service")["Result"] == "exit-code"
        wait_for(lambda: not units_processes(engine), "the end of all processes")


def test_whom_nothing_tells_from_a_stranger_holds_nobody_up() -> None:
    """The kernel never shows an environment."""
    away = 'setsid sh -c "touch @ROOT@/away; exec sleep 1000" & until test -e @ROOT@/away; do sleep 0.02; done'
    command = f"/bin/sh -c 'until test -e @ROOT@/go; do sleep 0.02; done; {away}'"
    unit = f"[Service]\nExecStart={command}\n"
    with Engine({"x.service": unit}, boot=("basic.target",), change=IN_EXEC % (1_000_000, 1_000_000)) as engine:
        assert engine.run("start", "x.service") == "done"
        engine.titled("supervisor: x.service").kill()
        wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        (engine.root / "go").touch()
        engine.wait_sub("x.service", "dead")
        wait_for(lambda: len(units_processes(engine)) == 1, "the end of all but the stranger")
        assert units_processes(engine)[0].name() == "sleep"


def test_killed_daemon_of_a_killed_supervisor() -> None:
    daemon = "Type=forking\nExecStart=/bin/sh -c 'setsid sh -c \"sleep 1000 & sleep 1000 & wait\" &'\n"
    with Engine({"x.service": f"[Service]\n{daemon}"}, boot=("x.service",)) as engine:
        engine.wait_sub("x.service", "running")
        main = engine.show("x.service")["MainPID"]
        wait_for(lambda: len(psutil.Process(main).children()) == 2, "the daemon's children")
        engine.titled("supervisor: x.service").kill()
        wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        psutil.Process(main).kill()
        engine.wait_sub("x.service", "failed")
        assert engine.show("x.service")["Result"] == "signal"
        wait_for(lambda: not units_processes(engine), "the end of the daemon's children")


# Many processes that let nothing but the release of a lock end them.
MANY = """
import fcntl, os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in range(%d):
    if os.fork() == 0:
        break
else:
    open(sys.argv[1] + "/forked", "w").close()
with open(sys.argv[1] + "/lock") as lock:
    fcntl.flock(lock, fcntl.LOCK_SH)
"""


def test_a_stop_does_not_time_out_while_the_ends_of_all_processes_wait_to_be_reaped() -> None:
    unit = f"[Service]\nTimeoutStopSec=1\nExecStart={PYTHON} @ROOT@/many.py @ROOT@\n"
    with Engine({"x.service": unit}, boot=("basic.target",)) as engine, (engine.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (engine.root / "many.py").write_text(MANY % 150)
        assert engine.run("start", "x.service") == "done"
        wait_for((engine.root / "forked").exists, "all processes")
        engine.titled("supervisor: x.service").kill()
        wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        processes = [psutil.Process(pid) for pid in engine.call("Processes", name="x.service")["pids"]]
        assert len(processes) >= 151
        engine.enqueue("stop", "x.service")
        engine.wait_sub("x.service", "stop-sigterm")
        assert engine.process is not None
        os.kill(engine.process.pid, signal.SIGSTOP)  # all ends and the deadline come at once
        late = time.monotonic() + 1.1
        fcntl.flock(lock, fcntl.LOCK_UN)
        wait_for(lambda: not any(alive(process) for process in processes), "the end of all processes")
        wait_for(lambda: time.monotonic() > late, "the deadline")
        os.kill(engine.process.pid, signal.SIGCONT)
        engine.wait_sub("x.service", "dead", "failed")
        assert engine.show("x.service")["Result"] == "success"


DIES_AT_FORK = """
import os, signal
from systemctl_replacement.process import supervisor
def send(self, message, fds=(), real=supervisor.Supervisor._send):
    if message["ev"] == "forked":
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, message, fds)
supervisor.Supervisor._send = send
"""


@pytest.mark.parametrize("phase", ["ExecCondition", "ExecStartPre", "ExecStart"])
def test_a_process_that_nobody_knows_of_never_runs(phase: str) -> None:
    """Its supervisor was killed between the fork and the message that reports it."""
    unit = f"[Service]\n{phase}=/bin/sh -c 'echo ran >>@ROOT@/notes; exec sleep 1000'\n{MAIN}Type=oneshot\n"
    with Engine({"x.service": unit}, boot=("basic.target",), change=DIES_AT_FORK) as engine:
        for _ in range(2):
            assert engine.run("start", "x.service") == "failed"
            assert engine.show("x.service")["Result"] == "resources"
            wait_for(lambda: not units_processes(engine), "the end of all processes")
        assert engine.noted() == []
        assert "Internal error" not in engine.text()


BEATING = """
import os, time
while True:
    print("x" * 200, flush=True)
    open("@ROOT@/beats", "a").write(".")
    time.sleep(0.01)
"""
NO_FORK = """
import os
from systemctl_replacement.process import forkserver
class Os:
    def __getattr__(self, name):
        return getattr(os, name)
    def fork(self):
        if os.path.exists("@ROOT@/flag"):
            open("@ROOT@/tried", "a").write(".")
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return os.fork()
forkserver.os = Os()
"""
DIES = """
import os
from systemctl_replacement.process import supervisor
init = supervisor.Supervisor.__init__
def refuse(self, *arguments):
    if os.path.exists("@ROOT@/flag"):
        open("@ROOT@/tried", "a").write(".")
        raise OSError(24, "made for the test")
    init(self, *arguments)
supervisor.Supervisor.__init__ = refuse
"""


@pytest.mark.parametrize("change", [NO_FORK, DIES], ids=["no fork", "dies at once"])
def test_somebody_reads_what_a_service_prints_as_soon_as_that_is_possible(change: str) -> None:
    unit = f"[Service]\nExecStart={sys.executable} -IS @ROOT@/beat.py\n"
    with Engine({"x.service": unit}, boot=("basic.target",), change=change) as engine:
        (engine.root / "beat.py").write_text(BEATING.replace("@ROOT@", str(engine.root)))
        assert engine.run("start", "x.service") == "done"
        (engine.root / "flag").touch()
        begun = time.monotonic()
        engine.titled("supervisor: x.service").kill()
        tried, beats = engine.root / "tried", engine.root / "beats"
        wait_for(lambda: tried.exists() and tried.stat().st_size >= 3, "the third attempt")
        assert time.monotonic() - begun >= 2, "a second between two"
        engine.wait_said("x.service: Supervisor died")
        assert 1 <= engine.text().count("x.service: Supervisor died") + engine.text().count("trying again: ") <= 5
        (engine.root / "flag").unlink()
        engine.titled("supervisor: x.service")
        size = beats.stat().st_size
        wait_for(lambda: beats.stat().st_size > size + 2, "signs of life")
        assert engine.sub("x.service") == "running"
