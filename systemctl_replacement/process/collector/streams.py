"""The connections to /run/systemd/journal/stdout: accepting them, reading them in turn, having them kept."""

from __future__ import annotations

import _socket
import fcntl
import os
import sys

from systemctl_replacement import syscalls
from systemctl_replacement.process.collector.datagrams import CREDENTIALS_SIZE, SCM_CREDENTIALS
from systemctl_replacement.process.collector.senders import now_boottime, sent_at
from systemctl_replacement.process.collector.stream import END, LONG, OTHER, ProtocolError, Stream
from systemctl_replacement.process.poller import READABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.process.collector.senders import Sender, Senders
    from systemctl_replacement.process.collector.stream import Line
    from systemctl_replacement.process.collector.units import Units
    from systemctl_replacement.process.poller import Poller

_STREAMS_MAX = 4096
"""As many connections as journald has, if there are so many descriptors."""
_OTHER_FDS = 256
"""How many descriptors are for other things: sockets, files, what is passed."""
_USER_SHARE = 4
"""A user other than root has no more of them than one of so many parts."""
_ACCEPTED_MAX = 64
_CHUNK = 16384
_FIONREAD = 0x541B
_UNFINISHED_MAX = 4 * 1024 * 1024
"""The bytes of unfinished lines that are held in all. Beyond them a line ends where it is."""
_SO_PASSCRED, _SO_PEERCRED = 16, 17
_ANCILLARY_SIZE = _socket.CMSG_SPACE(CREDENTIALS_SIZE)
_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC


class Connection:
    """One connection."""

    __slots__ = (
        "_mark",
        "_mark_time",
        "credentials",
        "is_quiet",
        "number",
        "owner",
        "read",
        "sender",
        "since",
        "socket",
        "stream",
        "uid",
        "unfinished",
    )

    def __init__(self, socket: _socket.socket, number: int, stream: Stream, owner: Sender, credentials: bytes) -> None:
        self.socket = socket
        self.number = number
        self.stream = stream
        self.owner = owner  # who has connected
        self.sender = owner  # who has written last
        self.credentials = credentials  # the owner's
        self.uid = int.from_bytes(credentials[4:8], sys.byteorder)
        self.unfinished = 0
        self.read = 0  # so many bytes
        self.is_quiet = False  # there was nothing more to read
        self.since = 0  # what is to be read was not written before
        self._mark = self._mark_time = 0  # what comes behind so many bytes was not written before

    def waiting(self) -> int:
        """How many bytes are to be read."""
        answer = fcntl.ioctl(self.socket.fileno(), _FIONREAD, bytes(4))
        return int.from_bytes(answer, sys.byteorder)

    def count(self, size: int) -> None:
        """So much has been read."""
        self.read += size
        waiting = self.waiting()
        self.is_quiet = not waiting
        if self.read >= self._mark:
            self.since = self._mark_time or self.since
            self._mark, self._mark_time = self.read + waiting, now_boottime()


