"""What a machine is told of its ports, as far as it takes no manager to see it."""

from __future__ import annotations

import errno
import gc
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.loop import Loop, now_monotonic
from systemctl_replacement.manager.ports import held
from systemctl_replacement.manager.ports.clocks import Clocks
from systemctl_replacement.manager.ports.held import Ports
from systemctl_replacement.manager.ports.inotify import Inotify
from systemctl_replacement.units import events
from systemctl_replacement.units.events import (
    MONOTONIC,
    REALTIME,
    Accept,
    Accepted,
    ClockElapsed,
    ClockStepped,
    ClosePort,
    Listen,
    Listening,
    Peer,
    PortFailed,
    PortReady,
    SetClock,
    WatchPort,
)
from systemctl_replacement.units.listen_on import ListenOn, SocketOptions


class World:
    """A loop, and the ports of one unit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.failed: list[BaseException] = []
        self.loop = Loop(lambda _where, error: self.failed.append(error))
        self.told: list[Any] = []
        self.returned: list[tuple[str, str]] = []  # to whom, and which port
        self.inotify = Inotify(self.loop)
        self.warned: list[str] = []
        self.clocks = Clocks(self.loop, f"{root}/etc/localtime", 0, self.warned.append)
        self.ports = self.more_ports()

    def more_ports(self) -> Ports:
        return Ports(
            self.loop,
            lambda: self.inotify,
            lambda: self.clocks,
            str(self.root),
            self.told.append,
            lambda giver, port: self.returned.append((giver, port)),
        )

    def turn(self, seconds: float = 0.01) -> list[Any]:
        """What is told within a time."""
        self.told.clear()
        self.loop._stopped = False
        self.loop.call_at(now_monotonic() + int(seconds * 1_000_000), self.loop.stop)
        self.loop.run()
        return list(self.told)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    gc.collect()  # loops of tests before
    before = len(os.listdir("/proc/self/fd"))
    yield world
    world.ports.close()
    world.turn(0)
    assert not world.failed
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("clock", [MONOTONIC, REALTIME])
def test_a_clock_tells_once(world: World, clock: str) -> None:
    number = time.CLOCK_MONOTONIC if clock == MONOTONIC else time.CLOCK_REALTIME
    world.ports.carry_out(SetClock("c", clock, time.clock_gettime_ns(number) // 1000 + 20_000))
    assert world.turn(0.2) == [ClockElapsed("c")]
    assert world.turn() == []
    world.ports.carry_out(SetClock("c", clock, 0))  # which is over
    assert world.turn() == [ClockElapsed("c")]
    world.ports.carry_out(SetClock("c", clock, None))
    assert world.turn() == []


def test_a_step_of_the_realtime_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sets this machine's clock for a test: the kernel's answer is made up."""
    world.ports.carry_out(SetClock("c", REALTIME, 0))

    def read(_fd: int, _size: int) -> bytes:
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

    monkeypatch.setattr(os, "read", read)
    assert world.turn() == [ClockStepped("c")]


def test_what_cannot_be_had_is_told(world: World) -> None:
    failed = world.ports.carry_out(Listen("s", ListenOn("Netlink", "31 0")))
    reason = "Protocol not supported"
    assert failed == PortFailed("s", reason, f"Failed to create listening socket (31 0): {reason}")


def test_a_defect_of_ours_is_told_too(world: World) -> None:
    """The machine must not wait for ever."""
    with pytest.raises(KeyError):
        world.ports.carry_out(Listen("s", ListenOn("Nothing", "/s")))
    assert world.turn() == [PortFailed("s", "Internal error")]


def test_a_socket_is_made_once(world: World) -> None:
    """Asked for again after a re-execution, it is the same."""
    action = Listen("s", ListenOn("Stream", "/s"))
    assert world.ports.carry_out(action) == Listening("s")
    before = world.ports.listening()
    assert world.ports.carry_out(action) == Listening("s")
    assert world.ports.listening() == before


@pytest.mark.parametrize("remove", [False, True])
def test_what_is_left_of_it(world: World, remove: bool) -> None:
    """RemoveOnStop=: also of a unit that just goes down; not of one that is handed on to another manager."""
    for name, kind in (("s", "Stream"), ("f", "FIFO")):
        on = ListenOn(kind, f"/{name}", symlinks=(f"/link-{name}",), remove=remove)
        assert world.ports.carry_out(Listen(name, on)) == Listening(name)
    saved = [{**one, "fd": os.dup(one["fd"])} for one in world.ports.saved()]
    world.ports.carry_out(ClosePort("s"))
    assert sorted(os.listdir(world.root)) == (["f", "link-f"] if remove else ["f", "link-f", "link-s", "s"])
    other = world.more_ports()
    with pytest.raises(OSError):
        other.restore([saved[1], {**saved[1], "name": "lost", "fd": -1}])
    assert "f" in os.listdir(world.root)
    world.ports.close()
    assert ("f" in os.listdir(world.root)) != remove
    os.close(saved[0]["fd"])


