"""What the manager survives in every sub-state of a service: its own re-execution, and the death of its helpers.

Afterwards the state that it shows is true, the next command works, and nothing is left behind.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import psutil
import pytest

from systemctl_replacement.units.service.states import SERVICE_ACTIVE_STATE
from tests.engine.manager.engine import Engine, alive, wait_for

# Waits in one place until a file appears, so that a test can keep a service in a sub-state.
HOLD = "/bin/sh -c 'while ! test -e @ROOT@/go; do sleep 0.02; done'"
MAIN = "ExecStart=/bin/sleep 1000\n"
DEAF = "ExecStart=/bin/sh -c 'trap \"\" TERM ABRT; touch @ROOT@/deaf; while :; do sleep 0.02; done'\n"
# Stays behind when the main process ends.
LEFT = 'trap \\"\\" TERM; touch @ROOT@/deaf; while :; do sleep 0.02; done'

# Ends only when it is released, whatever signal comes. In its second life it is like any other.
GO = "while ! test -e @ROOT@/go; do sleep 0.02; done"
HARD = f"ExecStart=/bin/sh -c 'test -e @ROOT@/go && exec sleep 1000; trap \"\" TERM USR1; touch @ROOT@/deaf; {GO}'\n"
LEFT_HARD = f'trap \\"\\" TERM ABRT USR1; touch @ROOT@/deaf; {GO}'

PYTHON = f"{sys.executable} -IS"
# Ignores SIGHUP, or says that it reloads and goes on when it is released.
SLOW_RELOAD = """
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
def reload(*_):
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    s.send(f"RELOADING=1\\nMONOTONIC_USEC={now}".encode())
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.02)
    s.send(b"READY=1")
signal.signal(signal.SIGHUP, reload if sys.argv[1:] else signal.SIG_IGN)
s.send(b"READY=1")
while True:
    time.sleep(1000)
