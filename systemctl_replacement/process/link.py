"""Messages between the manager and its helpers: JSON datagrams over SOCK_SEQPACKET, with descriptors.

Neither side ever blocks: what the socket does not take at once waits in a queue. A message above 64 KiB is sent in
pieces, and the last piece carries its descriptors. Pieces need no descriptor of their own, so they get through even
when none is left. A message that cannot be sent or read is lost alone, and does not mean that the peer is gone. Cheap
to import: PID 1 and every supervisor run this code.
"""

from __future__ import annotations

import _socket
import errno
import os
import sys

from systemctl_replacement import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Union

    Message = dict[str, Any]
    Received = tuple[Message, list[int]]
    Fds = Sequence[int]
    SocketOrFd = Union["_socket.socket", int]

INLINE_LIMIT = 65536
RETRY_SECONDS = 0.1
MAXIMUM_FDS = 253
"""How many descriptors one SCM_RIGHTS message can carry (SCM_MAX_FD in the kernel)."""

_FIRST, _MIDDLE, _LAST = b"<", b"+", b">"
"""The first byte of a piece. A whole message begins with "{"."""
_LONGEST = 64 * 1024 * 1024
_BUDGET_PER_TURN = 64  # datagrams and descriptors: closing one takes as long as reading the other
_ANCILLARY_SIZE = _socket.CMSG_SPACE(MAXIMUM_FDS * 4)
_RECEIVE_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC
_SEND_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_SHORTAGES = (errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS)
"""The kernel lacks resources. That the socket becomes writable again does not say that they are back."""
_PEER_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED, errno.ENOTCONN)

# One buffer for all links. Its pages become private to a process only when a message fills them.
_buffer = bytearray(INLINE_LIMIT + 4096)
_view = memoryview(_buffer)


def pack_fds(fds: Fds) -> bytes:
    return b"".join([fd.to_bytes(4, sys.byteorder) for fd in fds])


