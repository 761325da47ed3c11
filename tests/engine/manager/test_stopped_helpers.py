"""A helper that stays stopped whatever is done, and one that cannot even be killed: others take over, and nothing is
started twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from systemctl_replacement.control.client import CallError
from tests.engine.manager.engine import Engine, alive, wait_for

# As if somebody stopped a helper again at once whenever it is continued, or as if it hung in the kernel besides.
DEAF = {
    "stopped": """
from systemctl_replacement.supervision import patience
patience.send = lambda pid, number, real=patience.send: number == 18 or real(pid, number)
""",
    "stuck": """
from systemctl_replacement.supervision import patience
patience.send = lambda pid, number: True
patience.os = type("os", (), {"kill": patience.os.kill, "killpg": lambda pid, number: None})
""",
}
UNIT = """[Service]
ExecStartPre=/bin/sh -c 'echo pre >>@ROOT@/notes; until test -e @ROOT@/go; do sleep .02; done'
ExecStart=/bin/sh -c 'echo start >>@ROOT@/notes; exec sleep 1000'
ExecReload=/bin/sh -c 'echo reload >>@ROOT@/notes'
"""
BASIC = ("basic.target",)


@pytest.fixture(params=DEAF)
def deaf(request: pytest.FixtureRequest) -> str:
    return DEAF[request.param]


@contextmanager
def seconds(most: float) -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < most


def stopped(engine: Engine, title: str) -> psutil.Process:
    process = engine.titled(title)
    process.suspend()
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED, f"{title} to stop")
    return process


def started(engine: Engine) -> None:
    (engine.root / "go").touch()
    assert engine.run("start", "x.service") == "done"


def called(engine: Engine, text: str) -> list[psutil.Process]:
    """The living processes with a text in their command line."""
    found = []
    for process in engine.processes():
        with suppress(psutil.NoSuchProcess):
            if alive(process) and text in " ".join(process.cmdline()):
                found.append(process)
    return found


def halt(engine: Engine) -> None:
    with seconds(8):
        assert engine.halt() == 0


def test_a_start(deaf: str) -> None:
    with Engine({"x.service": UNIT}, boot=BASIC, change=deaf) as engine:
        engine.enqueue("start", "x.service")
        wait_for(engine.noted, "the first command")
        stopped(engine, "supervisor: x.service")
        with seconds(8):
            started(engine)
        wait_for(lambda: engine.noted() == ["pre", "start"], "the start, once")
        assert engine.call("Processes", name="x.service")["degraded"] or "stopped" in deaf
        halt(engine)


PINGING = """
import os, socket, sys, time
talk = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
talk.connect(os.environ["NOTIFY_SOCKET"])
talk.send(b"READY=1")
while not os.path.exists(sys.argv[1]):
    talk.send(b"WATCHDOG=1")
    time.sleep(0.1)
