"""The manager's end of the control protocol: varlink over a Unix stream socket, for any number of strangers.

It lives in the manager's loop and never blocks it: every socket is non-blocking, a connection has one call in
progress at a time, what a client sends ahead or does not read is bounded, and who exceeds a bound loses the
connection. A connection that has more to do waits for its turn in the loop, so one client cannot starve another.

The peer's credentials decide: everyone may ask (`QUERIES`), root and the manager's own user may change.
Protocol: https://varlink.org/Service
"""

from __future__ import annotations

import _socket
import errno
import os
import time

from systemctl_replacement import wire
from systemctl_replacement.control import address, interface
from systemctl_replacement.control.listener import listen as listen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    class Loop(Protocol):
        """What the server needs of the manager's loop. Events are READ and WRITE, as in `selectors`."""

        def add(self, fd: int, events: int, callback: Callable[[int], object]) -> object: ...

        def modify(self, fd: int, events: int) -> object: ...

        def remove(self, fd: int) -> object: ...

        def call_at(self, time_: int, callback: Callable[[], object]) -> object: ...


READ = 1
WRITE = 2

MANAGER = "io.systemctl-replacement.Manager"
SERVICE = "org.varlink.service"
URL = "https://github.com/systemctl-replacement"

# Methods that change nothing; all others are for root and the manager's own user.
QUERIES = frozenset(
    {
        "GetEnvironment",
        "GetInfo",
        "GetInterfaceDescription",
        "Jobs",
        "Processes",
        "Show",
        "States",
        "SystemState",
        "UnitByPID",
        "Units",
        "WaitInactive",
    }
)

# A request is a list of names at most; 1 MiB is several thousand of them.
MAXIMUM_REQUEST = 1 << 20
# A stranger's lists: more names than a container has units would only be work for the manager.
MAXIMUM_ITEMS = 1024
# All properties of several hundred units fit; a client that leaves more unread is not reading.
MAXIMUM_UNREAD = 32 << 20
# What all strangers together may leave unread: memory that the manager itself is killed for if there is too much.
MAXIMUM_UNREAD_OF_STRANGERS = 64 << 20
# Root always gets a connection; a user cannot use up those of others.
MAXIMUM_CONNECTIONS = 512
MAXIMUM_CONNECTIONS_PER_USER = 64
# Requests answered for one connection before the loop looks at others.
REQUESTS_PER_TURN = 16
# Seconds after which no further one is: some cost more than others.
TURN = 0.002
CHUNK = 65536
# Descriptors kept for root and the manager's owner when there are no others.
_RESERVE = 4
# Without any, those who want to connect are looked at again after so many microseconds.
_PAUSE_USEC = 100_000


class Peer:
    """Who is at the other end: ids as SO_PEERCRED gave them when the connection was made."""

    __slots__ = ("gid", "pid", "uid")

    def __init__(self, pid: int, uid: int, gid: int) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid


class Call:
    """One call in progress. It ends with `reply` or `error`, at once or whenever the answer is known."""

    def __init__(self, connection: _Connection, method: str, parameters: dict[str, Any], more: bool) -> None:
        self._connection: _Connection | None = connection
        self.method = method  # without the interface
        self.parameters = parameters  # checked against the interface; optional ones that are missing are None
        self.peer = connection.peer
        self.wants_more = more
        self.on_cancel: Callable[[], object] | None = None  # called when the client goes away before the end
        # Method and parameters that go on with this call in a manager that executed itself; None: it is a query.
        self.handover: Callable[[], tuple[str, dict[str, Any]]] | None = None

    @property
    def cancelled(self) -> bool:
        """The call has ended: the client went away, or it was answered. Replies go nowhere then."""
        return self._connection is None

    def reply(self, **parameters: Any) -> None:
        """The last, or only, reply."""
        self._finish({"parameters": parameters})

    def reply_more(self, **parameters: Any) -> None:
        """A reply after which others follow; skipped for a client that asked for one reply only."""
        if self._connection is not None and self.wants_more:
            self._connection.send({"parameters": parameters, "continues": True})

    def error(self, name: str, **parameters: Any) -> None:
        """End the call with an error of our interface ("Failed"), or a full name."""
        if "." not in name:
            name = f"{MANAGER}.{name}"
        self._finish({"error": name, "parameters": parameters})

    def fail(self, dbus_name: str, message: str) -> None:
        """End the call with systemd's error: a D-Bus error name and its message."""
        self.error("Failed", dbus_name=dbus_name, message=message)

    def _finish(self, message: dict[str, Any]) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.finish(message)
            except BaseException:
                connection.close()  # it would wait for ever
                raise

    def disconnected(self) -> None:
        """The server's word that the client is gone."""
        self._connection = None
        if self.on_cancel is not None:
            self.on_cancel()


