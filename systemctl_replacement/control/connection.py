"""One client of the control protocol: what it has sent, the call in progress, what it has not read yet.

Every socket is non-blocking, and a connection has one call in progress at a time. What a client sends, sends ahead or
leaves unread is bounded, and a client that exceeds a bound loses its connection. Each request, even a short one, waits
for its turn, which the server decides; so does each piece of a long answer.
"""

from __future__ import annotations

import _socket

from systemctl_replacement import wire
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.loop import OWNERS, READ, STRANGERS, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Protocol

    from systemctl_replacement.control.request import Caller, Method

    class Loop(Protocol):
        """What the server needs of the manager's loop. Events are READ and WRITE, as in `selectors`."""

        def add(self, fd: int, events: int, callback: Callable[[int], object], rank: int) -> object: ...

        def modify(self, fd: int, events: int) -> object: ...

        def remove(self, fd: int) -> object: ...

        def call_at(self, time_: int, callback: Callable[[], object]) -> object: ...

        def defer(self, rank: int, callback: Callable[[], object]) -> object: ...

    class Keeper(Protocol):
        """What a connection needs of the server that has accepted it."""

        def wants_turn(self, connection: Connection) -> None:
            """The connection has a request: call its `turn` once when it is its user's turn."""

        def handle(self, connection: Connection, message: Any) -> None:
            """Answer one request, or leave its call in progress. Raises ValueError if it is none."""

        def work(self, connection: Connection, call: Call, steps: Iterator[object]) -> None:
            """Go on with a call piece by piece."""

        def may_hold(self, connection: Connection) -> bool:
            """Whether what this client has not read may wait for it."""

        def gone(self, connection: Connection) -> None:
            """The connection has closed."""


# A request holds at most a list of names, and 1 MiB is thousands of them. This also bounds what is sent ahead.
MAXIMUM_REQUEST = 1 << 20
# A longer request of a stranger is not even parsed: this much JSON takes 3 ms at most.
MAXIMUM_REQUEST_OF_STRANGERS = 1 << 16
# All properties of several hundred units fit. A client that leaves more than this unread is not reading.
MAXIMUM_UNREAD = 32 << 20
CHUNK = 65536
# How much is sent to one client before the loop looks at others: a client may read as fast as we write.
CHUNKS_PER_TURN = 16


class Call:
    """One call in progress: the request that its handler is given (:class:`.request.Request`)."""

    def __init__(
        self, connection: Connection, name: str, method: Method | None, parameters: dict[str, Any], more: bool
    ) -> None:
        """name: of the method, without the interface. method: its row, None if there is no such method."""
        self._connection: Connection | None = connection
        self.name = name
        self.method = method
        self.parameters = parameters
        self.caller = connection.caller
        self.wants_more = more
        self.on_cancel: Callable[[], object] | None = None
        self.resume_as: Callable[[], tuple[str, dict[str, Any]]] | None = None

    @property
    def cancelled(self) -> bool:
        return self._connection is None

    @property
    def is_question(self) -> bool:
        return self.method is not None and self.method.is_question(self.parameters)

    @property
    def ends_connection(self) -> bool:
        return self.method is not None and self.method.ends_connection

    def reply(self, **parameters: Any) -> None:
        self._finish({"parameters": parameters})

    def prepare(self, item: Any) -> bytes:
        """Its JSON text."""
        return wire.dumps(item)

    def reply_list(self, name: str, items: Sequence[bytes]) -> None:
        self._finish_with(b'{"parameters":{"%s":[%s]}}' % (name.encode(), b",".join(items)))

    def work(self, steps: Iterator[object]) -> None:
        if self._connection is not None:
            self._connection.work(self, steps)

    def reply_more(self, **parameters: Any) -> None:
        if self._connection is not None and self.wants_more:
            self._connection.send(wire.dumps({"parameters": parameters, "continues": True}))

    def error(self, name: str, **parameters: Any) -> None:
        """End the call with an error of our interface ("Failed"), or a full name."""
        if "." not in name:
            name = f"{MANAGER}.{name}"
        self._finish({"error": name, "parameters": parameters})

    def fail(self, dbus_name: str, message: str) -> None:
        self.error("Failed", dbus_name=dbus_name, message=message)

    def take_socket(self) -> _socket.socket:
        """End the call without an answer from the server. The connection and its socket belong to the handler now."""
        connection, self._connection = self._connection, None
        if connection is None:
            raise ValueError("the call has ended")
        return connection.leave()

    def _finish(self, message: dict[str, Any]) -> None:
        try:
            data = wire.dumps(message)
        except BaseException:
            if self._connection is not None:
                self._connection.close()  # the client would wait forever
            raise
        self._finish_with(data)

    def _finish_with(self, data: bytes) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.finish(data)
            except BaseException:
                connection.close()
                raise

    def disconnected(self) -> None:
        """The client has gone."""
        self._connection = None
        if self.on_cancel is not None:
            self.on_cancel()