time.sleep(1000)
"""


@pytest.mark.parametrize("how", ["continued", "replaced"])
def test_what_waits_for_a_stopped_supervisor_counts(how: str) -> None:
    unit = f"[Service]\nType=notify\nWatchdogSec=1\nExecStart={sys.executable} -IS @ROOT@/ping.py @ROOT@/quiet\n"
    change = DEAF["stopped"] if how == "replaced" else ""
    with Engine({"x.service": unit}, boot=BASIC, change=change) as engine:
        (engine.root / "ping.py").write_text(PINGING)
        assert engine.run("start", "x.service") == "done"
        main = engine.show("x.service")["MainPID"]
        supervisor = stopped(engine, "supervisor: x.service")
        if how == "continued":
            wait_for(lambda: supervisor.status() != psutil.STATUS_STOPPED, "the supervisor to be continued")
        else:
            wait_for(lambda: not alive(supervisor), "the end of the supervisor")
            wait_for(lambda: engine.titled("supervisor: x.service"), "its successor")
        assert engine.call("States", names=["x.service"])
        assert "Watchdog timeout" not in engine.text()
        assert (engine.sub("x.service"), engine.show("x.service")["MainPID"]) == ("running", main)
        (engine.root / "quiet").touch()
        wait_for(lambda: "Watchdog timeout" in engine.text(), "the watchdog of one that says nothing")
        halt(engine)


@pytest.mark.parametrize("operation", ["reload", "stop"])
def test_a_command(deaf: str, operation: str) -> None:
    with Engine({"x.service": UNIT}, boot=BASIC, change=deaf) as engine:
        started(engine)
        main = psutil.Process(engine.show("x.service")["MainPID"])
        stopped(engine, "supervisor: x.service")
        with seconds(8):
            assert engine.run(operation, "x.service") == "done"
        assert engine.noted() == ["pre", "start", *(["reload"] if operation == "reload" else [])]
        if operation == "stop":
            assert engine.show("x.service")["ActiveState"] == "inactive"
            assert not alive(main)
            assert engine.run("start", "x.service") == "done"
        halt(engine)


def test_a_start_without_a_forkserver(deaf: str) -> None:
    with Engine({"x.service": UNIT, "y.service": UNIT}, boot=BASIC, change=deaf) as engine:
        before = stopped(engine, "forkserver")
        with seconds(8):
            engine.enqueue("start", "y.service")
            started(engine)
        engine.wait_sub("y.service", "running")
        with suppress(psutil.NoSuchProcess):
            before.resume()  # what it was asked for is not carried out late
        assert engine.run("reload", "x.service") == "done"
        assert sorted(engine.noted()) == ["pre", "pre", "reload", "start", "start"]
        wait_for(lambda: len(called(engine, "supervisor")) == 2, "one supervisor for each")
        halt(engine)


def test_lines_without_a_console_process(deaf: str) -> None:
    with Engine({"x.service": UNIT}, boot=BASIC, change=deaf) as engine:
        stopped(engine, "console")
        started(engine)
        wait_for(lambda: "Started x.service." in engine.text(), "the line")
        assert engine.text().count("Started x.service.") == 1
        engine.wait_said("The console process is stopped again and again: killing it.")
        halt(engine)


def test_a_console_that_nobody_reads_is_not_killed() -> None:
    read_end, write_end = os.pipe()
    flood = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'yes $(printf %%0100d 0) | head -c 3000000'\n"
    with Engine({"flood.service": flood}, boot=BASIC, stdout=write_end) as engine:
        os.close(write_end)
        console = engine.titled("console")
        assert engine.run("start", "flood.service") == "done"
        time.sleep(7)  # longer than anybody may keep silent who owes an answer
        assert alive(console)
        os.close(read_end)
        assert engine.halt() == 0


def test_a_reload_without_what_runs_the_generators(deaf: str) -> None:
    with Engine({"x.service": UNIT}, boot=BASIC, change=deaf) as engine:
        directory = engine.root / "usr/lib/systemd/system-generators"
        directory.mkdir(parents=True)
        ran = engine.root / "ran"
        (directory / "slow").write_text(
            f"#!/bin/sh\necho x >>{ran}\nmkdir $1/x.service.d\nuntil test -e {engine.root}/go; do sleep .02; done\n"
            "printf '[Unit]\\nDescription=made\\n' >$1/x.service.d/x.conf\n"
        )
        (directory / "slow").chmod(0o755)
        assert engine.process
        engine.process.send_signal(signal.SIGHUP)
        wait_for(ran.exists, "the generator")
        [runner] = called(engine, "--generators")
        runner.suspend()
        with seconds(8):
            (engine.root / "go").touch()
            wait_for(lambda: ran.read_text() == "x\nx\n", "another run")
            wait_for(lambda: engine.show("x.service")["Description"] == "made", "the reload")
        halt(engine)


def test_a_reexecution_whose_probe_is_stopped(deaf: str) -> None:
    change = deaf + "paths.self_command = lambda: ['/bin/sh', '-c', 'kill -STOP $$']\n"
    with Engine({"x.service": UNIT}, boot=BASIC, change=change) as engine:
        started(engine)
        with seconds(8), pytest.raises(CallError, match="Cannot reexecute: the program does not"):
            engine.call("Reexecute")
        assert engine.sub("x.service") == "running"


# The forkserver stops for good when it has made the first supervisor, and has told nobody; so does that supervisor at
# its begin, if it is to.
STOPS_AFTER_FORK = """
import os
from systemctl_replacement.process import forkserver, supervisor
def once(name):
    try:
        os.close(os.open("@ROOT@/" + name, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False
def close_fds(fds, real=forkserver.close_fds):
    real(fds)
    if once("forked"):
        os.kill(os.getpid(), 19)
forkserver.close_fds = close_fds
def run(self, real=supervisor.Supervisor.run):
    if %r and once("supervisor"):
        os.kill(os.getpid(), 19)
    real(self)
supervisor.Supervisor.run = run
"""


@pytest.mark.parametrize("also", ["", "the supervisor"])
def test_a_request_that_was_carried_out_already_is_not_again(deaf: str, also: str) -> None:
    change = deaf + STOPS_AFTER_FORK % bool(also)
    unit = UNIT.replace("echo start", "echo start $$$$")
    with Engine(
        {"x.service": unit}, change=change.replace('once("forked")', 'len(fds) > 2 and once("forked")'), boot=BASIC
    ) as engine:
        with seconds(10):
            started(engine)
        for process in engine.processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()
        assert engine.run("reload", "x.service") == "done"
        assert [word.split()[0] for word in engine.noted()] == ["pre", "start", "reload"]
        wait_for(lambda: len(called(engine, "supervisor")) == 1, "one supervisor")
        halt(engine)


@pytest.mark.parametrize("parent", ["forkserver", "manager"])
def test_a_collector_while_nobody_waits_for_it(parent: str) -> None:
    """Who logs through a socket would wait for it when the kernel's queue is full."""
    with Engine({}, boot=BASIC) as engine:
        collector = engine.titled("collector")
        if parent == "manager":
            forkserver = engine.titled("forkserver")
            forkserver.kill()
            wait_for(lambda: engine.titled("forkserver") != forkserver, "another forkserver")
        with seconds(1):
            collector.suspend()
            engine.wait_said("The collector of the log was stopped while it is needed: continuing it.")
            wait_for(lambda: collector.status() != psutil.STATUS_STOPPED, "it to be continued")
        assert engine.titled("collector") == collector
        halt(engine)
