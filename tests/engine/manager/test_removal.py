"""A service is not down before its runtime directories are gone: what comes after may make them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.manager.engine import Engine, wait_for

# Directories are removed once @ROOT@/remove is there. What is changed stays changed over a re-execution.
PATIENT = """
paths.self_command = lambda: [sys.executable, '-ISXutf8', sys.argv[0]]
import os, time
from systemctl_replacement.process import removal
def remove(path, real=removal.remove):
    while not os.path.exists(os.path.dirname(os.path.dirname(path)) + "/remove"):
        time.sleep(0.01)
    real(path)
removal.remove = remove
"""
UNIT = "[Service]\nRuntimeDirectory=x\nExecStart=/bin/sh -c 'touch $$RUNTIME_DIRECTORY/mine; exec sleep 1000'\n"


def begun(engine: Engine, operation: str) -> int:
    """Ask for a job that has to wait for the removal; its id."""
    directory = engine.root / "run/x"
    wait_for((directory / "mine").exists, "the service's file")
    job: int = engine.enqueue(operation, "x.service")["id"]
    wait_for(lambda: engine.show("x.service")["MainPID"] == 0, "the end of the process")
    assert [one["id"] for one in engine.call("Jobs")["jobs"]] == [job]
    assert directory.exists()
    return job


def let_go(engine: Engine) -> None:
    (engine.root / "remove").touch()


def kill_the_supervisor(engine: Engine) -> None:
    """Nobody removes the directories any more."""
    engine.titled("supervisor: x.service").kill()


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
            assert (e.root / "run/x").exists() == (end == "supervisor killed")


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
        os.kill(e.show("x.service")["MainPID"], 9)

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
        assert e.halt() in (0, 124)
