"""What a service, or whoever may ask, can make PID 1 and a supervisor log is bounded."""

from __future__ import annotations

import re
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


def test_a_unit_file_that_is_read_again_and_again() -> None:
    with Engine({"bad.service": "[Service]\nExecStart=/bin/true\nNoSuch=x\n"}, boot=("basic.target",)) as e:
        for _ in range(3):
            e.call("States", names=["bad.service"] * 1000)

        log = (e.root / "var/log/systemctl-replacement/manager.journal.jsonl").read_text()
        assert 1 <= log.count("Unknown key 'NoSuch'") <= 1000


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
        assert e.text().count("ZeroDivisionError: made for the test") == 50