class Connection:
    """One client: what we have not looked at yet, the call in progress, what it has not read yet."""

    def __init__(self, server: Keeper, loop: Loop, socket: _socket.socket, caller: Caller, *, trusted: bool) -> None:
        self.caller = caller
        self.trusted = trusted  # root or the manager's own user
        self.rank = OWNERS if trusted else STRANGERS
        self._server = server
        self._loop = loop
        self._socket = socket
        self._received = bytearray()
        self._unread = bytearray()
        self.call: Call | None = None
        self._asked = 0  # bytes of the request that the call in progress was
        self._oneway = False
        self._waits_for_turn = False
        self._ended = False  # it will ask nothing more (SHUT_WR), but still reads the answers
        self._closed = False
        self._events = READ
        loop.add(socket.fileno(), READ, self._ready, self.rank)

    @property
    def unread(self) -> int:
        """Bytes that the client has not read yet."""
        return len(self._unread)

    @property
    def held(self) -> int:
        """Bytes that are kept for the client: its unanswered requests, and the answers that it has not read."""
        return len(self._received) + len(self._unread) + (self._asked if self.call is not None else 0)

    def begin(self, call: Call, oneway: bool) -> None:
        self.call = call
        self._oneway = oneway

    def work(self, call: Call, steps: Iterator[object]) -> None:
        self._server.work(self, call, steps)

    def send(self, data: bytes) -> None:
        """Send a reply: now if the client is reading, otherwise when it does."""
        if self._closed or self._oneway:
            return
        self._unread += data
        self._unread += b"\0"
        self._flush()
        if len(self._unread) > MAXIMUM_UNREAD or (self._unread and not self._server.may_hold(self)):
            self.close()

    def finish(self, data: bytes) -> None:
        """Send the reply that ends the call in progress, and look at what the client sent after it."""
        self.send(data)
        self.call = None
        self._watch()

    def leave(self) -> _socket.socket:
        """Forget the client, and return its socket."""
        self._closed = True
        self._loop.remove(self._socket.fileno())
        self.call = None
        self._server.gone(self)
        return self._socket

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove(self._socket.fileno())
        self._socket.close()
        call, self.call = self.call, None
        try:
            if call is not None:
                call.disconnected()
        finally:
            self._server.gone(self)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self._closed:
            if self._has_room():
                self._receive()
            elif not self._is_listening():
                self.close()
        self._watch()

    def _has_room(self) -> bool:
        """Whether the client may send ahead: while its call is in progress, as much as one request may have."""
        return len(self._received) <= self._longest

    def _receive(self) -> None:
        try:
            data = self._socket.recv(min(CHUNK, self._longest + 1 - len(self._received)))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended = self._is_listening()
            if not self._ended:
                self.close()
            return
        self._received += data
        if self._length() > self._longest:
            self.close()

    def _is_listening(self) -> bool:
        """Whether a client that has stopped sending is still there."""
        try:
            self._socket.send(b"", _socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    @property
    def _longest(self) -> int:
        return MAXIMUM_REQUEST if self.trusted else MAXIMUM_REQUEST_OF_STRANGERS

    def _length(self) -> int:
        """The length of the next request, as far as it has arrived."""
        end = self._received.find(0)
        return len(self._received) if end < 0 else end

    def turn(self) -> None:
        """Handle one request, now that it is this client's turn."""
        self._waits_for_turn = False
        if self._closed or not self._has_request():
            return
        end = self._length()
        if end > self._longest:
            self.close()
            return
        data = bytes(self._received[:end])
        del self._received[: end + 1]
        self._asked = end
        try:
            self._server.handle(self, wire.loads(data))
        except (ValueError, RecursionError, MemoryError):
            self.close()
        except BaseException:
            self.close()  # the client would wait forever
            raise
        self._watch()

    def _has_request(self) -> bool:
        return self.call is None and not self._unread and 0 in self._received

    def _flush(self) -> None:
        for _ in range(CHUNKS_PER_TURN):
            if not self._unread:
                break
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
        """Watch for input, and for room if there is something to send; ask for a turn if there is a request."""
        if self._closed:
            return
        if self._ended and self.call is None and not self._unread and not self._has_request():
            self.close()
            return
        events = (READ if not self._ended and self._has_room() else 0) | (WRITE if self._unread else 0)
        if events != self._events:
            self._events = events
            self._loop.modify(self._socket.fileno(), events)
        if not self._waits_for_turn and self._has_request():
            self._waits_for_turn = True
            self._server.wants_turn(self)

    def saved(self) -> dict[str, Any]:
        """Everything but the call in progress as plain data; "fd" is the socket."""
        return {
            "fd": self._socket.fileno(),
            "peer": [self.caller.pid, self.caller.uid, self.caller.gid],
            "received": self._received.decode("latin-1"),
            "unread": self._unread.decode("latin-1"),
            "asked": self._asked,
            "oneway": self._oneway,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over the saved data of a connection."""
        self._received += saved["received"].encode("latin-1")
        self._unread += saved["unread"].encode("latin-1")
        self._asked = saved.get("asked", 0)

    def go_on(self) -> None:
        """Go on with what was restored."""
        self._flush()