"""

# Sub-state -> (the [Service] section, how to get there, the next sub-state when it is released).
STATES: dict[str, tuple[str, str, str]] = {
    "condition": (f"ExecCondition={HOLD}\n{MAIN}", "start", "running"),
    "start-pre": (f"ExecStartPre={HOLD}\n{MAIN}", "start", "running"),
    "start": (f"Type=oneshot\nRemainAfterExit=yes\nExecStart={HOLD}\nExecStart=/bin/true\n", "start", "exited"),
    "start-post": (f"{MAIN}ExecStartPost={HOLD}\n", "start", "running"),
    "running": (MAIN, "start", "running"),
    "exited": ("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n", "start", "exited"),
    "reload": (f"{MAIN}ExecReload={HOLD}\n", "start reload", "running"),
    "stop": (f"{MAIN}ExecStop={HOLD}\n", "start stop", "dead"),
    "stop-sigterm": (f"{DEAF}TimeoutStopSec=2\n", "start stop", "failed"),
    "stop-post": (f"{MAIN}ExecStopPost={HOLD}\n", "start stop", "dead"),
    "auto-restart": (("ExecStart=/bin/sh -c 'test -e @ROOT@/go && exec sleep 1000'\nRestart=always\nRestartSec=4\n"
                     "StartLimitBurst=100\n"), "start", "running"),
    "reload-signal": (f"Type=notify-reload\nTimeoutStartSec=4\nExecStart={PYTHON} @ROOT@/slow_reload.py\n",
                      "start reload", "running"),
    "reload-notify": (f"Type=notify-reload\nExecStart={PYTHON} @ROOT@/slow_reload.py @ROOT@/go\n",
                      "start reload", "running"),
    "stop-sigkill": (f"{HARD}FinalKillSignal=SIGUSR1\nTimeoutStopSec=4\n", "start stop", "failed"),
    "stop-watchdog": (f"{DEAF}TimeoutStopSec=100ms\nTimeoutStopFailureMode=abort\nTimeoutAbortSec=3\n",
                      "start stop", "failed"),
    "final-sigterm": ((f"ExecStart=/bin/sh -c '({LEFT}) & trap \"exit 0\" TERM; while :; do sleep 0.02; done'\n"
                      "TimeoutStopSec=3\n"), "start stop", "failed"),
    "final-watchdog": ((f"ExecStart=/bin/sh -c '({LEFT_HARD}) & trap \"exit 0\" TERM; while :; do sleep 0.02; done'\n"
                       "TimeoutStopSec=1\nTimeoutStopFailureMode=abort\nTimeoutAbortSec=20\n"), "start stop", "failed"),
    "final-sigkill": ((f"ExecStart=/bin/sh -c '({LEFT_HARD}) & trap \"exit 0\" TERM; while :; do sleep 0.02; done'\n"
                      "FinalKillSignal=SIGUSR1\nTimeoutStopSec=4\n"), "start stop", "failed"),
    "daemon": ("Type=forking\nExecStart=/bin/sh -c 'setsid sh -c \"setsid sleep 1000 &\"'\n", "start", "running"),
    "failed": ("ExecStart=/bin/false\n", "start", "failed"),
}  # fmt: skip


def reach(engine: Engine, sub: str) -> None:
    """Bring x.service into a sub-state."""
    (engine.root / "slow_reload.py").write_text(SLOW_RELOAD)
    for operation in STATES[sub][1].split():
        engine.enqueue(operation, "x.service")
        if operation == "start" and operation != STATES[sub][1]:
            engine.wait_sub("x.service", "running")
            if "deaf" in STATES[sub][0]:
                wait_for((engine.root / "deaf").exists, "a deaf process")
    engine.wait_sub("x.service", SUBS.get(sub, sub))
    if sub not in ("exited", "failed", "auto-restart") and not sub.startswith("final-"):
        wait_for(lambda: any(engine.show("x.service")[key] for key in _PIDS[sub]), "the process of the state")


# Stories whose names are not those of the sub-states that they lead to.
SUBS = {"daemon": "running"}


def test_every_sub_state_is_reached() -> None:
    assert {SUBS.get(sub, sub) for sub in STATES} == set(SERVICE_ACTIVE_STATE) - {"dead"}


# The process of each sub-state; in all others it is the main process.
_PIDS = dict.fromkeys(("condition", "start-pre", "start-post", "reload", "stop", "stop-post"), ("ControlPID",))
_PIDS.update({sub: ("MainPID",) for sub in STATES if sub not in _PIDS})


def stable(engine: Engine) -> dict[str, object]:
    shown = engine.show("x.service")
    keys = ("ActiveState", "SubState", "MainPID", "ControlPID", "ExecMainStartTimestampMonotonic", "InvocationID",
            "ActiveEnterTimestampMonotonic", "InactiveExitTimestampMonotonic", "NRestarts", "Result")  # fmt: skip
    return {key: shown.get(key) for key in keys}


def finish(engine: Engine, sub: str, ends: tuple[str, ...]) -> None:
    """Release what was held, check where it goes, and that the unit can be started and stopped afterwards."""
    (engine.root / "go").touch()
    engine.wait_sub("x.service", *ends)
    engine.wait_idle()
    engine.call("ResetFailed", names=[])  # not by its name, because a unit that is down and not needed is forgotten
    assert engine.run("restart", "x.service") == "done"
    if "failed" not in sub:
        engine.wait_sub("x.service", "running", "exited")
    if "deaf" in STATES[sub][0]:
        return  # its stop takes long, so once is enough
    assert engine.run("stop", "x.service") == "done"
    wait_for(lambda: not units_processes(engine), "the end of the unit's processes")


def units_processes(engine: Engine) -> list[psutil.Process]:
    """All descendants of the manager except its helpers."""
    found = []
    for process in engine.processes():
        try:
            title = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and title not in ("forkserver", "console", "collector"):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.parametrize("sub", STATES)
def test_reexecution(sub: str) -> None:
    with Engine({"x.service": f"[Service]\n{STATES[sub][0]}"}, boot=("basic.target",)) as engine:
        reach(engine, sub)
        before = stable(engine)
        engine.reexecute()
        assert stable(engine) == before
        finish(engine, sub, (STATES[sub][2],))


@pytest.mark.parametrize("sub", STATES)
def test_forkserver_killed(sub: str) -> None:
    with Engine({"x.service": f"[Service]\n{STATES[sub][0]}"}, boot=("basic.target",)) as engine:
        reach(engine, sub)
        before = stable(engine)
        engine.titled("forkserver").kill()
        assert stable(engine) == before
        finish(engine, sub, (STATES[sub][2],))


# A control process goes on without its supervisor, and the manager sees how it ends. A process that was being forked
# when the supervisor died may be lost, and then its phase fails.
@pytest.mark.parametrize("sub", [sub for sub in STATES if sub not in ("exited", "auto-restart", "failed")])
def test_supervisor_killed(sub: str) -> None:
    with Engine({"x.service": f"[Service]\n{STATES[sub][0]}"}, boot=("basic.target",)) as engine:
        reach(engine, sub)
        before = stable(engine)
        engine.titled("supervisor: x.service").kill()
        wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        assert stable(engine) == before
        engine.reexecute()
        assert stable(engine) == before
        finish(engine, sub, (STATES[sub][2],))


FAULTS: dict[str, Callable[[Engine], None]] = {
    "reexecution": lambda engine: engine.reexecute(),
    "forkserver": lambda engine: engine.titled("forkserver").kill(),
    "supervisor": lambda engine: engine.titled("supervisor: x.service").kill(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("phase", ["ExecCondition", "ExecStartPre", "ExecStartPost"])
def test_a_command_that_ends_badly_after_a_fault(phase: str, fault: str) -> None:
    """It exits, kills itself or leaves a child behind after its supervisor has been replaced."""
    for how, result in (
        ("exit 3", "exit-code"),
        ("kill -9 $$$$", "signal"),
        ("setsid sleep 1000 & exit 255", "exit-code"),
    ):
        command = f"/bin/sh -c 'while ! test -e @ROOT@/go; do sleep 0.02; done; {how}'"
        with Engine({"x.service": f"[Service]\n{phase}={command}\n{MAIN}"}, boot=("basic.target",)) as engine:
            engine.enqueue("start", "x.service")
            wait_for(lambda engine=engine: engine.show("x.service")["ControlPID"], "the command")  # type: ignore[misc]
            FAULTS[fault](engine)
            (engine.root / "go").touch()
            if (phase, how) == ("ExecCondition", "exit 3"):
                engine.wait_sub("x.service", "dead")
            else:
                engine.wait_sub("x.service", "failed")
                assert engine.show("x.service")["Result"] == result
            wait_for(lambda engine=engine: not units_processes(engine), "the end of all processes")  # type: ignore[misc]
            engine.write("x.service", f"[Service]\n{MAIN}")
            engine.call("Reload")
            assert engine.run("start", "x.service") == "done"


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_leaks(fault: str) -> None:
    """Descriptors of the manager, and files in its runtime directory, after services have lived through faults."""
    unit = f"[Service]\nType=notify\nNotifyAccess=all\nRuntimeDirectory=x\nExecStart={PYTHON} @ROOT@/slow_reload.py\n"
    with Engine({"x.service": unit}, boot=("basic.target",)) as engine:
        (engine.root / "slow_reload.py").write_text(SLOW_RELOAD)

        def live() -> tuple[int, int, list[str]]:
            assert engine.run("start", "x.service") == "done"
            FAULTS[fault](engine)
            if fault == "supervisor":
                wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
            assert engine.run("restart", "x.service") == "done"
            assert engine.run("stop", "x.service") == "done"
            wait_for(lambda: not units_processes(engine), "the end of all processes")
            assert not (engine.root / "run/x").exists()
            assert engine.process is not None
            manager, forkserver = psutil.Process(engine.process.pid), engine.titled("forkserver")
            runtime = sorted(str(path) for path in (engine.root / "run").rglob("*"))
            return manager.num_fds(), forkserver.num_fds(), runtime

        first = live()
        for _ in range(3):
            wait_for(lambda: live() == first, "everything to be as it was")


def test_console_killed() -> None:
    talk = "[Service]\nType=oneshot\nExecStart=/bin/echo still heard\n"
    with Engine({"x.service": f"[Service]\n{MAIN}", "talk.service": talk}, boot=("x.service",)) as engine:
        before = stable(engine)
        console = engine.titled("console")
        console.kill()
        wait_for(lambda: engine.titled("console").pid != console.pid, "a new console")
        assert stable(engine) == before
        assert engine.run("start", "talk.service") == "done"
        wait_for(lambda: "still heard" in engine.text(), "output through the new console")


DEFECT = """
from systemctl_replacement.units import events
from systemctl_replacement.units.service import step as service
def step(config, state, event, context, real=service.step):
    if isinstance(event, events.Notified) and event.fields.get("STATUS") == "defect":
        raise ZeroDivisionError("made for the test")
    return real(config, state, event, context)
