"""What the manager survives in every sub-state of a service: its own re-execution, and the death of its helpers.

Afterwards the state that it shows is true, the next command works, and nothing is left behind.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product

import psutil
import pytest

from systemctl_replacement.units.service.states import SERVICE_ACTIVE_STATE
from tests.engine.manager.engine import Engine, alive, wait_for
from tests.engine.manager.test_after_reexecution import STAY_CHANGED

# Waits in one place until a file appears, so that a test can keep a service in a sub-state.
HOLD = "/bin/sh -c 'while ! test -e @ROOT@/go; do sleep 0.02; done'"
MAIN = "ExecStart=/bin/sleep 1000\n"
# Ends only when it is released, whatever signal comes. In its second life it is like any other.
GO = "while ! test -e @ROOT@/go; do sleep 0.02; done"
SECOND = "test -e @ROOT@/go && exec sleep 1000"
HARD = f"ExecStart=/bin/sh -c '{SECOND}; trap \"\" TERM ABRT USR1; touch @ROOT@/deaf-%p; {GO}'\n"
# Never ends by itself.
DEAF = f"ExecStart=/bin/sh -c '{SECOND}; trap \"\" TERM; touch @ROOT@/deaf-%p; while :; do sleep 0.02; done'\n"
# Somebody stays behind when the main process ends.
LEFT = f'trap \\"\\" TERM ABRT USR1; touch @ROOT@/deaf-%p; {GO}'
LEAVES = f"ExecStart=/bin/sh -c '({LEFT}) & until test -e @ROOT@/deaf-%p; do sleep 0.02; done; exec sleep 1000'\n"

PYTHON = f"{sys.executable} -IS"
# Reloads when it is released, of which it tells before that or afterwards.
SLOW_RELOAD = """
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
def wait():
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.02)
def reload(*_):
    if sys.argv[1] == "silent":
        wait()
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    s.send(f"RELOADING=1\\nMONOTONIC_USEC={now}".encode())
    wait()
    s.send(b"READY=1")
signal.signal(signal.SIGHUP, reload)
s.send(b"READY=1")
while True:
    time.sleep(1000)
"""
RELOADS = f"Type=notify-reload\nExecStart={PYTHON} @ROOT@/slow_reload.py"
ABORTS = "TimeoutStopFailureMode=abort\nTimeoutAbortSec=1h\n"

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
    "stop-post": (f"{MAIN}ExecStopPost={HOLD}\n", "start stop", "dead"),
    "reload-signal": (f"{RELOADS} silent @ROOT@/go\n", "start reload", "running"),
    "reload-notify": (f"{RELOADS} telling @ROOT@/go\n", "start reload", "running"),
    "stop-sigkill": (f"{HARD}FinalKillSignal=SIGUSR1\nTimeoutStopSec=100ms\n", "start stop", "failed"),
    "stop-watchdog": (f"{HARD}TimeoutStopSec=100ms\n{ABORTS}", "start stop", "failed"),
    "final-sigterm": (LEAVES, "start stop", "dead"),
    "final-watchdog": (f"{LEAVES}TimeoutStopSec=1\n{ABORTS}", "start stop", "failed"),
    "final-sigkill": (f"{LEAVES}FinalKillSignal=SIGUSR1\nTimeoutStopSec=1\n", "start stop", "failed"),
    "daemon": ("Type=forking\nExecStart=/bin/sh -c 'setsid sh -c \"setsid sleep 1000 &\"'\n", "start", "running"),
    "failed": ("ExecStart=/bin/false\n", "start", "failed"),
    # These are released by the time that they have, which is to be known afterwards. It begins last.
    "auto-restart": (f"ExecStart=/bin/sh -c '{SECOND}'\nRestart=always\nRestartSec=10\nStartLimitBurst=100\n",
                     "start", "running"),
    "stop-sigterm": (f"{DEAF}TimeoutStopSec=10\n", "start stop", "failed"),
}  # fmt: skip
UNITS = {f"{sub}.service": f"[Service]\n{text}" for sub, (text, _, _) in STATES.items()}
# What is to be killed at last stays for an hour.
CHANGE = (
    STAY_CHANGED
    + """
