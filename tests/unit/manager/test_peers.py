"""Who has connected, as systemd names and describes them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.manager.ports.peers import peer_of
from systemctl_replacement.units.events import Peer


@contextmanager
def connection(family: socket.AddressFamily, at: Any, to: Any = None) -> Iterator[tuple[socket.socket, int]]:
    """A connection as the listening side has it, and the port number of the other one."""
    with socket.socket(family) as listening:
        listening.bind(at)
        listening.listen()
        with socket.socket(family) as client:
            name = listening.getsockname()
            client.connect((to, name[1]) if to is not None else name)
            accepted, _ = listening.accept()
            with accepted:
                yield accepted, client.getsockname()[1] if family != socket.AF_UNIX else 0


@pytest.mark.parametrize(
    ("family", "address", "to", "shown", "told"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1", "::1", "[::1]"),
        (socket.AF_INET6, "::", "::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_addresses(family: socket.AddressFamily, address: str, to: str, shown: str, told: str) -> None:
    with connection(family, (address, 0), to) as (accepted, number):
        local = accepted.getsockname()[1]
        assert peer_of(accepted.fileno()) == Peer(f"{shown}:{local}-{shown}:{number}", f"{told}:{number}", shown)


def test_processes(tmp_path: Path) -> None:
    with connection(socket.AF_UNIX, str(tmp_path / "s")) as (accepted, _):
        pid, uid = os.getpid(), os.geteuid()
        assert peer_of(accepted.fileno()) == Peer(f"{pid}-{uid}", f"PID {pid}/UID {uid}")


def test_nobody_is_there() -> None:
    with socket.socket() as alone, pytest.raises(OSError):
        peer_of(alone.fileno())
