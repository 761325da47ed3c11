"""What a service, or whoever may ask, can make PID 1 and a supervisor log is bounded."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.engine.manager.engine import Engine, wait_for

SHORT = "from systemctl_replacement import log_limit; log_limit.INTERVAL_USEC = 2_000_000"
FLOOD = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
for number in range(2000):
    s.send(sys.argv[1].encode())
s.send(b"READY=1")
os.execv("/bin/sleep", ["sleep", "1000"])
"""
# What is sent, and what each of it is answered with.
HOSTILE = {
    "refused": ("READY=1", "only permitted for main PID"),
    "malformed": ("nonsense", "without content"),
    "barrier": ("BARRIER=1", "incorrect number of fds"),
    "no pid": ("MAINPID=x", "Failed to parse MAINPID"),
    "another's pid": ("MAINPID=1", "is the manager, refusing"),
    "no errno": ("ERRNO=x", "Failed to parse ERRNO"),
    "no watchdog": ("WATCHDOG=x", "WATCHDOG= field is invalid"),
    "nothing to remove": ("FDSTOREREMOVE=1", "no valid file descriptor name"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_service_sends(name: str) -> None:
    sent, answer = HOSTILE[name]
    access = "main" if name == "refused" else "all"
    command = f"/bin/sh -c '{sys.executable} -IS @ROOT@/flood.py \"{sent}\" & exec sleep 1000'"
    unit = f"[Service]\nNotifyAccess={access}\nExecStart={command}\n"
    with Engine({"x.service": unit}, boot=("basic.target",), change=SHORT) as e:
        (e.root / "flood.py").write_text(FLOOD)
        assert e.run("start", "x.service") == "done"

        def told() -> int:
            """How many lines there are, with those that are said to be missing."""
            left_out = re.findall(r"Suppressed (\d+) messages", e.text())
            return e.text().count(answer) + sum(map(int, left_out))

        wait_for(lambda: told() >= 2000, "all to be told of")
        assert 1 <= e.text().count(answer) <= 500
        assert e.run("stop", "x.service") == "done"


CONNECT = """
import socket, sys
while True:
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(sys.argv[1])
"""


def test_connections_without_end_do_not_keep_the_manager_from_executing_itself() -> None:
    limits = "MaxConnections=200\nTriggerLimitIntervalSec=0\n"
    units = {
        "x.socket": f"[Socket]\nListenStream=/run/x\nAccept=yes\n{limits}",
        "x@.service": "[Service]\nStandardInput=socket\nExecStart=/bin/true\n",
    }
    with Engine(units, boot=("x.socket",)) as e:
        command = [sys.executable, "-IS", "-c", CONNECT, str(e.root / "run/x")]
        with subprocess.Popen(command) as flood:
            try:
                wait_for(lambda: e.show("x.socket")["NAccepted"] > 3, "connections")
                e.reexecute()
                accepted = e.show("x.socket")["NAccepted"]
                wait_for(lambda: e.show("x.socket")["NAccepted"] > accepted + 3, "connections afterwards")
            finally:
                flood.kill()
        assert "Cannot reexecute" not in e.text()


STRANGER = """
import json, os, socket, sys
os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for method in ("States", "Show"):
    call = {"method": f"io.systemctl-replacement.Manager.{method}", "parameters": {"names": ["bad.service"] * 500}}
    s.sendall(json.dumps(call).encode() + b"\\0")
    answer = b""
    while not answer.endswith(b"\\0"):
        answer += s.recv(65536)
"""
BAD = "[Unit]\nWants=other.service\n[Service]\nExecStart=/bin/true\nNoSuch=x\n"
OTHER = "[Service]\nExecStart=/bin/true\nMemoryMaax=1G\n"


def _log(e: Engine) -> str:
    return (e.root / "var/log/systemctl-replacement/manager.journal.jsonl").read_text()


def test_a_unit_file_that_is_read_again_and_again() -> None:
    """What is wrong with it is logged once, until it has changed or everything is reloaded."""
    with Engine({"bad.service": BAD, "other.service": OTHER}, boot=("basic.target",)) as e:
        for _ in range(3):
            e.call("States", names=["bad.service"] * 10)
        assert _log(e).count("Unknown key 'NoSuch'") == _log(e).count("Unknown key 'MemoryMaax'") == 1
        e.write("bad.service", BAD + "NoSuch2=x\n")
        e.call("States", names=["bad.service"] * 10)
        assert _log(e).count("Unknown key 'NoSuch'") == 2
        assert _log(e).count("Unknown key 'MemoryMaax'") == 1
        e.call("Reload")
        e.call("States", names=["bad.service"] * 10)
        assert _log(e).count("Unknown key 'NoSuch'") == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_what_a_stranger_asks_for_is_not_logged_before_somebody_needs_it() -> None:
    with Engine({"bad.service": BAD, "other.service": OTHER}, boot=("basic.target",)) as e:
        e.root.chmod(0o755)
        socket = str(e.root / "run/systemd/systemctl-replacement.socket")
        subprocess.run([sys.executable, "-IS", "-c", STRANGER, socket], check=True, timeout=60)
        assert "Unknown key" not in _log(e)
        assert e.run("start", "bad.service") == "done"
        assert _log(e).count("Unknown key 'NoSuch'") == _log(e).count("Unknown key 'MemoryMaax'") == 1


def test_a_request_that_meets_a_defect_again_and_again() -> None:
    change = """
from systemctl_replacement.manager.methods import Methods
def defect(self, request):
    raise ZeroDivisionError("made for the test")
Methods.get_environment = defect
"""
    with Engine(boot=("basic.target",), change=change) as e:
        for _ in range(500):
            with pytest.raises(Exception, match="made for the test"):
                e.call("GetEnvironment")
        assert e.halt() == 0
        assert e.text().count("ZeroDivisionError: made for the test") == 50