def unpack_fds(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """The descriptors in the ancillary data of recvmsg()."""
    fds: list[int] = []
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            for start in range(0, len(data) - 3, 4):
                fds.append(int.from_bytes(data[start : start + 4], sys.byteorder))
    return fds


def close_fds(fds: Fds) -> None:
    for fd in fds:
        os.close(fd)


def _duplicates(fds: Fds) -> list[int]:
    """Duplicates of all descriptors. OSError leaves none open."""
    copies: list[int] = []
    try:
        for fd in fds:
            copies.append(os.dup(fd))
    except BaseException:
        close_fds(copies)
        raise
    return copies


def _in_pieces(data: bytes) -> list[bytes]:
    pieces = [_MIDDLE + data[start : start + INLINE_LIMIT] for start in range(0, len(data), INLINE_LIMIT)]
    pieces[0] = _FIRST + pieces[0][1:]
    pieces[-1] = _LAST + pieces[-1][1:]
    return pieces


class _Unsent:
    """A queued message: the pieces still to be sent, and duplicates of its descriptors."""

    __slots__ = ("fds", "message", "pieces")

    def __init__(self, message: Message, pieces: list[bytes], fds: list[int]) -> None:
        self.message = message
        self.pieces = pieces
        self.fds = fds


class Link:
    """One end of a connection. `fileno()` is for a poll object; ask for POLLOUT as long as `wants_write`, and flush
    after RETRY_SECONDS where it is `stalled`."""

    __slots__ = ("_failure", "_pieces", "_queue", "is_cut", "socket", "stalled")

    def __init__(self, socket_or_fd: SocketOrFd) -> None:
        """Takes over the descriptor."""
        if isinstance(socket_or_fd, int):
            socket_or_fd = _socket.socket(fileno=socket_or_fd)
        self.socket = socket_or_fd
        self.stalled = False
        """The queue waits for resources of the kernel, which no poll reports."""
        self.is_cut = False  # a message could not be sent because the peer is gone
        self._queue: list[_Unsent] = []
        self._pieces: list[bytes] = []  # of a message whose last piece has not arrived
        self._failure: Exception | None = None  # raised once the messages before it have been handed out

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def wants_write(self) -> bool:
        return bool(self._queue) and not self.stalled

    @property
    def queued(self) -> int:
        """The number of queued messages."""
        return len(self._queue)

    @property
    def is_amid(self) -> bool:
        """Whether messages are queued, or part of a message has arrived."""
        return bool(self._queue or self._pieces)

    def close(self) -> None:
        for unsent in self._queue:
            close_fds(unsent.fds)
        self._queue = []
        self.stalled = False
        self.socket.close()

    def send(self, message: Message, fds: Fds = ()) -> None:
        """Send a message, or queue it if the peer is slow. The caller keeps the descriptors and may close them.

        That the peer is gone is no error here: :meth:`receive` reports it. OSError if the message cannot be sent, or
        has to be queued and there are no descriptors left for that. Only this message is lost then.
        """
        if len(fds) > MAXIMUM_FDS:
            raise OSError(errno.ETOOMANYREFS, f"{len(fds)} descriptors do not fit into one message")
        data = wire.dumps(message)
        pieces = [data] if len(data) <= INLINE_LIMIT else _in_pieces(data)
        if self._queue or not self._send_pieces(pieces, fds):
            self._queue.append(_Unsent(message, pieces, _duplicates(fds)))

    def flush(self) -> list[tuple[Message, OSError]]:
        """Send as much of the queue as the socket takes. Returns what cannot be sent, without descriptors."""
        lost: list[tuple[Message, OSError]] = []
        while self._queue:
            unsent = self._queue[0]
            try:
                if not self._send_pieces(unsent.pieces, unsent.fds):
                    break
            except OSError as error:
                lost.append(({**unsent.message, "fds_lost": True} if unsent.fds else unsent.message, error))
            # First out of the queue: descriptors that are closed twice may be somebody else's the second time.
            del self._queue[0]
            close_fds(unsent.fds)
        self.stalled = self.stalled and bool(self._queue)
        return lost

    def _send_pieces(self, pieces: list[bytes], fds: Fds) -> bool:
        """Send the pieces that are left, and remove them from the list. Returns whether all were sent."""
        while pieces:
            if not self._send_now(pieces[0], fds if len(pieces) == 1 else ()):
                return False
            del pieces[0]
        return True

    def _send_now(self, data: bytes, fds: Fds) -> bool:
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack_fds(fds))] if fds else []
        self.stalled = False
        try:
            self.socket.sendmsg([data], ancillary, _SEND_FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in _SHORTAGES:
                self.stalled = True
                return False
            if error.errno not in _PEER_GONE:
                raise
            self.is_cut = True
        return True

    def cut(self) -> list[Received]:
        """Shut the connection down: nothing that the peer sends from now on arrives (it gets EPIPE).

        Returns the messages that it sent before, each with its descriptors, which the caller has to close.
        """
        received: list[Received] = []
        try:
            self.socket.shutdown(_socket.SHUT_RDWR)
            while True:
                received += self.receive()
        except Exception:  # a message that cannot be read ends it as well
            return received

    def receive(self) -> list[Received]:
        """The messages that have arrived, each with its descriptors, which the caller has to close. After 64
        datagrams and descriptors the rest has to wait, so that a busy peer cannot keep us. EOFError if the peer is
        gone and everything that it sent has been handed out.

        A message whose descriptors did not fit into our table has `"fds_lost": true` and no descriptors. Any other
        exception means that one message cannot be read; those before it have been handed out, and it is lost alone.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        received: list[Received] = []
        budget = _BUDGET_PER_TURN
        while budget > 0:
            fds: list[int] = []
            try:
                size, ancillary, flags, _ = self.socket.recvmsg_into([_view], _ANCILLARY_SIZE, _RECEIVE_FLAGS)
                if size == 0:
                    raise EOFError
                fds = unpack_fds(ancillary)
                budget -= 1 + len(fds)
                message = self._read_message(size, flags)
            except BlockingIOError:
                break
            except ConnectionResetError:
                # Told once, before anything else, if the peer has left something unread. What it sent is still there.
                budget -= 1
                continue
            except Exception as error:
                close_fds(fds)
                failure = EOFError() if isinstance(error, OSError) and error.errno in _PEER_GONE else error
                if not received:
                    raise failure from None
                self._failure = failure
                break
            if message is None:
                close_fds(fds)
            elif flags & _socket.MSG_CTRUNC:
                close_fds(fds)
                received.append(({**message, "fds_lost": True}, []))
            else:
                received.append((message, fds))
        return received

    def _read_message(self, size: int, flags: int) -> Message | None:
        """The message in the buffer. None if that is only a piece."""
        before, self._pieces = self._pieces, []  # pieces that are not continued belong to an abandoned message
        if flags & _socket.MSG_TRUNC:
            raise OSError(errno.EMSGSIZE, "a message was cut off")
        mark = bytes(_view[:1])
        if mark == _FIRST:
            self._pieces = [bytes(_view[1:size])]
            return None
        if mark in (_MIDDLE, _LAST):
            if not before:
                raise ValueError("a message without its beginning")
            before.append(bytes(_view[1:size]))
            if len(before) * INLINE_LIMIT > _LONGEST:
                raise OSError(errno.EMSGSIZE, "a message is too long")
            if mark == _MIDDLE:
                self._pieces = before
                return None
        message: Message = wire.loads(b"".join(before) if mark == _LAST else bytes(_view[:size]))
        return message


def make_pair() -> tuple[Link, int]:
    """A new connection: our end, and the descriptor (close-on-exec) for the other side."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
    return Link(ours), theirs.detach()
