"""The manager's end of the control protocol: varlink over a Unix stream socket, for any number of strangers.

It runs in the manager's loop and never blocks it. Requests are bounded before they are looked at, and long work is
done in slices that are charged to the client's user (see `connection` and `fair_queue`). Root and the manager's own
user are served first.

The peer's credentials decide who may call what, as the table of methods says (:mod:`.request`).
Protocol: https://varlink.org/Service
"""

from __future__ import annotations

import _socket
import errno
import os
import time

from systemctl_replacement.control import address, interface
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.control.connection import Call, Connection
from systemctl_replacement.control.request import ANYBODY, Caller, Method
from systemctl_replacement.fair_queue import FairQueue
from systemctl_replacement.loop import OWNERS, READ, STRANGERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping
    from typing import Any

    from systemctl_replacement.control.connection import Loop

SERVICE = "org.varlink.service"
URL = "https://github.com/systemctl-replacement"

# Limits for strangers' lists: more names than a container has units would only make work. And for their items: names
# are shorter, and matching a long pattern can take arbitrarily long.
MAXIMUM_ITEMS = 1024
MAXIMUM_ITEM = 4096
# What all strangers together may leave unread. It is the manager's memory, and too much would get the manager killed.
MAXIMUM_UNREAD_OF_STRANGERS = 16 << 20
# Root always gets a connection, and one user cannot use up those of others.
MAXIMUM_CONNECTIONS = 512
MAXIMUM_CONNECTIONS_PER_USER = 64
# Descriptors kept in reserve for root and the manager's own user.
_RESERVE = 4
# When there are none left, whoever wants to connect is looked at again after this many microseconds.
_PAUSE_USEC = 100_000
# Seconds of accepting after which the loop looks at everything else. Until then everybody who waits is let in or turned
# away: a queue that others have filled would keep root out.
_ACCEPTING = 0.002
# The queue of requests that change something: they are served in order, and never wait behind questions.
_CHANGES = "changes"


