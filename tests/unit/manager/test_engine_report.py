"""What the container's engine is told, and how much of it waits for somebody to read it."""

from __future__ import annotations

import _socket
import contextlib
import errno
import os
import socket
from pathlib import Path

import pytest

from systemctl_replacement.loop import Loop, now_monotonic
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
    assert unsent == ["READY=1\nSTATUS=Ready.", "X_SYSTEMD_UNIT_ACTIVE=a.target", "STATUS=b"]
    for message in ("STOPPING=1\nSTATUS=c", "EXTEND_TIMEOUT_USEC=1"):
        unsent = queued(unsent, message)
    assert unsent == [
        "READY=1\nSTATUS=Ready.", "STOPPING=1\nSTATUS=c", "X_SYSTEMD_UNIT_ACTIVE=a.target", "EXTEND_TIMEOUT_USEC=1",
    ]  # fmt: skip
    assert queued(unsent, "EXIT_STATUS=0") == ["READY=1\nSTATUS=Ready.", "STOPPING=1\nSTATUS=c", "EXIT_STATUS=0"]


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


def heard_by(engine: socket.socket) -> list[str]:
    heard = []
    with contextlib.suppress(BlockingIOError):
        while True:
            heard.append(engine.recv(1000).decode())
    return heard


def test_what_decides_is_there_to_be_read_however_late(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    news = [f"X_SYSTEMD_UNIT_ACTIVE={number}.target" for number in range(50)]
    deciding = ["X_SYSTEMD_SIGNALS_LEVEL=2", "X_SYSTEMD_HOSTNAME=box", f"X_SYSTEMD_MACHINE_ID={'1' * 32}"]
    deciding += ["READY=1\nSTATUS=Ready.", "STOPPING=1\nSTATUS=…", "EXIT_STATUS=0\nX_SYSTEMD_SHUTDOWN=poweroff"]
    unsent: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as engine:
        engine.setblocking(False)
        engine.bind(address)
        ours = NotifySocket(Loop(lambda *_: None), address, unsent)
        for message in (*deciding[:3], *news, *deciding[3:5], "EXTEND_TIMEOUT_USEC=1", *news, deciding[5]):
            ours.send(message)
        assert not unsent
        heard = heard_by(engine)
        assert [message for message in heard if message not in news] == deciding
        assert heard[-1] == deciding[-1]


def test_news_wait_until_they_are_read(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    loop = Loop(lambda *_: None)
    news = [f"X_SYSTEMD_UNIT_ACTIVE={number}.target" for number in range(50)]
    heard: list[str] = []

    def read() -> None:
        heard.extend(heard_by(engine))
        if len(heard) < len(news):
            loop.call_at(now_monotonic() + 1000, read)
        else:
            loop.stop()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as engine:
        engine.setblocking(False)
        engine.bind(address)
        ours = NotifySocket(loop, address, [])
        for message in news:
            ours.send(message)
        loop.call_soon(read)
        loop.run()
    assert heard == news
