"""Hostile and unusual requests and notifications."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from systemctl_replacement.control.client import CallError
from tests.engine.manager.engine import Engine, wait_for

SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n"


def refused(e: Engine, method: str, **parameters: Any) -> str:
    """The message of the error that a call must get."""
    with pytest.raises(CallError) as caught:
        e.call(method, **parameters)
    return caught.value.message


def test_a_halt_of_an_unknown_kind_is_refused_and_the_next_one_works() -> None:
    with Engine({"a.service": SLEEP}) as e:
        assert refused(e, "Halt", verb="nonsense", exit_status=None, force=0) == "Unknown way to halt 'nonsense'."
        assert e.call("SystemState")["state"] == "running"
        assert e.halt() == 0
        assert "Internal error" not in e.text()


@pytest.mark.parametrize("value", ["\udcff", "\ud800", "a\0b"])
def test_variables_that_no_process_could_be_given_are_refused(value: str) -> None:
    with Engine({"a.service": SLEEP}) as e:
        message = refused(e, "SetEnvironment", assignments=["GOOD=1", f"BAD={value}"])
        assert message == "Invalid environment assignments"
        assert not [one for one in e.call("GetEnvironment")["environment"] if one.startswith(("GOOD", "BAD"))]
        assert e.run("start", "a.service") == "done"


def test_units_without_processes_cannot_be_killed() -> None:
    with Engine({"t.target": "[Unit]\nDescription=T\n"}) as e:
        e.run("start", "t.target")
        assert refused(e, "Kill", name="t.target", whom="all", signal=15) == "Operation not supported"


def test_root_may_name_a_main_process_from_elsewhere() -> None:
    notify = (
        "import os, socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.connect(os.environ['NOTIFY_SOCKET'])\n"
        "s.send(('READY=1\\nMAINPID=' + open(sys.argv[1]).read()).encode())\n"
        "time.sleep(1000)\n"
    )
    service = f"[Service]\nType=notify\nExecStart={sys.executable} -IS @ROOT@/notify.py @ROOT@/pid\n"
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        e = Engine({"a.service": service})
        (e.root / "notify.py").write_text(notify)
        (e.root / "pid").write_text(str(stranger.pid))
        with e:
            assert e.run("start", "a.service") == "done"
            # A manager without root treats its own user as root.
            assert e.show("a.service")["MainPID"] == stranger.pid, os.getuid()
            stranger.kill()
            stranger.wait()
            wait_for(lambda: e.show("a.service")["MainPID"] == 0, "the end of the main process to be seen")
    finally:
        stranger.kill()
        stranger.wait()
