"""What everybody may send to the process on the bus costs it next to nothing: big messages above all."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from jeepney import DBusAddress, HeaderFields, Message, Parser, new_method_call, new_signal

from systemctl_replacement.process.bus.connection import Connection

BUS = "org.freedesktop.DBus"
NAME = "org.example.Test"
CHUNK = 1 << 16


class World:
    """A connection that the bus has let in, and what came of it."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.connection = Connection(
            lambda *owner: self.heard.append(owner),
            lambda unit: self.heard.append((unit,)),
            lambda message: self.heard.append(("trouble", message)),
            lambda: self.heard.append(("ready",)),
        )
        self.connection.receive(b"OK 0123456789abcdef0123456789abcdef\r\n")
        self.connection.watch(NAME)
        self.connection.unsent.clear()

    def receive(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.connection.receive(part)

    def sent(self) -> list[Message]:
        parser = Parser()
        sent: list[Message] = parser.feed(bytes(self.connection.unsent))
        self.connection.unsent.clear()
        return sent


def from_whom(message: Message, sender: str) -> bytes:
    message.header.fields[HeaderFields.sender] = sender
    data: bytes = message.serialise(serial=7)
    return data


def lost(sender: str = BUS) -> bytes:
    """Nobody owns the name any more."""
    emitter = DBusAddress("/org/freedesktop/DBus", interface=BUS)
    return from_whom(new_signal(emitter, "NameOwnerChanged", "sss", (NAME, ":1.5", "")), sender)


def strangers(body: int, path: str = "/", method: bool = False) -> bytes:
    """The header of a message whose arguments are so many bytes, variants without end it says."""
    emitter = DBusAddress(path, bus_name=":1.0", interface="a.B")
    message = (new_method_call if method else new_signal)(emitter, "C", "av", ([("s", "x")],))
    data = bytearray(from_whom(message, ":1.9"))
    (size,) = [int.from_bytes(data[4:8], "little")]
    del data[-size:]
    data[4:8] = body.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("method", [False, True])
def test_what_a_stranger_sends_is_neither_kept_nor_parsed(method: bool) -> None:
    world = World()
    junk = b"\xff" * CHUNK
    tracemalloc.start()
    try:
        for _ in range(3):
            world.receive([strangers(256 * CHUNK, method=method), *[junk] * 256])
        assert tracemalloc.get_traced_memory()[1] < 8 * CHUNK
    finally:
        tracemalloc.stop()
    assert world.heard == []
    assert [answer.header.message_type.name for answer in world.sent()] == ["error"] * 3 * method
    world.receive([lost()])
    assert world.heard == [(NAME, "", 0)]


@pytest.mark.parametrize("size", [1, 3, 16, 100, CHUNK])
def test_in_pieces_of_any_size(size: int) -> None:
    question = strangers(24, method=True) + b"\xff" * 24
    long = strangers(8, path="/" + "x" * 5000) + b"\xff" * 8
    everything = lost() + question + lost(":1.9") + long + strangers(24) + b"\xff" * 24 + lost() + question
    world = World()
    world.receive(everything[at : at + size] for at in range(0, len(everything), size))
    assert world.heard == [(NAME, "", 0)] * 2
    assert len(world.sent()) == 2


def test_what_cannot_be_read_costs_itself_only() -> None:
    world = World()
    damaged = lost().replace(b"sss", b"ss{")
    world.receive([damaged + lost()])
    (trouble, owner) = world.heard
    assert "cannot be read" in str(trouble)
    assert owner == (NAME, "", 0)
