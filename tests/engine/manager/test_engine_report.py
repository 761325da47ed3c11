"""$NOTIFY_SOCKET of an init: what its engine hears, and that nobody waits for one that does not listen."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator

import pytest

from tests.engine.manager.engine import Engine, wait_for

NOTE = "/bin/sh -c 'echo $${NOTIFY_SOCKET:-none} >>@ROOT@/notes; exec sleep 1000'"
UNITS = {
    "a.service": f"[Service]\nPassEnvironment=NOTIFY_SOCKET\nExecStart={NOTE}\n",
    "boot.target": "[Unit]\nWants=a.service\nAfter=a.service\n",
}


class Listener:
    """The engine's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        """Everything that has been sent so far."""
        while True:
            try:
                self.heard.append(self.socket.recv(1 << 16).decode())
            except BlockingIOError:
                return self.heard

    def fill(self, address: str) -> int:
        """Send to it until there is no room left. Returns the number of messages."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            number = 0
            while True:
                try:
                    other.sendto(b"FILLING=1", address)
                    number += 1
                except BlockingIOError:
                    return number


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with tempfile.TemporaryDirectory(prefix="engine-") as directory:
        path = f"{directory}/notify"
        made = Listener(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield made
        made.socket.close()


def test_a_life_as_the_engine_hears_of_it(listener: Listener) -> None:
    with Engine(UNITS, boot=("boot.target",)) as e:
        wait_for(lambda: "READY=1\nSTATUS=Ready." in listener.listen(), "READY=1")
        assert listener.heard[0] == "X_SYSTEMD_SIGNALS_LEVEL=2"
        assert listener.heard[1] == f"X_SYSTEMD_HOSTNAME={socket.gethostname()}"
        wait_for(lambda: "X_SYSTEMD_UNIT_ACTIVE=boot.target" in listener.listen(), "the target")
        assert wait_for(e.noted, "the service's line") == ["none"]
        listener.heard.clear()
        e.reexecute()
        e.run("stop", "boot.target")
        assert wait_for(listener.listen, "the end of the target") == ["X_SYSTEMD_UNIT_INACTIVE=boot.target"]
        listener.heard.clear()
        assert e.halt(signal.SIGRTMIN + 5) == 133
        heard = listener.listen()
        assert heard[0] == "STOPPING=1\nSTATUS=Activating special unit reboot.target..."
        assert heard[1] == "EXTEND_TIMEOUT_USEC=30000000"
        assert heard[-1] == "EXIT_STATUS=133\nX_SYSTEMD_SHUTDOWN=reboot"
        assert sum("STOPPING=1" in message for message in heard) == 1
        assert not any("READY" in message for message in heard)


def test_a_halt_by_force_tells_the_time_that_init_was_told(listener: Listener) -> None:
    with Engine(UNITS, boot=("--stop-timeout=20", "boot.target")) as e:
        wait_for(lambda: "READY=1\nSTATUS=Ready." in listener.listen(), "READY=1")
        listener.heard.clear()
        e.halt(signal.SIGRTMIN + 13)
        [told] = [message for message in listener.listen() if message.startswith("EXTEND_TIMEOUT_USEC=")]
        assert 10_000_000 < int(told.partition("=")[2]) < 30_000_000


def test_an_engine_that_does_not_listen_blocks_nobody(listener: Listener) -> None:
    address = os.environ["NOTIFY_SOCKET"]
    number = listener.fill(address)
    with Engine(UNITS, boot=("boot.target",)) as e:
        assert e.sub("a.service") == "running"
        wait_for(lambda: "READY=1\nSTATUS=Ready." in listener.listen(), "READY=1")
        assert listener.heard[:number] == ["FILLING=1"] * number
        listener.fill(address)
        assert e.halt() == 0


def test_an_engine_that_is_gone_or_comes_back(listener: Listener) -> None:
    address = os.environ["NOTIFY_SOCKET"]
    listener.socket.close()
    os.unlink(address)
    with Engine(UNITS, boot=("boot.target",)) as e:
        again = Listener(address)
        e.run("stop", "boot.target")
        assert wait_for(again.listen, "the end of the target") == ["X_SYSTEMD_UNIT_INACTIVE=boot.target"]
        assert e.halt() == 0
        again.socket.close()


def test_an_abstract_name_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"engine-{os.getpid()}"
    listener = Listener(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with Engine():
        wait_for(lambda: "READY=1\nSTATUS=Ready." in listener.listen(), "READY=1")
    listener.socket.close()


def test_another_kind_of_socket_is_refused_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:2:1234")
    with Engine() as e:
        assert e.halt() == 0
        assert "Ignoring $NOTIFY_SOCKET=vsock:2:1234: only a path or an abstract name" in e.text()


def test_what_waits_to_be_heard_survives_a_reexecution(listener: Listener) -> None:
    address = os.environ["NOTIFY_SOCKET"]
    number = listener.fill(address)
    with Engine(UNITS, boot=("boot.target",)) as e:
        assert e.sub("a.service") == "running"
        e.reexecute()
        wait_for(lambda: "READY=1\nSTATUS=Ready." in listener.listen(), "READY=1")
        assert listener.heard[:number] == ["FILLING=1"] * number
        assert listener.heard[number] == "X_SYSTEMD_SIGNALS_LEVEL=2"


def test_an_engine_that_reads_after_the_end_knows_how_it_went(listener: Listener) -> None:
    targets = [f"t{number}.target" for number in range(20)]
    units = {**dict.fromkeys(targets, "[Unit]\n"), "boot.target": f"[Unit]\nWants={' '.join(targets)}\n"}
    with Engine(units, boot=("boot.target",)) as e:
        e.run("start", "boot.target")
        e.reexecute()
        assert e.halt(signal.SIGRTMIN + 5) == 133
    told = [message for message in listener.listen() if not message.startswith(("X_SYSTEMD_", "EXTEND", "STATUS"))]
    assert told == [
        "READY=1\nSTATUS=Ready.",
        "STOPPING=1\nSTATUS=Activating special unit reboot.target...",
        "EXIT_STATUS=133\nX_SYSTEMD_SHUTDOWN=reboot",
    ]
    assert listener.heard[-1] == told[-1]
