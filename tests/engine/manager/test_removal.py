"""A service or socket is not down before its directories in /run are gone: its next start creates them again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, Optional

import psutil
import pytest

from tests.engine.manager.engine import Engine, alive, wait_for

# Directories are removed once @ROOT@/remove exists. The change also holds after a re-execution.
PATIENT = """
paths.self_command = lambda: [sys.executable, '-ISXutf8', sys.argv[0]]
import os, time
from systemctl_replacement.process import removal
def remove(path, real=removal.remove):
    root = os.path.dirname(os.path.dirname(path))
    while os.path.exists(root) and not os.path.exists(root + "/remove"):
        time.sleep(0.01)
    real(path)
removal.remove = remove
"""
UNIT = "[Service]\nRuntimeDirectory=x\nExecStart=/bin/sh -c 'touch $$RUNTIME_DIRECTORY/mine; exec sleep 1000'\n"


def begun(engine: Engine, operation: str) -> int:
    """Ask for a job that has to wait for the removal. Returns its id."""
    directory = engine.root / "run/x"
    wait_for((directory / "mine").exists, "the service's file")
    job: int = engine.enqueue(operation, "x.service")["id"]
    wait_for(lambda: engine.show("x.service")["MainPID"] == 0, "the end of the process")
    assert [one["id"] for one in engine.call("Jobs")["jobs"]] == [job]
    assert directory.exists()
    return job


def let_go(engine: Engine) -> None:
    (engine.root / "remove").touch()


def removing(engine: Engine) -> tuple[psutil.Process, list[psutil.Process]]:
    """The supervisor that removes, once it does, and its processes. The one that the start had may be about to end."""

    def look() -> Optional[tuple[psutil.Process, list[psutil.Process]]]:
        try:
            supervisor = engine.titled("supervisor: x.")
            removers = supervisor.children()
        except psutil.NoSuchProcess:
            return None
        return (supervisor, removers) if removers else None

    found: tuple[psutil.Process, list[psutil.Process]] = wait_for(look, "the removal")
    return found


def kill_the_supervisor(engine: Engine) -> None:
    """The removal ends with the supervisor, and another one has to begin again."""
    supervisor, removers = removing(engine)
    supervisor.kill()
    wait_for(lambda: not any(map(alive, removers)), "the end of the removal")
    let_go(engine)


def go_on_after_reexecution(engine: Engine) -> None:
    engine.reexecute()
    let_go(engine)


ENDS: dict[str, Callable[[Engine], None]] = {
    "removed": let_go,
    "supervisor killed": kill_the_supervisor,
    "reexecuted": go_on_after_reexecution,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("operation", ["stop", "restart"])
def test_a_job_waits_for_the_removal(operation: str, end: str) -> None:
    with Engine({"x.service": UNIT}, boot=("x.service",), change=PATIENT) as e:
        begun(e, operation)
        ENDS[end](e)
        e.wait_idle()
        if operation == "restart":
            assert e.sub("x.service") == "running"
            wait_for((e.root / "run/x/mine").exists, "the file of the new process")
        else:
            assert e.sub("x.service") == "dead"
            assert not (e.root / "run/x").exists()
        journal = e.root / "var/log/systemctl-replacement/manager.journal.jsonl"
        assert journal.read_text().count("Deactivated successfully.") == 1


SOCKET = (
    "[Socket]\nListenStream=/run/x.sock\nRuntimeDirectory=x\nExecStartPre=/bin/sh -c 'touch $$RUNTIME_DIRECTORY/mine'\n"
)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("operation", ["stop", "restart"])
def test_so_does_the_job_of_a_socket(operation: str, end: str) -> None:
    units = {"x.socket": SOCKET, "x.service": "[Service]\nExecStart=/bin/sleep 1000\n"}
    with Engine(units, boot=("x.socket",), change=PATIENT) as e:
        e.wait_sub("x.socket", "listening")
        e.enqueue(operation, "x.socket")
        e.wait_sub("x.socket", "final-sigterm")
        removing(e)
        assert (e.root / "run/x/mine").exists()
        ENDS[end](e)
        e.wait_idle()
        assert e.sub("x.socket") == ("listening" if operation == "restart" else "dead")
        assert (e.root / "run/x/mine").exists() == (operation == "restart")
        assert "Traceback" not in e.text()


def test_a_start_that_replaces_the_stop_waits_too() -> None:
    with Engine({"x.service": UNIT}, boot=("x.service",), change=PATIENT) as e:
        begun(e, "stop")
        e.enqueue("start", "x.service")
        (job,) = e.call("Jobs")["jobs"]
        assert (job["job_type"], job["state"]) == ("start", "waiting")
        let_go(e)
        e.wait_idle()
        assert e.sub("x.service") == "running"
        wait_for((e.root / "run/x/mine").exists, "the file of the new process")


@pytest.mark.parametrize("operation", ["", "stop"])
def test_a_service_that_restarts_by_itself(operation: str) -> None:
    unit = UNIT + "Restart=always\nRestartSec=1ms\nExecStopPost=/bin/sh -c 'echo ended >> @ROOT@/notes'\n"
    with Engine({"x.service": unit}, boot=("x.service",), change=PATIENT) as e:
        wait_for((e.root / "run/x/mine").exists, "the service's file")
        os.kill(e.show("x.service")["MainPID"], signal.SIGKILL)

        def restarting() -> Any:
            return e.noted() == ["ended"] and e.show("x.service")["MainPID"] == 0

        wait_for(restarting, "the end of the process")
        if operation:
            e.enqueue(operation, "x.service")
        assert (e.root / "run/x/mine").exists()
        let_go(e)
        if operation:
            e.wait_idle()
            assert e.sub("x.service") == "failed"  # of the signal, and not restarted
            assert not (e.root / "run/x").exists()
        else:
            wait_for(lambda: e.show("x.service")["NRestarts"] == 1 and e.sub("x.service") == "running", "the restart")
            wait_for((e.root / "run/x/mine").exists, "the file of the new process")


def test_a_halt_does_not_wait_longer_than_it_may() -> None:
    with Engine({"x.service": UNIT}, boot=("--stop-timeout=1", "x.service"), change=PATIENT) as e:
        wait_for((e.root / "run/x/mine").exists, "the service's file")
        assert e.halt() == 124


def test_a_removal_that_takes_too_long_is_given_up() -> None:
    with Engine({"x.service": UNIT + "TimeoutStopSec=300ms\n"}, boot=("x.service",), change=PATIENT) as e:
        begun(e, "restart")
        remover = e.titled("supervisor: x.service").children()[0]
        e.wait_idle()
        assert not alive(remover)
        assert e.sub("x.service") == "running"
        e.wait_said("Removing the runtime directories takes too long, leaving them.")
        let_go(e)
        assert e.run("stop", "x.service") == "done"
        assert not (e.root / "run/x").exists()


NO_REMOVER = """
import errno
from systemctl_replacement.process import removal
def begin(*_):
    raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
