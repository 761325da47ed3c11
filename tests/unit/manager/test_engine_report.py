"""What the container's engine is told, and how much of it waits for somebody to read it."""

from __future__ import annotations

import _socket
import contextlib
import errno
import os
import socket
from pathlib import Path

import pytest

from systemctl_replacement.loop import Loop
from systemctl_replacement.manager.engine.notify_socket import BadAddress, NotifySocket, address_of, queued
from systemctl_replacement.manager.engine.report import extension, progress


def test_a_socket_has_a_path_or_an_abstract_name() -> None:
    assert address_of("/run/host/notify") == "/run/host/notify"
    assert address_of("@engine/1") == b"\0engine/1"


@pytest.mark.parametrize("variable", ["vsock:2:1234", "vsock-stream:2:1", "relative", "@", "/" + "x" * 108])
def test_other_sockets_are_refused(variable: str) -> None:
    with pytest.raises(BadAddress):
        address_of(variable)


def test_only_the_last_word_waits_to_be_sent() -> None:
    unsent: list[str] = []
    for message in ("STATUS=a", "X_SYSTEMD_UNIT_ACTIVE=a.target", "READY=1\nSTATUS=Ready.", "STATUS=b"):
        unsent = queued(unsent, message)
    assert unsent == ["X_SYSTEMD_UNIT_ACTIVE=a.target", "READY=1\nSTATUS=Ready.", "STATUS=b"]


def test_news_of_units_cannot_pile_up_and_push_out_nothing_else() -> None:
    unsent = ["READY=1\nSTATUS=Ready."]
    for number in range(1000):
        unsent = queued(unsent, f"X_SYSTEMD_UNIT_ACTIVE={number}.target")
    assert len(unsent) < 300
    assert unsent[0].startswith("READY=1") and unsent[-1] == "X_SYSTEMD_UNIT_ACTIVE=999.target"


def test_a_halt_asks_for_the_time_that_it_has() -> None:
    assert extension(1_000_000, 0) == 30_000_000
    assert extension(1_000_000, 11_000_000) == 13_000_000
    assert extension(12_000_000, 11_000_000) == 3_000_000


def test_progress() -> None:
    assert progress([], 3) == "3 jobs waiting..."
    assert progress([("a.service", "stop")], 3) == "Job a.service/stop running, 2 more..."


def test_a_shortage_of_descriptors_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    address = str(tmp_path / "notify")
    loop = Loop(lambda *_: None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as engine:
        engine.setblocking(False)
        engine.bind(address)
        early = NotifySocket(loop, address, [])
        with monkeypatch.context() as patched:
            patched.setattr(_socket, "socket", none_left)
            early.send("READY=1")  # it has its descriptor
            late = NotifySocket(loop, address, [])
            late.send("READY=1")
            assert engine.recv(100) == b"READY=1"
            with pytest.raises(BlockingIOError):
                engine.recv(100)
        late.send("STOPPING=1")
        assert [engine.recv(100), engine.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_the_last_word_waits_for_an_engine_that_is_late(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    loop = Loop(lambda *_: None)
    unsent: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as engine:
        engine.setblocking(False)
        engine.bind(address)
        ours = NotifySocket(loop, address, unsent)
        while not unsent:
            ours.send("X_SYSTEMD_UNIT_INACTIVE=x.target")
        ours.send("EXIT_STATUS=0")
        assert unsent[-1] == "EXIT_STATUS=0"
        heard: list[bytes] = []

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.append(engine.recv(100))

        loop.call_soon(read)
        ours.when_sent(loop.stop)
        loop.run()
        read()
        assert heard[-1] == b"EXIT_STATUS=0" and not unsent
        ours.when_sent(lambda: heard.append(b"at once"))
        assert heard[-1] == b"at once"
