"""What strangers may ask of the server, and whose turn it is. The test runs each turn of the loop itself."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement import fair_queue, wire
from systemctl_replacement.control import address
from systemctl_replacement.control import server as server_module
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.control.connection import (
    MAXIMUM_REQUEST_OF_STRANGERS,
    Call,
)
from systemctl_replacement.control.listener import listen
from systemctl_replacement.control.server import MAXIMUM_ITEM, MAXIMUM_ITEMS, SERVICE, Server
from systemctl_replacement.loop import OWNERS, STRANGERS
from tests.unit.control.loop import SelectorsLoop, methods

NOBODY, SOMEBODY = 65534, 65533


class House:
    """A server, its loop, and clients of any user."""

    def __init__(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.asked: list[str] = []
        self.waiting: list[Call] = []
        self.clients: list[socket.socket] = []
        self.uids: list[int] = []
        self.server = Server(listen(path))
        self.loop = SelectorsLoop()
        self.server.attach(
            self.loop, methods({"States": self._states, "Reload": self._reload, "WaitInactive": self.waiting.append})
        )
        monkeypatch.setattr(address, "peer", lambda _socket, make: make(1, self.uids.pop(0), 1))

    def _reload(self, call: Call) -> None:
        self.asked.append("reload")
        call.reply()

    def _states(self, call: Call) -> None:
        def steps() -> Iterator[None]:
            for name in call.parameters["names"]:
                self.asked.append(name)
                yield
            call.reply(states=[])

        call.work(steps())

    def connect(self, uid: int, *requests: bytes) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(self.path)
        client.sendall(b"".join(requests))
        self.clients.append(client)
        self.uids.append(uid)
        return client

    def serve(self) -> None:
        """Do everything there is to do."""
        for _ in range(20):
            self.loop.turn(0)

    def answer(self, client: socket.socket) -> Any:
        self.serve()
        return json.loads(client.recv(65536).rstrip(b"\0"))

    def close(self) -> None:
        self.server.close()
        self.server.listener.close()
        for client in self.clients:
            client.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    # However slow the machine is: what a turn does not finish is left for the next one, in order of rank.
    monkeypatch.setattr(server_module, "_ACCEPTING", 10)
    monkeypatch.setattr(fair_queue, "SLICE", 10)
    house = House(str(tmp_path / "socket"), monkeypatch)
    yield house
    house.close()


def request(method: str, **parameters: Any) -> bytes:
    return json.dumps({"method": f"{MANAGER}.{method}", "parameters": parameters}).encode() + b"\0"


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("end", [b"", b"\0"])
def test_a_long_request_of_a_stranger_is_not_even_read(
    house: House, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    def never(_data: bytes) -> Any:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(wire, "loads", never)
    client = house.connect(NOBODY, b"[" * (MAXIMUM_REQUEST_OF_STRANGERS + 1) + end)
    house.serve()
    assert is_closed(client)
    assert not house.server.clients


def test_a_long_request_behind_a_short_one_is_not_read_either(house: House) -> None:
    long = request("States", names=["x" * 100] * 1000)
    assert len(long) > MAXIMUM_REQUEST_OF_STRANGERS
    client = house.connect(NOBODY, request("States", names=["a"]))
    assert house.answer(client) == {"parameters": {"states": []}}
    client.sendall(long)
    house.serve()
    assert is_closed(client)
    assert house.asked == ["a"]


def test_root_may_ask_for_more(house: House) -> None:
    client = house.connect(0, request("States", names=["x" * 100] * 1000))
    assert house.answer(client) == {"parameters": {"states": []}}


@pytest.mark.parametrize("parameters", [{}, {"x": [1] * 5000}, {"x": {"y": 1}}])
def test_permission_comes_before_all_else(
    house: House, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any]
) -> None:
    client = house.connect(NOBODY, request("Reload", **parameters))
    assert house.answer(client) == {"error": f"{SERVICE}.PermissionDenied", "parameters": {}}
    assert not house.asked


@pytest.mark.parametrize("names", [[1] * (MAXIMUM_ITEMS + 1), ["x" * (MAXIMUM_ITEM + 1)]])
def test_size_comes_before_types(house: House, names: list[Any]) -> None:
    client = house.connect(NOBODY, request("States", names=names))
    assert house.answer(client) == {"error": f"{SERVICE}.InvalidParameter", "parameters": {"parameter": "names"}}
    assert not house.asked


def test_all_who_wait_are_let_in_at_once(house: House) -> None:
    for number in range(50):
        house.connect(NOBODY if number < 49 else 0)
    house.loop.turn(0)
    assert house.server.clients == 50


def test_those_who_are_too_many_do_not_keep_others_out(house: House) -> None:
    many = [house.connect(NOBODY) for _ in range(server_module.MAXIMUM_CONNECTIONS_PER_USER + 20)]
    root = house.connect(0, request("States", names=["root"]))
    house.serve()
    assert house.asked == ["root"]
    assert root.recv(100)
    assert is_closed(many[-1])
    many[0].close()
    house.serve()
    again = house.connect(NOBODY, request("States", names=["again"]))
    assert house.answer(again) == {"parameters": {"states": []}}


def test_nor_do_they_keep_the_owner_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAXIMUM_CONNECTIONS", 4)
    monkeypatch.setattr(house.server, "_owner", 1000)
    for number in range(6):
        house.connect(NOBODY + number)
    owner = house.connect(1000, request("States", names=["owner"]))
    house.serve()
    assert house.server.clients == 5
    assert house.asked == ["owner"] and owner.recv(100)


def test_what_is_sent_ahead_waits_in_the_socket(house: House) -> None:
    client = house.connect(NOBODY, request("WaitInactive", names=["a.service"]))
    house.serve()
    client.setblocking(False)
    refused = 0
    while refused < 3:
        try:
            client.send(request("States", names=["x" * 1000] * 8))
        except BlockingIOError:
            refused += 1
            house.serve()
    (connection,) = house.server.connections
    assert connection.held <= 2 * MAXIMUM_REQUEST_OF_STRANGERS
    house.waiting[0].reply()
    house.serve()
    assert house.asked, "what was sent ahead is answered when its turn comes"
    client.close()
    house.serve()
    assert not house.server.clients


def test_root_comes_first(house: House) -> None:
    for number in range(3):
        house.connect(NOBODY, request("States", names=[f"nobody{number}"]))
    house.connect(0, request("States", names=["root"]))
    house.connect(os.geteuid(), request("States", names=["owner"]))
    house.serve()
    assert house.asked[:2] == ["root", "owner"]
    assert len(house.asked) == 5
    assert set(house.loop.ranks.values()) == {OWNERS, STRANGERS}


def test_work_is_charged_to_the_user_not_to_the_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("systemctl_replacement.fair_queue.SLICE", 0)  # one step in each turn
    for number in range(10):
        house.connect(NOBODY, request("States", names=[f"nobody{number}"] * 5))
    house.connect(SOMEBODY, request("States", names=["somebody"]))
    while "somebody" not in house.asked:
        house.loop.turn(0)
    assert len(house.asked) <= 3


def test_who_sends_no_more_is_answered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("systemctl_replacement.fair_queue.SLICE", 0)
    asking = [house.connect(uid, request("States", names=["a"] * 3)) for uid in (0, 0, NOBODY, SOMEBODY)]
    for client in asking:
        client.shutdown(socket.SHUT_WR)
    for _ in range(10):
        house.serve()
    for client in asking:
        assert client.recv(100) == b'{"parameters":{"states":[]}}\0'
        assert is_closed(client)
    assert not house.server.clients


def test_what_a_client_asked_ends_with_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("systemctl_replacement.fair_queue.SLICE", 0)
    client = house.connect(NOBODY, request("States", names=["a"] * 1000))
    while not house.asked:
        house.loop.turn(0)
    client.close()
    for _ in range(1000):
        house.loop.turn(0)
    assert len(house.asked) < 10