def test_a_connection_has_the_options_of_its_socket(world: World) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    options = SocketOptions(no_delay=True, priority=5, tcp_congestion="none")
    world.ports.carry_out(Listen("s", ListenOn("Stream", f"127.0.0.1:{number}", options)))
    with socket.create_connection(("127.0.0.1", number)):
        accepted = world.ports.carry_out(Accept("s", "c", options))
        assert isinstance(accepted, Accepted)
        assert accepted.problems == ((4, "TCP_CONGESTION failed: No such file or directory"),)
        fd = next(one["fd"] for one in world.ports.saved() if one["name"] == "c")
        with socket.socket(fileno=os.dup(fd)) as taken:
            assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 5
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_one_that_nobody_takes_care_of_wakes_once(world: World) -> None:
    assert world.ports.carry_out(Listen("s", ListenOn("Datagram", "/s"))) == Listening("s")
    world.ports.carry_out(WatchPort("s"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", str(world.root / "s"))
    assert world.turn() == [PortReady("s")]
    assert world.turn() == []
    world.ports.carry_out(WatchPort("s"))
    assert world.turn() == [PortReady("s")]


def test_one_that_rests_is_told_of_later(world: World) -> None:
    world.ports.carry_out(Listen("s", ListenOn("Stream", "/s")))
    world.ports.carry_out(WatchPort("s"))
    world.ports.rest()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(world.root / "s"))
        assert world.turn() == []
        world.ports.carry_out(WatchPort("s"))  # which it does already
        assert world.turn() == []
        assert world.ports.saved()[0]["waits"] is True
        world.ports.go_on()
        assert world.turn() == [PortReady("s")]
        world.ports.rest()
        world.ports.carry_out(WatchPort("s"))
        assert world.turn() == []
        world.ports.go_on()
        world.ports.go_on()
        assert world.turn() == [PortReady("s")]


@pytest.mark.parametrize("code", [errno.EPROTO, errno.EHOSTUNREACH, errno.ECONNABORTED])
def test_what_has_happened_to_a_connection_is_no_failure_of_its_socket(
    world: World, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """accept(2) reports it, and the next connection is waited for."""

    class Failing(socket.socket):
        def _accept(self) -> tuple[int, Any]:
            raise OSError(code, os.strerror(code))

    world.ports.carry_out(Listen("s", ListenOn("Stream", "/s")))
    monkeypatch.setattr(held, "_socket", SimpleNamespace(socket=Failing))
    assert world.ports.carry_out(Accept("s", "c")) is None
    monkeypatch.undo()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(world.root / "s"))
        assert world.turn() == [PortReady("s")]


def test_a_connection_is_taken_with_who_has_made_it(world: World) -> None:
    world.ports.carry_out(Listen("s", ListenOn("Stream", "/s")))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(world.root / "s"))
        peer = Peer(f"{os.getpid()}-{os.geteuid()}", f"PID {os.getpid()}/UID {os.geteuid()}")
        for _ in range(2):  # asked for again, it is the same
            assert world.ports.carry_out(Accept("s", "c")) == Accepted("s", "c", peer)
        assert world.ports.carry_out(Accept("s", "d")) is None, "whoever wanted to connect has given it up"
        client.sendall(b"x")
        assert [port["name"] for port in world.ports.saved() if port["waits"]] == ["s"]


def test_a_port_goes_over_to_another_unit(world: World) -> None:
    assert world.ports.carry_out(Listen("a", ListenOn("Stream", "/s"))) == Listening("a")
    other = world.more_ports()
    world.ports.hand_over("a", other, "giver.socket")
    assert world.turn() == [], "nobody waits for it any more"
    assert not world.ports.saved()
    (saved,) = other.saved()
    assert (saved["name"], saved["giver"]) == ("a", "giver.socket")
    other.close()
    assert world.returned == [("giver.socket", "a")]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(saved["fd"])


def test_they_are_held_again_all_or_none(world: World) -> None:
    assert world.ports.carry_out(Listen("s", ListenOn("Stream", "/s", remove=True))) == Listening("s")
    world.ports.carry_out(WatchPort("s"))
    world.ports.carry_out(SetClock("c", MONOTONIC, now_monotonic()))
    saved = [{**one, "fd": os.dup(one["fd"]) if one["fd"] >= 0 else -1, "later": 1} for one in world.ports.saved()]
    world.ports.close()
    world.ports.restore(saved)
    assert world.turn() == [ClockElapsed("c")]
    saved = world.ports.saved()
    other = world.more_ports()
    with pytest.raises(OSError):
        other.restore([{**saved[0], "fd": os.dup(saved[0]["fd"])}, {**saved[0], "name": "gone", "fd": -1}])
    assert other.saved() == []


def test_the_driver_knows_every_action_of_ports() -> None:
    from systemctl_replacement.manager.unit_driver import PORT_ACTIONS

    assert set(PORT_ACTIONS) == set(Ports(Loop(print), pytest.fail, pytest.fail, "", print, print)._actions)
    assert all(action.__module__ == events.__name__ for action in PORT_ACTIONS)