from systemctl_replacement.records import replace
from systemctl_replacement.units.service import step as service
def step(config, state, event, context, real=service.step):
    new, actions = real(config, state, event, context)
    if new.sub.endswith("-sigkill") and new.sub != state.sub:
        new = replace(new, deadline=new.deadline + 3_600_000_000)
    return new, actions
service.step = step
"""
)


def reach(engine: Engine, sub: str) -> None:
    """Bring the unit of a sub-state there."""
    unit = f"{sub}.service"
    for operation in STATES[sub][1].split():
        engine.enqueue(operation, unit)
        if operation == "start" and operation != STATES[sub][1]:
            engine.wait_sub(unit, "running")
            if "deaf" in STATES[sub][0]:
                wait_for((engine.root / f"deaf-{sub}").exists, "a deaf process")
    engine.wait_sub(unit, SUBS.get(sub, sub))
    if sub not in ("exited", "failed", "auto-restart") and not sub.startswith("final-"):
        wait_for(lambda: any(engine.show(unit)[key] for key in _PIDS[sub]), "the process of the state")


# Stories whose names are not those of the sub-states that they lead to.
SUBS = {"daemon": "running"}


def test_every_sub_state_is_reached() -> None:
    assert {SUBS.get(sub, sub) for sub in STATES} == set(SERVICE_ACTIVE_STATE) - {"dead"}


# The process of each sub-state; in all others it is the main process.
_PIDS = dict.fromkeys(("condition", "start-pre", "start-post", "reload", "stop", "stop-post"), ("ControlPID",))
_PIDS.update({sub: ("MainPID",) for sub in STATES if sub not in _PIDS})


def stable(engine: Engine, unit: str) -> dict[str, object]:
    shown = engine.show(unit)
    keys = ("ActiveState", "SubState", "MainPID", "ControlPID", "ExecMainStartTimestampMonotonic", "InvocationID",
            "ActiveEnterTimestampMonotonic", "InactiveExitTimestampMonotonic", "NRestarts", "Result")  # fmt: skip
    return {key: shown.get(key) for key in keys}


def stable_ones(engine: Engine, subs: Iterable[str]) -> dict[str, dict[str, object]]:
    return {sub: stable(engine, f"{sub}.service") for sub in subs}


def finish(engine: Engine, subs: Sequence[str]) -> None:
    """Release what was held, check where it goes, and that the units can be started and stopped afterwards."""
    (engine.root / "go").touch()
    for sub in subs:
        engine.wait_sub(f"{sub}.service", STATES[sub][2])
    engine.wait_idle()
    engine.call("ResetFailed", names=[])  # not by name, because a unit that is down and not needed is forgotten
    for sub in subs:
        assert engine.run("restart", f"{sub}.service") == "done"
        if sub != "failed":
            engine.wait_sub(f"{sub}.service", "running", "exited")
        assert engine.run("stop", f"{sub}.service") == "done"
    wait_for(lambda: not units_processes(engine), "the end of the units' processes")


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


def live_through(subs: Sequence[str], *faults: Callable[[Engine, Sequence[str]], object]) -> None:
    """A service in each of the sub-states at once is the same after each of the faults, and goes on."""
    with Engine(UNITS, boot=("basic.target",), change=CHANGE) as engine:
        (engine.root / "slow_reload.py").write_text(SLOW_RELOAD)
        for sub in subs:
            reach(engine, sub)
        before = stable_ones(engine, subs)
        assert {sub: shown["SubState"] for sub, shown in before.items()} == {sub: SUBS.get(sub, sub) for sub in subs}
        for fault in faults:
            fault(engine, subs)
            assert stable_ones(engine, subs) == before
        finish(engine, subs)


def reexecute(engine: Engine, _names: Sequence[str]) -> None:
    engine.reexecute()


def kill_the_forkserver(engine: Engine, _names: Sequence[str]) -> None:
    engine.titled("forkserver").kill()


def kill_supervisors(engine: Engine, names: Sequence[str]) -> None:
    for name in names:
        engine.titled(f"supervisor: {name}.service").kill()


def kill_supervisors_and_wait(engine: Engine, names: Sequence[str]) -> None:
    kill_supervisors(engine, names)
    for name in names:
        wait_for(partial(is_degraded, engine, f"{name}.service"), "the death to be noticed")


def is_degraded(engine: Engine, unit: str) -> bool:
    return bool(engine.call("Processes", name=unit)["degraded"])


def test_reexecution() -> None:
    live_through(list(STATES), reexecute)


def test_forkserver_killed() -> None:
    live_through(list(STATES), kill_the_forkserver)


# A control process goes on without its supervisor, and the manager sees how it ends. A process that was being forked
# when the supervisor died may be lost, and then its phase fails.
def test_supervisor_killed() -> None:
    have_one = [sub for sub in STATES if sub not in ("exited", "auto-restart", "failed")]
    live_through(have_one, kill_supervisors_and_wait, reexecute)


FAULTS: dict[str, Callable[[Engine, Sequence[str]], object]] = {
    "reexecution": reexecute,
    "forkserver": kill_the_forkserver,
    "supervisor": kill_supervisors,
}
# How a command ends, and what that makes of the service.
BAD_ENDS = {
    "exits": ("exit 3", "exit-code"),
    "is-killed": ("kill -9 $$$$", "signal"),
    "leaves-a-child": ("setsid sleep 1000 & exit 255", "exit-code"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_command_that_ends_badly_after_a_fault(fault: str) -> None:
    """In each phase of a start, after its supervisor has been replaced."""
    commands, results = {}, {}
    for phase, end in product(("ExecCondition", "ExecStartPre", "ExecStartPost"), BAD_ENDS):
        how, result = BAD_ENDS[end]
        name = f"{phase}-{end}"
        commands[name] = f"{phase}=/bin/sh -c 'while ! test -e @ROOT@/go; do sleep 0.02; done; {how}'\n"
        results[name] = ("failed", result)
    results["ExecCondition-exits"] = ("dead", "")
    units = {f"{name}.service": f"[Service]\n{command}{MAIN}" for name, command in commands.items()}
    with Engine(units, boot=("basic.target",)) as engine:
        for unit in units:
            engine.enqueue("start", unit)
        for unit in units:
            wait_for(lambda unit=unit: engine.show(unit)["ControlPID"], "the command")  # type: ignore[misc]
        FAULTS[fault](engine, list(commands))
        (engine.root / "go").touch()
        for name, (sub, result) in results.items():
            engine.wait_sub(f"{name}.service", sub)
            assert sub == "dead" or engine.show(f"{name}.service")["Result"] == result
        wait_for(lambda: not units_processes(engine), "the end of all processes")
        for unit in units:
            engine.write(unit, f"[Service]\n{MAIN}")
        engine.call("Reload")
        for unit in units:
            assert engine.run("start", unit) == "done"


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_leaks(fault: str) -> None:
    """Descriptors of the manager, and files in its runtime directory, after services have lived through faults."""
    program = f"{PYTHON} @ROOT@/slow_reload.py - -"
    unit = f"[Service]\nType=notify\nNotifyAccess=all\nRuntimeDirectory=x\nExecStart={program}\n"
    with Engine({"x.service": unit}, boot=("basic.target",)) as engine:
        (engine.root / "slow_reload.py").write_text(SLOW_RELOAD)

        def live() -> tuple[int, int, list[str]]:
            assert engine.run("start", "x.service") == "done"
            FAULTS[fault](engine, ["x"])
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
        before = stable(engine, "x.service")
        console = engine.titled("console")
        console.kill()
        wait_for(lambda: engine.titled("console").pid != console.pid, "a new console")
        assert stable(engine, "x.service") == before
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