removal.begin = begin
paths.self_command = lambda: [sys.executable, '-ISXutf8', sys.argv[0]]
"""


def test_a_service_ends_although_nobody_can_remove_its_directories() -> None:
    with Engine({"x.service": UNIT}, boot=("x.service",), change=NO_REMOVER) as e:
        wait_for((e.root / "run/x/mine").exists, "the service's file")
        assert e.run("stop", "x.service") == "done"
        assert e.run("start", "x.service") == "done"
        assert (e.root / "run/x").exists()


@pytest.mark.parametrize("delay", ["1ms", "300ms"])
def test_the_supervisor_dies_with_the_service(delay: str) -> None:
    """The next supervisor is asked for the removal, and its answer counts."""
    unit = UNIT + f"Restart=always\nRestartSec={delay}\n"
    with Engine({"x.service": unit}, boot=("x.service",)) as e:
        wait_for((e.root / "run/x/mine").exists, "the service's file")
        for number in range(3000):
            (e.root / "run/x" / str(number)).touch()
        supervisor = e.titled("supervisor: x.service")
        main = psutil.Process(e.show("x.service")["MainPID"])
        supervisor.suspend()
        main.kill()
        wait_for(lambda: main.status() == psutil.STATUS_ZOMBIE, "the end of the process")
        supervisor.kill()

        def restarted() -> bool:
            return e.show("x.service")["NRestarts"] == 1 and e.sub("x.service") == "running"

        wait_for(restarted, "the restart")
        wait_for((e.root / "run/x/mine").exists, "the file of the new process")
        assert sorted(path.name for path in (e.root / "run/x").iterdir()) == ["mine"]
        assert e.run("stop", "x.service") == "done"
        assert not (e.root / "run/x").exists()


def test_a_direct_restart_is_no_end() -> None:
    """RestartMode=direct: units bound to the service are restarted with it, and not stopped."""
    unit = UNIT + "Restart=always\nRestartMode=direct\nRestartSec=1ms\n"
    bound = "[Unit]\nBindsTo=x.service\nAfter=x.service\n[Service]\nExecStart=/bin/sleep 1000\n"
    with Engine({"x.service": unit, "y.service": bound}, boot=("y.service",), change=PATIENT) as e:
        wait_for((e.root / "run/x/mine").exists, "the service's file")
        os.kill(e.show("x.service")["MainPID"], signal.SIGKILL)
        e.wait_sub("x.service", "auto-restart")
        let_go(e)
        e.wait_sub("x.service", "running")
        e.wait_idle()
        assert e.sub("y.service") == "running"


def test_a_refused_start_removes_what_was_preserved() -> None:
    """RuntimeDirectoryPreserve=restart and the start limit: the service does not come back after all."""
    unit = (
        "[Unit]\nStartLimitBurst=2\n[Service]\nRuntimeDirectory=x\nRuntimeDirectoryPreserve=restart\n"
        "Restart=always\nRestartSec=1ms\nExecStart=/bin/false\n"
    )
    with Engine({"x.service": unit}, boot=("basic.target",), change=PATIENT) as e:
        e.run("start", "x.service")
        e.wait_sub("x.service", "failed")
        assert (e.root / "run/x").exists()
        e.call("ResetFailed", names=["x.service"])
        assert e.sub("x.service") == "dead"
        job = e.enqueue("start", "x.service")["id"]
        assert [(one["id"], one["state"]) for one in e.call("Jobs")["jobs"]] == [(job, "waiting")]
        let_go(e)
        wait_for(lambda: e.text().count("Start request repeated too quickly.") == 2, "the start limit, once more")
        wait_for(lambda: not (e.root / "run/x").exists(), "the removal")
