"""Descriptors that a unit may not store stay with its supervisor, whoever sends them (FDSTORE=1)."""

from __future__ import annotations

import sys

import pytest

from tests.engine.manager.engine import Engine, wait_for

FLOOD = """
import array, os, socket, sys, time
talk = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
talk.connect(os.environ["NOTIFY_SOCKET"])
fds = [os.memfd_create(str(number)) for number in range(50)]
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
for _ in range(int(sys.argv[1])):
    talk.sendmsg([b"FDSTORE=1\\nFDNAME=x"], rights)
for line in sys.argv[2:]:
    if line == "again":
        talk.sendmsg([b"FDSTORE=1\\nFDNAME=y"], rights)
    elif line == "wait":
        while not os.path.exists("go"):
            time.sleep(0.01)
    else:
        talk.send(b"FDSTOREREMOVE=1\\nFDNAME=x")
talk.send(b"READY=1")
time.sleep(1000)
"""
# What PID 1 receives, by callback.
COUNT = """
import os
from systemctl_replacement.process import link
receive = link.Link.receive
def counted(self, me=os.getpid()):
    received = receive(self)
    number = sum(len(fds) for _, fds in received)
    if number and os.getpid() == me:
        with open("@ROOT@/counts", "a") as file:
            file.write(f"{number}\\n")
    return received
link.Link.receive = counted
"""


def flooded(maximum: int, *arguments: object) -> Engine:
    command = f"{sys.executable} -IS @ROOT@/flood.py {' '.join(map(str, arguments))}"
    unit = f"[Service]\nType=notify\nNotifyAccess=all\nWorkingDirectory=@ROOT@\nExecStart={command}\n"
    unit += f"FileDescriptorStoreMax={maximum}\n"
    engine = Engine({"x.service": unit}, boot=("basic.target",), change=COUNT)
    (engine.root / "flood.py").write_text(FLOOD)
    return engine


def counts(engine: Engine) -> list[int]:
    file = engine.root / "counts"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def full(maximum: int) -> str:
    return f"x.service: Cannot store more fds than FileDescriptorStoreMax={maximum}, closing remaining."


def test_the_manager_gets_no_descriptor_that_the_unit_may_not_store() -> None:
    with flooded(0, 40) as engine:
        assert engine.run("start", "x.service") == "done"
        assert counts(engine) == []
        assert engine.halt() == 0
        assert engine.text().count(full(0)) == 40, "each is answered as systemd answers it"


def test_the_manager_gets_none_once_the_store_is_full() -> None:
    with flooded(50, 1, "wait", *["again"] * 40) as engine:
        engine.enqueue("start", "x.service")
        wait_for(lambda: engine.show("x.service")["NFileDescriptorStore"] == 50, "the store to be full")
        assert sum(counts(engine)) == 50
        (engine.root / "go").touch()
        engine.wait_sub("x.service", "running")
        assert sum(counts(engine)) == 50
        assert engine.halt() == 0
        assert engine.text().count(full(50)) == 40


def test_descriptors_that_follow_a_removal_are_stored() -> None:
    with flooded(50, 3, "remove", "again") as engine:
        assert engine.run("start", "x.service") == "done"
        wait_for(lambda: engine.show("x.service")["NFileDescriptorStore"] == 50, "the second set")
        assert max(counts(engine)) <= 100


@pytest.mark.parametrize("event", ["reload", "supervisor killed", "reexecution"])
def test_the_room_is_known_afterwards(event: str) -> None:
    with flooded(0, 1) as engine:
        assert engine.run("start", "x.service") == "done"
        assert counts(engine) == []
        unit = engine.units / "x.service"
        unit.write_text(unit.read_text().replace("Max=0", "Max=50"))
        engine.call("Reload")
        if event == "supervisor killed":
            engine.titled("supervisor: x.service").kill()
            wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        if event == "reexecution":
            engine.reexecute()
        assert engine.run("restart", "x.service") == "done"
        wait_for(lambda: engine.show("x.service")["NFileDescriptorStore"] == 50, "them to be stored")
