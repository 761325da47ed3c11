"""The protocol end to end: the real server in a thread, the real client, and clients that misbehave."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.control import address
from systemctl_replacement.control import connection as connection_module
from systemctl_replacement.control import server as server_module
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.control.client import CallError, Client, Disconnected, connect
from systemctl_replacement.control.connection import MAXIMUM_REQUEST, Call
from systemctl_replacement.control.listener import listen
from systemctl_replacement.control.request import Caller
from systemctl_replacement.control.server import Server
from systemctl_replacement.paths import Paths
from tests.unit.control.loop import SelectorsLoop, ServerThread

STATE = {"name": "a", "id": "a.service", "load_state": "loaded", "active_state": "active", "sub_state": "running"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "run/systemd").mkdir(parents=True)
    return Paths(str(tmp_path))


@pytest.fixture
def held() -> list[Call]:
    """Calls that are left in progress."""
    return []


@pytest.fixture
def server(paths: Paths, held: list[Call]) -> Iterator[ServerThread]:
    def states(call: Call) -> None:
        call.reply(states=[dict(STATE, name=name) for name in call.parameters["names"]])

    def enqueue(call: Call) -> None:
        call.reply_more(jobs=[])
        call.reply_more(jobs=[])
        call.reply(jobs=[{"name": "end"}])

    def show(call: Call) -> None:
        call.reply(units=[{"name": "x" * (4 << 20), "id": "", "properties": {}}])

    def reset(call: Call) -> None:
        call.fail("org.freedesktop.systemd1.NoSuchUnit", "Unit x.service not loaded.")

    def jobs(call: Call) -> None:
        raise RuntimeError("broken")

    calls = {
        "States": states,
        "Enqueue": enqueue,
        "Show": show,
        "ResetFailed": reset,
        "Jobs": jobs,
        "WaitInactive": held.append,
        "Reload": lambda call: call.reply(),
    }
    with ServerThread(paths.socket_path(), calls) as thread:
        yield thread


@pytest.fixture
def client(paths: Paths, server: ServerThread) -> Iterator[Client]:
    connected = connect(paths)
    assert connected is not None
    yield connected
    connected.close()


def raw(server: ServerThread) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(server.path)
    return connection


def request(method: str, **parameters: Any) -> bytes:
    return json.dumps({"method": f"{MANAGER}.{method}", "parameters": parameters}).encode() + b"\0"


def replies(connection: socket.socket, count: int) -> list[Any]:
    data = b""
    while data.count(b"\0") < count:
        received = connection.recv(65536)
        assert received, f"closed after {data!r}"
        data += received
    return [json.loads(part) for part in data.split(b"\0")[:count]]


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_call(client: Client) -> None:
    assert client.call("States", names=["a", "b"])["states"][1]["name"] == "b"
    assert client.call("States", names=["ä"])["states"][0]["name"] == "ä"
    assert (client.manager_pid, client.manager_uid) == (os.getpid(), os.geteuid())


def test_no_manager(paths: Paths) -> None:
    assert connect(paths) is None


def test_more(client: Client) -> None:
    parameters = {"operation": "start", "names": ["a"], "mode": "replace"}
    assert [len(reply["jobs"]) for reply in client.call_more("Enqueue", **parameters)] == [0, 0, 1]
    assert client.call("Enqueue", **parameters) == {"jobs": [{"name": "end"}]}
    assert client.call("Reload") == {}


def test_large_reply(client: Client) -> None:
    assert len(client.call("Show", names=["a"])["units"][0]["name"]) == 4 << 20


def test_errors(client: Client) -> None:
    with pytest.raises(CallError) as caught:
        client.call("ResetFailed", names=["x"])
    assert caught.value.dbus_name == "org.freedesktop.systemd1.NoSuchUnit"
    assert caught.value.message == "Unit x.service not loaded."
    with pytest.raises(CallError) as caught:
        client.call("States", names="a")
    assert caught.value.parameters == {"parameter": "names"}
    with pytest.raises(CallError) as caught:
        client.call("Nothing")
    assert caught.value.name == "org.varlink.service.MethodNotFound"
    with pytest.raises(CallError) as caught:
        client.call("Halt", verb="poweroff")
    assert caught.value.name == "org.varlink.service.MethodNotImplemented"


def test_an_exception_ends_only_its_call(client: Client, server: ServerThread) -> None:
    with pytest.raises(CallError, match="broken"):
        client.call("Jobs")
    assert [method for method, _ in server.exceptions] == ["Jobs"]
    assert client.call("Reload") == {}


def test_introspection(server: ServerThread) -> None:
    connection = raw(server)
    connection.sendall(b'{"method":"org.varlink.service.GetInfo"}\0')
    connection.sendall(
        b'{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"%s"}}\0' % MANAGER.encode()
    )
    connection.sendall(b'{"method":"no.such.Method"}\0')
    info, text, missing = replies(connection, 3)
    assert info["parameters"]["interfaces"] == ["org.varlink.service", MANAGER]
    assert text["parameters"]["description"].startswith("# The service manager")
    assert missing == {
        "error": "org.varlink.service.InterfaceNotFound",
        "parameters": {"interface": "no.such"},
    }


def test_requests_sent_ahead_are_answered_in_order(server: ServerThread) -> None:
    connection = raw(server)
    connection.sendall(b"".join(request("States", names=[str(number)]) for number in range(200)))
    answers = replies(connection, 200)
    assert [answer["parameters"]["states"][0]["name"] for answer in answers] == [str(number) for number in range(200)]


def test_one_call_at_a_time(server: ServerThread, held: list[Call]) -> None:
    connection = raw(server)
    connection.sendall(request("WaitInactive", names=["a"]) + request("Reload"))
    until(lambda: held)
    held[0].reply(states=[])
    assert replies(connection, 2) == [{"parameters": {"states": []}}, {"parameters": {}}]


def test_a_client_that_leaves_cancels_its_call(server: ServerThread, held: list[Call]) -> None:
    connection = raw(server)
    connection.sendall(request("WaitInactive", names=["a"]))
    until(lambda: held)
    cancelled = threading.Event()
    held[0].on_cancel = cancelled.set
    assert held[0].cancelled is False
    connection.close()
    assert cancelled.wait(10)
    assert bool(held[0].cancelled)
    held[0].reply(states=[])  # goes nowhere


def test_oneway(server: ServerThread) -> None:
    connection = raw(server)
    connection.sendall(b'{"method":"%s.Reload","oneway":true}\0' % MANAGER.encode() + request("States", names=[]))
    assert replies(connection, 1) == [{"parameters": {"states": []}}]


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage\0",
        b"\0",
        b"[]\0",
        b"\xff\xfe\0",
        b'{"method":1}\0',
        b"[" * 200_000 + b"\0",
        b"x" * (MAXIMUM_REQUEST + 1),
    ],
)
def test_garbage_ends_the_connection_only(server: ServerThread, client: Client, garbage: bytes) -> None:
    connection = raw(server)
    try:
        connection.sendall(garbage)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert is_closed(connection)
    assert client.call("Reload") == {}


@pytest.mark.parametrize("parameters", [b"[]", b'"x"', b"1", b'{"x":1}'])
def test_odd_parameters(server: ServerThread, parameters: bytes) -> None:
    connection = raw(server)
    connection.sendall(b'{"method":"%s.Reload","parameters":%s}\0' % (MANAGER.encode(), parameters))
    assert replies(connection, 1)[0]["error"] == "org.varlink.service.InvalidParameter"


def test_half_a_message_costs_nobody_anything(server: ServerThread, client: Client) -> None:
    started = [raw(server) for _ in range(50)]
    for number, connection in enumerate(started):
        connection.sendall(request("Reload")[: 1 + number])
    assert client.call("Reload") == {}
    for connection in started:
        connection.close()
    until(lambda: server.server.clients == 1)
    assert not server.exceptions


def test_clients_that_never_read(server: ServerThread, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAXIMUM_CONNECTIONS_PER_USER", 1000)
    silent = [raw(server) for _ in range(100)]
    for connection in silent:
        connection.sendall(request("States", names=["a"] * 1000) * 20)
    assert client.call("Reload") == {}
    for connection in silent:
        connection.close()
    until(lambda: server.server.clients == 1)
    assert not server.exceptions


def test_a_client_that_leaves_in_the_middle_of_a_reply(server: ServerThread, client: Client) -> None:
    connection = raw(server)
    connection.sendall(request("Show", names=["a"]))
    assert connection.recv(1000)
    connection.close()
    assert client.call("Reload") == {}
    until(lambda: server.server.clients == 1)
    assert not server.exceptions


def test_a_request_without_an_end(server: ServerThread, client: Client) -> None:
    connection = raw(server)
    sent = 0
    with pytest.raises(OSError):
        while sent < 64 << 20:
            sent += connection.send(b"x" * 65536)
    assert sent < 64 << 20
    assert client.call("Reload") == {}


def test_a_client_that_does_not_read_costs_only_itself(server: ServerThread, client: Client) -> None:
    connection = raw(server)
    connection.sendall(request("Show", names=["a"]))
    assert client.call("Reload") == {}
    assert len(replies(connection, 1)[0]["parameters"]["units"][0]["name"]) == 4 << 20


def test_a_client_that_leaves_too_much_unread_is_dropped(
    server: ServerThread, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "MAXIMUM_UNREAD", 1 << 20)
    connection = raw(server)
    connection.sendall(request("Show", names=["a"]))
    hangup = select.poll()
    hangup.register(connection, select.POLLRDHUP)
    assert hangup.poll(10_000)
    received = 0
    while data := connection.recv(1 << 20):
        received += len(data)
    assert received < 4 << 20
    assert client.call("Reload") == {}


def test_idle_is_reported(paths: Paths) -> None:
    idle = threading.Event()
    with ServerThread(paths.socket_path(), {}, on_idle=idle.set) as thread:
        connection = raw(thread)
        until(lambda: thread.server.clients == 1)
        assert not idle.is_set()
        connection.close()
        assert idle.wait(10)


def test_only_root_and_the_owner_may_change(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "peer", lambda socket, make: make(1, 12345, 12345))
    connection = raw(server)
    connection.sendall(request("Reload") + request("States", names=["a"]))
    connection.sendall(request("Log") + request("Log", level="info"))
    denied, states, log, log_set = replies(connection, 4)
    assert denied == {"error": "org.varlink.service.PermissionDenied", "parameters": {}}
    assert "error" not in states
    assert log["error"] == "org.varlink.service.MethodNotImplemented"
    assert log_set["error"] == "org.varlink.service.MethodNotImplemented"
    error = CallError(denied["error"], {})
    assert (error.dbus_name, error.message) == ("org.freedesktop.DBus.Error.AccessDenied", "Access denied")


def test_a_user_cannot_take_every_connection(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = server_module.MAXIMUM_CONNECTIONS_PER_USER
    ids = iter([12345] * (limit + 1) + [54321])
    monkeypatch.setattr(address, "peer", lambda socket, make: make(1, next(ids), 1))
    connections = [raw(server) for _ in range(limit + 1)]
    assert is_closed(connections[-1])
    other = raw(server)
    other.sendall(request("States", names=[]))
    assert replies(other, 1) == [{"parameters": {"states": []}}]


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(paths: Paths, server: ServerThread, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Another manager is running"):
        listen(server.path)
    stale = str(tmp_path / "stale")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(stale)
    dead.close()
    fresh = listen(stale)
    assert os.stat(stale).st_mode & 0o777 == 0o666
    fresh.close()


def test_long_paths(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 200) / "run/systemd"
    directory.mkdir(parents=True)
    paths = Paths(str(tmp_path / ("x" * 200)))
    with ServerThread(paths.socket_path(), {"Reload": lambda call: call.reply()}):
        connected = connect(paths)
        assert connected is not None
        assert connected.call("Reload") == {}
        connected.close()


class Exhausted:
    """A listening socket of a process that has too few descriptors."""

    def __init__(self, real: Any, missing: int) -> None:
        self.real = real
        self.missing = missing

    def _accept(self) -> Any:
        if self.missing:
            self.missing -= 1
            raise OSError(24, "Too many open files")
        return self.real._accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_out_of_descriptors_the_owner_is_heard(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    server = Server(Exhausted(listen(path), missing=1))  # type: ignore[arg-type]
    loop = SelectorsLoop()
    server.attach(loop, {})
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    loop.turn(1)
    assert server.clients == 1
    server.close()


def test_out_of_descriptors_a_stranger_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "socket")
    server = Server(Exhausted(listen(path), missing=1))  # type: ignore[arg-type]
    monkeypatch.setattr("systemctl_replacement.control.address.peer", lambda socket, make: make(1, 12345, 1))
    loop = SelectorsLoop()
    server.attach(loop, {})
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(path)
    loop.turn(1)
    assert is_closed(connection)
    server.close()


def test_without_any_descriptor_clients_wait(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    listener = Exhausted(listen(path), missing=100)
    server = Server(listener)  # type: ignore[arg-type]
    loop = SelectorsLoop()
    server.attach(loop, {})
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    loop.turn(1)
    missing = listener.missing
    loop.turn(0.01)
    assert listener.missing == missing, "the listening socket is looked at all the time"
    listener.missing = 0
    for callback in loop.later:
        callback()
    loop.turn(1)
    assert server.clients == 1
    server.close()


def test_disconnection_is_an_error(paths: Paths, server: ServerThread, held: list[Call]) -> None:
    connected = connect(paths)
    assert connected is not None

    def leave() -> None:
        until(lambda: held)
        server.loop.stop()
        server.server.close()

    thread = threading.Thread(target=leave)
    thread.start()
    with pytest.raises(Disconnected):
        connected.call_waiting("WaitInactive", names=[])
    thread.join()


def test_a_strangers_manager_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths()
    monkeypatch.setattr(Paths, "runtime_candidates", lambda self: [str(tmp_path)])
    with ServerThread(str(tmp_path / "systemctl-replacement.socket"), {}):
        ours = connect(paths)
        assert ours is not None
        ours.close()
        monkeypatch.setattr(address, "peer", lambda socket, make: make(4711, 12345, 0))
        assert connect(paths) is None


def test_a_caller_is_plain_data() -> None:
    assert (Caller(1, 2, 3).pid, Caller(1, 2, 3).uid, Caller(1, 2, 3).gid) == (1, 2, 3)