class Streams:
    """All connections. `take` is given their lines, `keep` what the manager is to remember of them."""

    def __init__(
        self,
        poller: Poller,
        senders: Senders,
        units: Units,
        take: Callable[[Sender, Stream, Line], object],
        keep: Callable[[dict[str, Any], int], object],
        last: int = 0,
    ) -> None:
        """last: the highest number that is taken."""
        self.line_max = 0
        self._most = min(_STREAMS_MAX, max(syscalls.get_limit("NOFILE")[0] - _OTHER_FDS, _USER_SHARE))
        self._poller = poller
        self._senders = senders
        self._units = units
        self._take = take
        self._keep = keep
        self._connections: dict[int, Connection] = {}
        self._of_users: dict[int, int] = {}
        self._last = last  # the number of the last connection
        self._unfinished = 0
        self._looked = now_boottime()  # when this was the last thing that was done
        self._connecting_since = 0  # who waits to be accepted has not connected before; 0: nobody waits
        self.taken = 0  # so many lines

    def note_ready(self, ready: list[int], is_connecting: bool, was_stopped: bool = False) -> None:
        """These descriptors are ready now. Who is accepted or read later has not connected or written just then: by
        that time its pid may be another process's. is_connecting: somebody waits to be accepted. was_stopped: so were
        we, and what is ready now may have been so since the last look."""
        before, self._looked = self._looked, now_boottime()
        now = before if was_stopped else self._looked
        self._connecting_since = (self._connecting_since or now) if is_connecting else 0
        for fd in ready:
            connection = self._connections.get(fd)
            if connection is not None and connection.is_quiet:
                connection.since, connection.is_quiet = now, False

    def ends(self) -> dict[int, int]:
        """How far each connection is to be read, counted in bytes, until all has been read that is there now."""
        return {fd: each.read + each.waiting() for fd, each in self._connections.items()}

    def is_read(self, fd: int, end: int) -> bool:
        """Whether a connection has been read farther than that, or to its end."""
        return fd not in self._connections or self._connections[fd].read > end

    def __contains__(self, fd: int) -> bool:
        return fd in self._connections

    def accept(self, listening: _socket.socket, most: int = _ACCEPTED_MAX) -> None:
        """Accept some of those who wait. There is room for a limited number; others are turned away."""
        for _ in range(most):
            try:
                fd, _address = listening._accept()  # type: ignore[attr-defined]
            except OSError:
                self._connecting_since = 0
                return  # nobody waits, or there is no descriptor, and the next one that closes makes room
            self._last += 1
            self._add(fd, self._last, Stream(os.urandom(16).hex()))

    def resume(self, fd: int, number: int, state: dict[str, Any]) -> None:
        """Go on with a connection that another process has begun to read. The descriptor is ours from now on."""
        self._last = max(self._last, number)
        self._add(fd, number, Stream.resume(state))

    def _add(self, fd: int, number: int, stream: Stream) -> None:
        socket = _socket.socket(fileno=fd)
        socket.setsockopt(_socket.SOL_SOCKET, _SO_PASSCRED, 1)
        credentials = socket.getsockopt(_socket.SOL_SOCKET, _SO_PEERCRED, CREDENTIALS_SIZE)
        stream.line_max = self.line_max or stream.line_max
        since = self._connecting_since or now_boottime()
        owner = self._senders.find(credentials, sent_at(since))
        connection = Connection(socket, number, stream, owner, credentials)
        connection.since, connection.is_quiet = since, not connection.waiting()
        count = self._of_users.get(connection.uid, 0)
        if len(self._connections) >= self._most or (connection.uid != 0 and count >= self._most // _USER_SHARE):
            socket.close()
            if stream.is_running:  # the manager has it, too
                self._keep({"ev": "closed", "number": number}, -1)
            return
        self._poller.watch(fd, READABLE)
        self._of_users[connection.uid] = count + 1
        self._connections[fd] = connection
        if stream.is_running:
            self._begin(connection)

    def read(self, fd: int) -> None:
        """Read some of what has come over a connection."""
        connection = self._connections[fd]
        try:
            data, ancillary, _flags, _address = connection.socket.recvmsg(_CHUNK, _ANCILLARY_SIZE, _FLAGS)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._close(connection)
            return
        credentials = connection.credentials
        for _level, kind, content in ancillary:
            if kind == SCM_CREDENTIALS:
                credentials = content
        sender = self._sender(connection, credentials)
        if sender.pid != connection.sender.pid:
            # A process that has inherited the connection.
            self._pass_on(connection, connection.stream.end_line(OTHER))
        connection.sender = sender
        connection.count(len(data))
        self._feed(connection, data)

    def _sender(self, connection: Connection, credentials: bytes) -> Sender:
        sender = self._senders.find(credentials, sent_at(connection.since))
        if sender.unit is None and credentials == connection.credentials:
            return connection.owner  # known since it connected
        return sender

    def _feed(self, connection: Connection, data: bytes) -> None:
        stream = connection.stream
        was_running = stream.is_running
        try:
            lines = stream.feed(data)
        except ProtocolError:
            self._close(connection)
            return
        if stream.is_running and not was_running:
            self._begin(connection)
        self._unfinished += stream.unfinished - connection.unfinished
        connection.unfinished = stream.unfinished
        if self._unfinished > _UNFINISHED_MAX and stream.is_running:
            lines += stream.end_line(LONG)
            self._unfinished -= connection.unfinished
            connection.unfinished = 0
        self._pass_on(connection, lines)

    def _begin(self, connection: Connection) -> None:
        """The stream has said what it has to say about itself. Its unit counts if root says it, and if it is not known
        otherwise."""
        stream, owner = connection.stream, connection.owner
        unit = self._units.named(stream.unit.decode("utf-8", "replace"))
        if unit is not None and connection.uid == 0 and owner.unit is None:
            connection.sender = connection.owner = owner.as_of(unit)
        message = {"ev": "stream", "number": connection.number, "state": stream.state()}
        self._keep(message, connection.socket.fileno())

    def _pass_on(self, connection: Connection, lines: list[Line]) -> None:
        self.taken += len(lines)
        for line in lines:
            self._take(connection.sender, connection.stream, line)

    def _close(self, connection: Connection) -> None:
        fd = connection.socket.fileno()
        self._pass_on(connection, connection.stream.end_line(END))
        self._unfinished -= connection.unfinished
        self._poller.forget(fd)
        del self._connections[fd]
        self._of_users[connection.uid] -= 1
        if not self._of_users[connection.uid]:
            del self._of_users[connection.uid]
        if connection.stream.is_running:
            self._keep({"ev": "closed", "number": connection.number}, -1)
        connection.socket.close()
