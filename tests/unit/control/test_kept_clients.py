"""Which clients a manager keeps over a re-execution: never so much that strangers could prevent it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.control import kept_clients
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.control.connection import Call, Connection
from systemctl_replacement.control.request import Caller
from systemctl_replacement.control.server import Server
from systemctl_replacement.wire import dumps
from tests.unit.control.loop import SelectorsLoop, methods

STRANGER, ROOT = 65534, 0
KIB, MIB = 1 << 10, 1 << 20
# A larger message of a supervisor or a successor is refused.
MESSAGE_LIMIT = 64 * MIB


def _wait(_call: Call) -> None:
    """Leave the call unanswered."""


class World:
    """A server, and clients that ask for an answer of a certain size without reading it."""

    def __init__(self, path: Path) -> None:
        self.loop = SelectorsLoop()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        self.server = Server(listener)
        self.server.attach(self.loop, methods({"Show": self._show, "Jobs": _wait, "WaitInactive": _wait}))
        self.clients: list[socket.socket] = []

    def _show(self, call: Call) -> None:
        call.reply(properties={"Id": "x" * int(call.parameters["names"][0])})

    def client(self, uid: int, method: str, **parameters: Any) -> Connection:
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        self.clients.append(theirs)
        connection = self.server.adopt(ours, Caller(4711, uid, uid))
        theirs.sendall(dumps({"method": f"{MANAGER}.{method}", "parameters": parameters}) + b"\0")
        for _ in range(100):
            self.loop.turn(0)
        return connection

    def unread(self, uid: int, size: int) -> Connection:
        return self.client(uid, "Show", names=[str(size)])

    def kept(self) -> list[int]:
        return [one["fd"] for one in kept_clients.save(self.server)]

    def close(self) -> None:
        self.server.close()
        self.server.listener.close()
        for client in self.clients:
            client.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "socket")
    yield world
    world.close()


def fd(connection: Connection) -> int:
    number = connection.saved()["fd"]
    assert isinstance(number, int)
    return number


def test_what_strangers_do_not_read_stays_behind(world: World) -> None:
    for _ in range(8):
        world.unread(STRANGER, 2 * MIB)
    assert world.server.clients == 8
    assert sum(len(dumps(one)) for one in kept_clients.save(world.server)) < MIB


def test_who_asks_for_little_is_kept_beside_them(world: World) -> None:
    world.unread(STRANGER, 2 * MIB)
    waiting = world.client(STRANGER, "Jobs")
    assert world.kept() == [fd(waiting)]


def test_what_strangers_wait_for_counts_too(world: World) -> None:
    for _ in range(8):
        world.client(STRANGER, "WaitInactive", names=["x" * 3 * KIB] * 16)
    small = world.client(STRANGER, "WaitInactive", names=["a.service"])
    kept = kept_clients.save(world.server)
    assert fd(small) in [one["fd"] for one in kept]
    assert sum(len(dumps(one)) for one in kept) < MIB


def test_root_is_kept_with_what_it_has_not_read(world: World) -> None:
    world.unread(STRANGER, 2 * MIB)
    reading = [world.unread(ROOT, 2 * MIB) for _ in range(2)]
    assert sorted(world.kept()) == sorted(map(fd, reading))


def test_but_not_with_more_than_a_message_holds(world: World) -> None:
    reading = [world.unread(ROOT, 24 * MIB) for _ in range(4)]
    small = world.unread(ROOT, KIB)
    assert fd(small) in world.kept()
    assert len(world.kept()) < len(reading)
    assert sum(len(dumps(one)) for one in kept_clients.save(world.server)) < MESSAGE_LIMIT


def test_what_was_asked_counts_again_in_the_next_manager(world: World) -> None:
    asking = world.client(STRANGER, "WaitInactive", names=["x" * 3 * KIB] * 16)
    saved = asking.saved()
    other = world.client(STRANGER, "WaitInactive", names=["a.service"])
    before = other.held
    other.restore({**saved, "received": "", "unread": ""})
    assert other.held > before + 40 * KIB