class Server:
    """Listens, keeps the connections, and hands calls to the methods it serves, by name ("States").

    An exception of a handler ends that call with an internal error and is passed to `on_exception`. on_idle is called
    when the last client has left.
    """

    def __init__(
        self,
        listener: _socket.socket,
        *,
        version: str = "",
        on_exception: Callable[[str, BaseException], object] | None = None,
        on_idle: Callable[[], object] | None = None,
    ) -> None:
        self.listener = listener
        self.loop: Loop | None = None
        self._methods: dict[str, Mapping[str, Method]] = {  # by interface
            SERVICE: {
                "GetInfo": Method(self._get_info, ANYBODY),
                "GetInterfaceDescription": Method(self._get_description, ANYBODY),
            },
            MANAGER: {},
        }
        self._version = version
        self._on_exception = on_exception
        self._on_idle = on_idle
        self._owner = os.geteuid()
        self._interfaces: dict[str, interface.Interface] = {}
        self.connections: set[Connection] = set()
        self._connections_of: dict[int, int] = {}  # by uid
        self._turns: dict[int, FairQueue] = {}  # by rank
        # Given up one by one when descriptors run out, so that whoever may stop something is still heard.
        self._reserve: list[int] = []
        self._full = False  # nobody is accepted before somebody leaves
        self._refill()
        listener.setblocking(False)

    def attach(self, loop: Loop, methods: Mapping[str, Method]) -> None:
        """Start serving these methods in this loop."""
        self.loop = loop
        self._methods[MANAGER] = methods
        self._turns = {rank: FairQueue(loop, rank) for rank in (OWNERS, STRANGERS)}
        loop.add(self.listener.fileno(), READ, self._accept, OWNERS)

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
        for connection in list(self.connections):
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
        return len(self.connections)

    def may_change(self, caller: Caller) -> bool:
        return caller.uid in (0, self._owner)

    def may_hold(self, connection: Connection) -> bool:
        """Whether what this client has not read may wait for it."""
        if self.may_change(connection.caller):
            return True
        held = sum(other.unread for other in self.connections if not self.may_change(other.caller))
        return held <= MAXIMUM_UNREAD_OF_STRANGERS

    @property
    def changing(self) -> bool:
        """Whether a request that changes something is under way, whether its client is still there or not."""
        return bool(self._turns) and self._turns[OWNERS].has(_CHANGES)

    def hold_changes(self) -> None:
        """Make requests for changes wait until `release_changes`: the jobs of the boot come first, and would undo
        theirs."""
        self._turns[OWNERS].hold(_CHANGES)

    def release_changes(self) -> None:
        self._turns[OWNERS].release(_CHANGES)

    def change(self, what: Callable[[], object]) -> None:
        """Change something that no client has asked for, in turn with what clients ask for."""
        self._turns[OWNERS].add(_CHANGES, (what() for _ in (None,)))

    def _accept(self, _events: int) -> None:
        """Let in everybody who waits, or turn them away."""
        end = time.monotonic() + _ACCEPTING
        try:
            while self.loop is not None and not self._full and time.monotonic() < end:
                self._let_in(self._accept_one())
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._pause()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.ENOBUFS, errno.ENOMEM):
                raise

    def _let_in(self, descriptor: int) -> None:
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, descriptor)
        try:
            socket.setblocking(False)
            caller = address.peer(socket, Caller)
            if self._has_room(caller):
                self._serve(socket, caller)
                return
        except BaseException:
            socket.close()
            raise
        socket.close()
        self._refill()

    def _serve(self, socket: _socket.socket, caller: Caller) -> Connection:
        assert self.loop is not None
        connection = Connection(self, self.loop, socket, caller, trusted=self.may_change(caller))
        self.connections.add(connection)
        self._connections_of[caller.uid] = self._connections_of.get(caller.uid, 0) + 1
        return connection

    def adopt(self, socket: _socket.socket, caller: Caller) -> Connection:
        """Serve a client that the previous manager accepted. ValueError for what cannot be its socket."""
        if self.loop is None:
            raise ValueError("not attached to a loop")
        try:
            socket.setblocking(False)
            return self._serve(socket, caller)
        except BaseException:
            socket.close()
            raise

    def resume(
        self, connection: Connection, name: str, parameters: dict[str, Any], *, more: bool, oneway: bool
    ) -> None:
        """Go on with the call of an adopted client. KeyError for an unknown method."""
        method = self._methods[MANAGER][name]
        call = Call(connection, name, method, parameters, more)
        connection.begin(call, oneway=oneway)
        self._run(method, call)

    def _accept_one(self) -> int:
        """The next client. OSError, EMFILE if even the reserve is used up."""
        while True:
            try:
                descriptor: int = self.listener._accept()[0]  # type: ignore[attr-defined]
                return descriptor
            except OSError as error:
                if error.errno != errno.EMFILE or not self._reserve:
                    raise
                os.close(self._reserve.pop())

    def _refill(self) -> None:
        """Refill the reserve as far as there are descriptors again."""
        while len(self._reserve) < _RESERVE:
            try:
                self._reserve.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
            except OSError:
                return

    def _pause(self) -> None:
        """Accept nobody until somebody leaves, or descriptors may have become available otherwise."""
        if self.loop is not None and not self._full:
            self._full = True
            self.loop.remove(self.listener.fileno())
            self.loop.call_at(time.monotonic_ns() // 1000 + _PAUSE_USEC, self._go_on)

    def _go_on(self) -> None:
        self._refill()
        if self.loop is not None and self._full:
            self._full = False
            self.loop.add(self.listener.fileno(), READ, self._accept, OWNERS)

    def _has_room(self, caller: Caller) -> bool:
        if caller.uid == 0:
            return True
        is_crowded = len(self._reserve) < _RESERVE or len(self.connections) >= MAXIMUM_CONNECTIONS
        if is_crowded and not self.may_change(caller):
            return False
        return self._connections_of.get(caller.uid, 0) < MAXIMUM_CONNECTIONS_PER_USER

    def gone(self, connection: Connection) -> None:
        """A connection has closed."""
        if connection in self.connections:
            self.connections.remove(connection)
            self._connections_of[connection.caller.uid] -= 1
            if not self._connections_of[connection.caller.uid]:
                del self._connections_of[connection.caller.uid]
        self._go_on()
        if not self.connections and self._on_idle is not None:
            self._on_idle()

    def wants_turn(self, connection: Connection) -> None:
        """A connection has a request."""

        def turn() -> Iterator[None]:
            connection.turn()
            yield

        self._turns[connection.rank].add(self._queue(connection), turn())

    def work(self, connection: Connection, call: Call, steps: Iterator[object]) -> None:
        """Go on with a call piece by piece. An exception ends it, and a question when its client goes away."""
        question = call.is_question

        def guarded() -> Iterator[object]:
            try:
                for step in steps:
                    if question and call.cancelled:
                        return
                    yield step
            except Exception as error:
                self._failed(call, error)

        self._turns[connection.rank].add(self._queue(connection) if question else _CHANGES, guarded())

    def _queue(self, connection: Connection) -> Hashable:
        """The queue that a connection waits in: all connections of a stranger share one."""
        return connection if connection.trusted else connection.caller.uid

    def handle(self, connection: Connection, message: Any) -> None:
        """Answer one request, or leave its call in progress. Raises ValueError if it is not a varlink request."""
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            raise ValueError("not a varlink request")
        interface_name, _, name = message["method"].rpartition(".")
        method = self._methods.get(interface_name, {}).get(name)
        parameters = message.get("parameters")
        call = Call(connection, name, method, {} if parameters is None else parameters, message.get("more") is True)
        connection.begin(call, oneway=message.get("oneway") is True)
        if interface_name not in self._methods:
            call.error(f"{SERVICE}.InterfaceNotFound", interface=interface_name)
            return
        described = self._interface(interface_name)
        if name not in described.methods:
            call.error(f"{SERVICE}.MethodNotFound", method=message["method"])
            return
        if method is None:
            call.error(f"{SERVICE}.MethodNotImplemented", method=message["method"])
            return
        refused = self._refused(connection, call)
        if refused is not None:
            call.error(refused[0], **refused[1])
            return
        given = described.methods[name][0]
        try:
            described.check(call.parameters, given)
        except interface.InvalidParameter as error:
            call.error(f"{SERVICE}.InvalidParameter", parameter=error.parameter)
            return
        for optional in given.fields:
            call.parameters.setdefault(optional, None)
        self._run(method, call)

    def _refused(self, connection: Connection, call: Call) -> tuple[str, dict[str, str]] | None:
        """The error for a request that is not even looked at: its sender may not make it, or it is too large."""
        parameters: Any = call.parameters
        if not isinstance(parameters, dict):
            return f"{SERVICE}.InvalidParameter", {"parameter": "parameters"}
        if connection.trusted:
            return None
        if not call.is_question:
            return f"{SERVICE}.PermissionDenied", {}
        for parameter, value in parameters.items():
            if isinstance(value, list) and _is_too_much(value):
                return f"{SERVICE}.InvalidParameter", {"parameter": parameter}
        return None

    def _run(self, method: Method, call: Call) -> None:
        try:
            method.handler(call)
        except Exception as error:
            self._failed(call, error)

    def _failed(self, call: Call, error: Exception) -> None:
        """One request must not end the manager: the caller gets the error, and the log the traceback."""
        if self._on_exception is None:
            raise error
        self._on_exception(call.name, error)
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
        if name in self._methods:
            call.reply(description=description(name))
        else:
            call.error(f"{SERVICE}.InterfaceNotFound", interface=name)


def _is_too_much(items: list[Any]) -> bool:
    return len(items) > MAXIMUM_ITEMS or any(isinstance(item, str) and len(item) > MAXIMUM_ITEM for item in items)


def description(name: str) -> str:
    """The text of an interface description that we ship."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.varlink")
    with open(path, encoding="utf-8") as file:
        return file.read()
