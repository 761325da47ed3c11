"""Sockets that belong to the manager: they outlive services, supervisors, and the manager's own program."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.engine.manager import test_takeover
from tests.engine.manager.engine import Engine, wait_for

# Says its pid and what it was given to everybody who has something to say, one after the other.
SERVER = """
import os, socket
listening = socket.socket(fileno=3)
while True:
    client = listening.accept()[0]
    client.recv(1)
    client.sendall(b"%d %s" % (os.getpid(), os.environ["LISTEN_FDNAMES"].encode()))
    client.close()
"""
UNITS = {
    "a.socket": "[Socket]\nListenStream=/run/a\nListenDatagram=/run/d\nFileDescriptorName=given\n",
    "a.service": f"[Service]\nExecStart={sys.executable} @ROOT@/server\n",
    "broken.socket": "[Socket]\nListenStream=/run/b\nListenFIFO=/run/f\nListenNetlink=31\nService=a.service\n",
    "each.socket": "[Socket]\nListenStream=/run/e\nAccept=yes\nMaxConnections=9\n",
    "each@.service": "[Service]\nStandardInput=socket\nExecStart=/bin/cat\n",
}


def client(engine: Engine, path: str = "run/a") -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(engine.root / path))
    return connection


def served(connection: socket.socket) -> int:
    """The pid of who has served a connection."""
    with connection:
        connection.sendall(b"x")
        pid, _, names = connection.recv(100).partition(b" ")
    assert names == b"given:given"
    return int(pid)


def descriptors(engine: Engine) -> int:
    assert engine.process is not None
    return len(os.listdir(f"/proc/{engine.process.pid}/fd"))


def with_server(engine: Engine) -> Engine:
    (engine.root / "server").write_text(SERVER)
    return engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    with with_server(Engine(UNITS)) as e:
        yield e


def test_nothing_that_waits_is_lost(engine: Engine) -> None:
    """Whoever connects is served in the end, whatever happens to service, supervisor and manager meanwhile."""
    assert engine.run("start", "a.socket") == "done"
    first = served(client(engine))
    engine.titled("supervisor: a.service").kill()
    assert served(client(engine)) == first, "the service does without its supervisor"
    waiting = client(engine)
    engine.reexecute()
    assert served(waiting) == first
    engine.call("Reload")
    assert served(client(engine)) == first
    with client(engine), client(engine) as waiting:  # the service is busy with the first one
        assert engine.run("restart", "a.service") == "done"
        second = served(waiting)
    assert second != first
    assert engine.run("stop", "a.service") == "done"
    engine.reexecute()
    assert engine.sub("a.socket") == "listening"
    assert served(client(engine)) not in (first, second)


def test_a_service_that_is_started_by_hand_has_them(engine: Engine) -> None:
    assert engine.run("start", "a.socket") == "done"
    assert engine.run("start", "a.service") == "done"
    assert served(client(engine)) == engine.show("a.service")["MainPID"]
    assert engine.run("stop", "a.service") == "done"
    assert engine.run("stop", "a.socket") == "done"
    with pytest.raises(ConnectionRefusedError):
        client(engine)


def test_an_init_takes_them_over() -> None:
    with with_server(test_takeover.on_demand(UNITS)) as e:
        assert e.run("start", "a.socket") == "done"
        assert e.run("start", "each.socket") == "done"
        assert e.process is not None
        with client(e, "run/e") as echo:
            echo.sendall(b"before")
            assert echo.recv(100) == b"before"
            waiting = client(e)
            with test_takeover.init(e):
                assert e.process.wait(20) == 0
                e.forget()
                served(waiting)
                served(client(e))
                echo.sendall(b"after")
                assert echo.recv(100) == b"after"


def test_no_descriptor_is_left(engine: Engine) -> None:
    """After sockets that fail half way, services that come and go, connections that end."""
    assert engine.run("start", "each.socket") == "done"

    def once() -> int:
        assert engine.run("start", "broken.socket") == "failed"
        assert engine.run("start", "a.socket") == "done"
        served(client(engine))
        assert engine.run("stop", "a.service") == "done"
        assert engine.run("stop", "a.socket") == "done"
        with client(engine, "run/e") as echo:
            echo.sendall(b"x")
            assert echo.recv(1) == b"x"
        wait_for(lambda: engine.show("each.socket")["NConnections"] == 0, "the end of the instance")
        wait_for(lambda: not any(p.name() == "supervisor" for p in engine.processes()), "supervisors to leave")
        return descriptors(engine)

    before = once()
    for _ in range(3):
        assert once() == before
