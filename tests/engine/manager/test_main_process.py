"""Main processes that move, while the manager or the supervisor is replaced."""

from __future__ import annotations

import pytest

from tests.engine.manager.engine import Engine, wait_for

# On SIGUSR2 a successor writes the PID file, and the old process fails.
SERVER = """\
import os, signal
def write():
    with open("@ROOT@/pid.new", "w") as file:
        file.write(f"{os.getpid()}\\n")
    os.rename("@ROOT@/pid.new", "@ROOT@/pid")
def move(*_):
    read, wrote = os.pipe()
    if os.fork() == 0:
        write()
        os.write(wrote, b".")
    else:
        os.read(read, 1)
        os._exit(3)
signal.signal(signal.SIGUSR2, move)
write()
while True:
    signal.pause()
"""
UNIT = "[Service]\nPIDFile=/pid\nExecStart=/usr/bin/env python3 @ROOT@/server\nExecReload=/bin/kill -USR2 $MAINPID\n"
# It creates the PID file and writes to it when it is signalled, but never closes it.
DAEMON = "exec 3>@ROOT@/pid; while ! test -e @ROOT@/go; do sleep 0.02; done; echo $$ >&3; exec sleep 1000\n"
LATE = "[Service]\nType=forking\nPIDFile=/pid\nExecStart=/bin/sh -c 'sh @ROOT@/daemon &'\n"


def _break(engine: Engine, fault: str) -> None:
    if fault == "reexecution":
        engine.reexecute()
    elif fault == "supervisor":
        engine.titled("supervisor: x.service").kill()
        wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")


def successor(engine: Engine, before: int) -> int:
    """The main process after the previous one has ended."""

    def look() -> int:
        now: int = engine.show("x.service")["MainPID"]
        return now if now not in (0, before) else 0

    found: int = wait_for(look, "another main process")
    return found


@pytest.mark.parametrize("fault", ["none", "reexecution", "supervisor"])
def test_a_main_process_moves(fault: str) -> None:
    with Engine({"x.service": UNIT}, boot=("basic.target",)) as engine:
        (engine.root / "server").write_text(SERVER.replace("@ROOT@", str(engine.root)))
        assert engine.run("start", "x.service") == "done"
        pid_file = engine.root / "pid"
        wait_for(pid_file.exists, "the server")
        _break(engine, fault)
        for _ in range(2):
            before = engine.show("x.service")["MainPID"]
            assert engine.run("reload", "x.service") == "done"
            assert successor(engine, before) == int(pid_file.read_text())
            assert engine.sub("x.service") == "running"
        assert engine.run("stop", "x.service") == "done"
        assert engine.show("x.service")["Result"] == "success"
        assert not pid_file.exists()


@pytest.mark.parametrize("fault", ["none", "reexecution", "supervisor"])
def test_a_pid_file_is_awaited(fault: str) -> None:
    with Engine({"x.service": LATE}, boot=("basic.target",)) as engine:
        (engine.root / "daemon").write_text(DAEMON.replace("@ROOT@", str(engine.root)))
        engine.enqueue("start", "x.service")
        wait_for((engine.root / "pid").exists, "the daemon")
        wait_for(lambda: not engine.show("x.service")["ControlPID"], "the end of its starter")
        _break(engine, fault)
        assert engine.sub("x.service") == "start"
        (engine.root / "go").touch()
        engine.wait_sub("x.service", "running")
        assert engine.show("x.service")["MainPID"] == int((engine.root / "pid").read_text())
        assert engine.run("stop", "x.service") == "done"