service.step = step
"""
SAY_AND_EXIT = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
while not os.path.exists(sys.argv[1]):
    os.sched_yield()
s.send(b"STATUS=defect")
"""


def test_a_defect_costs_only_the_event_it_is_met_in() -> None:
    unit = f"[Service]\nNotifyAccess=main\nExecStart={PYTHON} @ROOT@/say.py @ROOT@/go\n"
    with Engine({"x.service": unit}, boot=("basic.target",), change=DEFECT) as engine:
        (engine.root / "say.py").write_text(SAY_AND_EXIT)
        assert engine.run("start", "x.service") == "done"
        main = psutil.Process(engine.show("x.service")["MainPID"])
        assert engine.process is not None
        # The notification and the exit arrive together.
        os.kill(engine.process.pid, signal.SIGSTOP)
        (engine.root / "go").touch()
        wait_for(lambda: not alive(main), "the end of the process")
        os.kill(engine.process.pid, signal.SIGCONT)
        engine.wait_sub("x.service", "dead")
        wait_for(lambda: "Internal error in x.service:" in engine.text(), "the defect to be told")


def test_everything_killed_at_once() -> None:
    units = {"x.service": f"[Service]\n{MAIN}Restart=always\n", "y.service": f"[Service]\n{MAIN}"}
    with Engine(units, boot=("x.service", "y.service")) as engine:
        engine.wait_sub("x.service", "running")
        engine.wait_sub("y.service", "running")
        for process in engine.processes():
            process.kill()
        engine.wait_sub("y.service", "failed")
        assert engine.show("y.service")["Result"] == "signal"
        wait_for(
            lambda: engine.sub("x.service") == "running" and engine.show("x.service")["NRestarts"] == 1, "a restart"
        )
        assert engine.run("start", "y.service") == "done"
        assert engine.halt() == 0


def test_death_of_the_manager_ends_its_units() -> None:
    with Engine({"x.service": f"[Service]\n{MAIN}"}, boot=("x.service",)) as engine:
        engine.wait_sub("x.service", "running")
        processes = engine.processes()
        assert len(processes) >= 5  # forkserver, console, collector, supervisor, service
        assert engine.process is not None
        engine.process.kill()
        gone: Callable[[], bool] = lambda: all(not alive(process) for process in processes)  # noqa: E731
        wait_for(gone, "the end of everything")