class Server:
    """Listens, keeps the connections, and hands calls to the functions it was given.

    calls: by method name ("States"); each takes a Call. An exception ends that call with an internal error and is
    passed to `on_exception`. on_idle is called when the last client has left.
    """

    def __init__(
        self,
        listener: _socket.socket,
        calls: Mapping[str, Callable[[Call], object]],
        *,
        version: str = "",
        on_exception: Callable[[str, BaseException], object] | None = None,
        on_idle: Callable[[], object] | None = None,
    ) -> None:
        self.listener = listener
        self.loop: Loop | None = None
        self._calls: dict[str, dict[str, Callable[[Call], object]]] = {
            SERVICE: {"GetInfo": self._get_info, "GetInterfaceDescription": self._get_description},
            MANAGER: dict(calls),
        }
        self._version = version
        self._on_exception = on_exception
        self._on_idle = on_idle
        self._owner = os.geteuid()
        self._interfaces: dict[str, interface.Interface] = {}
        self._connections: set[_Connection] = set()
        # Given up one by one when descriptors run out, so that those who may stop something are still heard.
        self._reserve: list[int] = []
        self._full = False  # nobody is accepted before somebody leaves
        self._refill()
        listener.setblocking(False)

    def attach(self, loop: Loop) -> None:
        """Start serving in this loop."""
        self.loop = loop
        loop.add(self.listener.fileno(), READ, self._accept)

    def replace(self, listener: _socket.socket) -> None:
        """Listen on another socket; whoever is connected stays."""
        if self.loop is not None and not self._full:
            self.loop.remove(self.listener.fileno())
        self.listener.close()
        self.listener = listener
        listener.setblocking(False)
        self._full = True
        self._go_on()

    def close(self) -> None:
        """Stop serving; the listening socket stays open, for a manager that executes itself."""
        for connection in list(self._connections):
            connection.close()
        if self.loop is not None:
            if not self._full:
                self.loop.remove(self.listener.fileno())
            self.loop = None
        for descriptor in self._reserve:
            os.close(descriptor)
        self._reserve = []

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._connections)

    def may_change(self, peer: Peer) -> bool:
        return peer.uid in (0, self._owner)

    def may_hold(self, connection: _Connection) -> bool:
        """Whether what this client has not read may wait for it."""
        if self.may_change(connection.peer):
            return True
        held = sum(other.unread for other in self._connections if not self.may_change(other.peer))
        return held <= MAXIMUM_UNREAD_OF_STRANGERS

    def _accept(self, _events: int) -> None:
        try:
            descriptor = self._accept_one()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._pause()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.ENOBUFS, errno.ENOMEM):
                raise
            return
        os.set_inheritable(descriptor, False)
        socket = _socket.socket(fileno=descriptor)
        socket.setblocking(False)
        peer = address.peer(socket, Peer)
        if not self._has_room(peer) or self.loop is None:
            socket.close()
            self._refill()
            return
        self._connections.add(_Connection(self, self.loop, socket, peer))

    def _accept_one(self) -> int:
        """The next client. OSError, EMFILE when even the reserve is used up."""
        while True:
            try:
                descriptor: int = self.listener._accept()[0]  # type: ignore[attr-defined]
                return descriptor
            except OSError as error:
                if error.errno != errno.EMFILE or not self._reserve:
                    raise
                os.close(self._reserve.pop())

    def _refill(self) -> None:
        """Take back what was given up of the reserve, as far as there are descriptors again."""
        while len(self._reserve) < _RESERVE:
            try:
                self._reserve.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
            except OSError:
                return

    def _pause(self) -> None:
        """Let those who want to connect wait until somebody leaves, or something else has given descriptors back."""
        if self.loop is not None and not self._full:
            self._full = True
            self.loop.remove(self.listener.fileno())
            self.loop.call_at(time.monotonic_ns() // 1000 + _PAUSE_USEC, self._go_on)

    def _go_on(self) -> None:
        self._refill()
        if self.loop is not None and self._full:
            self._full = False
            self.loop.add(self.listener.fileno(), READ, self._accept)

    def _has_room(self, peer: Peer) -> bool:
        if peer.uid == 0:
            return True
        if len(self._reserve) < _RESERVE and not self.may_change(peer):
            return False
        if len(self._connections) >= MAXIMUM_CONNECTIONS:
            return False
        return sum(other.peer.uid == peer.uid for other in self._connections) < MAXIMUM_CONNECTIONS_PER_USER

    def gone(self, connection: _Connection) -> None:
        """A connection's word that it has closed."""
        self._connections.discard(connection)
        self._go_on()
        if not self._connections and self._on_idle is not None:
            self._on_idle()

    def handle(self, connection: _Connection, message: Any) -> None:
        """Answer one request, or leave its call in progress. Raises ValueError if it is not a varlink request."""
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            raise ValueError("not a varlink request")
        name, _, method = message["method"].rpartition(".")
        parameters = message.get("parameters")
        call = Call(connection, method, {} if parameters is None else parameters, message.get("more") is True)
        connection.begin(call, oneway=message.get("oneway") is True)
        if name not in self._calls:
            call.error(f"{SERVICE}.InterfaceNotFound", interface=name)
            return
        described = self._interface(name)
        if method not in described.methods:
            call.error(f"{SERVICE}.MethodNotFound", method=message["method"])
            return
        if method not in self._calls[name]:
            call.error(f"{SERVICE}.MethodNotImplemented", method=message["method"])
            return
        given = described.methods[method][0]
        try:
            described.check(call.parameters, given)
        except interface.InvalidParameter as error:
            call.error(f"{SERVICE}.InvalidParameter", parameter=error.parameter)
            return
        if not (self._is_query(call) or self.may_change(call.peer)):
            call.error(f"{SERVICE}.PermissionDenied")
            return
        for parameter, value in call.parameters.items():
            if isinstance(value, list) and len(value) > MAXIMUM_ITEMS and not self.may_change(call.peer):
                call.error(f"{SERVICE}.InvalidParameter", parameter=parameter)
                return
        for optional in given.fields:
            call.parameters.setdefault(optional, None)
        self._run(self._calls[name][method], call)

    def _is_query(self, call: Call) -> bool:
        if call.method == "Log":
            return all(value is None for value in call.parameters.values())
        return call.method in QUERIES

    def _run(self, function: Callable[[Call], object], call: Call) -> None:
        try:
            function(call)
        except Exception as error:
            # One request must not end the manager: whoever asked gets the error, the log the traceback.
            if self._on_exception is None:
                raise
            self._on_exception(call.method, error)
            call.fail("org.freedesktop.DBus.Error.Failed", f"Internal error: {type(error).__name__}: {error}")

    def _interface(self, name: str) -> interface.Interface:
        described = self._interfaces.get(name)
        if described is None:
            described = self._interfaces[name] = interface.parse(description(name))
        return described

    def _get_info(self, call: Call) -> None:
        call.reply(
            vendor="systemctl-replacement",
            product="systemctl-replacement",
            version=self._version,
            url=URL,
            interfaces=[SERVICE, MANAGER],
        )

    def _get_description(self, call: Call) -> None:
        name = call.parameters["interface"]
        if name in self._calls:
            call.reply(description=description(name))
        else:
            call.error(f"{SERVICE}.InterfaceNotFound", interface=name)


class _Connection:
    """One client: what it sent and we have not looked at, the call in progress, what it has not read yet."""

    def __init__(self, server: Server, loop: Loop, socket: _socket.socket, peer: Peer) -> None:
        self.peer = peer
        self._server = server
        self._loop = loop
        self._socket = socket
        self._received = bytearray()
        self._unread = bytearray()
        self._call: Call | None = None
        self._oneway = False
        self._handling = False
        self._closed = False
        self._events = READ
        loop.add(socket.fileno(), READ, self._ready)

    @property
    def unread(self) -> int:
        """Bytes that wait for the client to read."""
        return len(self._unread)

    def begin(self, call: Call, oneway: bool) -> None:
        self._call = call
        self._oneway = oneway

    def send(self, message: dict[str, Any]) -> None:
        """Send a reply, now if the client is reading, else when it does."""
        if self._closed or self._oneway:
            return
        self._unread += wire.dumps(message) + b"\0"
        self._flush()
        if len(self._unread) > MAXIMUM_UNREAD or (self._unread and not self._server.may_hold(self)):
            self.close()

    def finish(self, message: dict[str, Any]) -> None:
        """Send the reply that ends the call in progress, and turn to what the client sent after it."""
        self.send(message)
        self._call = None
        if not self._handling and not self._closed:
            self._watch()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove(self._socket.fileno())
        self._socket.close()
        call, self._call = self._call, None
        if call is not None:
            call.disconnected()
        self._server.gone(self)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self._closed:
            self._receive()
        if not self._closed:
            self._handle_some()
        if not self._closed:
            self._watch()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        # Within the bound a client may send ahead while its call is in progress.
        if len(self._received) > MAXIMUM_REQUEST:
            self.close()

    def _handle_some(self) -> None:
        self._handling = True
        end_of_turn = time.monotonic() + TURN
        for _ in range(REQUESTS_PER_TURN):
            if self._closed or not self._has_request() or time.monotonic() > end_of_turn:
                break
            end = self._received.index(0)
            data = bytes(self._received[:end])
            del self._received[: end + 1]
            try:
                self._server.handle(self, wire.loads(data))
            except (ValueError, RecursionError, MemoryError):
                self.close()
        self._handling = False

    def _has_request(self) -> bool:
        return self._call is None and not self._unread and 0 in self._received

    def _flush(self) -> None:
        while self._unread:
            try:
                sent = self._socket.send(self._unread[:CHUNK], _socket.MSG_NOSIGNAL)
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            del self._unread[:sent]
        self._watch()

    def _watch(self) -> None:
        """Ask for our next turn: when there is input, and when we can write or have requests left to handle."""
        events = READ
        if self._unread or self._has_request():
            events |= WRITE
        if events != self._events and not self._closed:
            self._events = events
            self._loop.modify(self._socket.fileno(), events)


def description(name: str) -> str:
    """The text of an interface description that we ship."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.varlink")
    with open(path, encoding="utf-8") as file:
        return file.read()
