"""Messages between manager, forkserver, supervisors and console: JSON datagrams over SOCK_SEQPACKET, with descriptors.

Neither side ever blocks: what the socket does not take at once waits in a queue here. A message above 64 KiB goes in
pieces, the last of which has its descriptors: it needs none of its own, so that it gets through where there are no
more. One message that cannot be sent or read costs neither those before it nor those behind it, and is no sign that the
peer is gone. Import-light: the same code runs in PID 1 and in every supervisor.
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
"""What one SCM_RIGHTS message can carry (the kernel's SCM_MAX_FD)."""

_FIRST, _MIDDLE, _LAST = b"<", b"+", b">"
"""What a piece begins with; a whole message begins with "{"."""
_LONGEST = 64 * 1024 * 1024
_DATAGRAMS_PER_TURN = 64
_ANCILLARY_SIZE = _socket.CMSG_SPACE(MAXIMUM_FDS * 4)
_RECEIVE_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC
_SEND_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_SHORTAGES = (errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS)
"""The kernel lacks something, of which a socket that becomes writable does not tell."""
_PEER_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED, errno.ENOTCONN)

# One buffer for all, made once: a page of it becomes private to a process only when a message needs it.
_buffer = bytearray(INLINE_LIMIT + 4096)
_view = memoryview(_buffer)


def pack_fds(fds: Fds) -> bytes:
    return b"".join([fd.to_bytes(4, sys.byteorder) for fd in fds])


def unpack_fds(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """The descriptors in what recvmsg() returned beside the data."""
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
    """All of them, or OSError and none."""
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
    """A message of the queue: what is left of it, and descriptors of our own."""

    __slots__ = ("fds", "message", "pieces")

    def __init__(self, message: Message, pieces: list[bytes], fds: list[int]) -> None:
        self.message = message
        self.pieces = pieces
        self.fds = fds


class Link:
    """One end of a connection. ``fileno()`` is for a poll object; ask for POLLOUT as long as ``wants_write``, and flush
    after RETRY_SECONDS where it is ``stalled``."""

    __slots__ = ("_failure", "_pieces", "_queue", "is_cut", "socket", "stalled")

    def __init__(self, socket_or_fd: SocketOrFd) -> None:
        """Takes over the descriptor."""
        if isinstance(socket_or_fd, int):
            socket_or_fd = _socket.socket(fileno=socket_or_fd)
        self.socket = socket_or_fd
        self.stalled = False
        """The queue waits for something of which the socket does not tell when it is there again."""
        self.is_cut = False  # something could not be sent because the peer is gone
        self._queue: list[_Unsent] = []
        self._pieces: list[bytes] = []  # of a message the end of which has not arrived
        self._failure: Exception | None = None  # what could not be read, once what had come before was handed out

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def wants_write(self) -> bool:
        return bool(self._queue) and not self.stalled

    @property
    def queued(self) -> int:
        """How many messages wait for room in the socket."""
        return len(self._queue)

    @property
    def is_amid(self) -> bool:
        """Whether something waits to be sent, or half a message has arrived."""
        return bool(self._queue or self._pieces)

    def close(self) -> None:
        for unsent in self._queue:
            close_fds(unsent.fds)
        self._queue = []
        self.stalled = False
        self.socket.close()

    def send(self, message: Message, fds: Fds = ()) -> None:
        """Sends, or queues when the peer is slow. The descriptors stay the caller's, to close at once if it likes.

        A peer that is gone is no error here: :meth:`receive` tells. OSError when the message cannot be sent, or has to
        wait and there are no more descriptors for it: then it is lost, and no other.
        """
        if len(fds) > MAXIMUM_FDS:
            raise OSError(errno.ETOOMANYREFS, f"{len(fds)} descriptors do not fit into one message")
        data = wire.dumps(message)
        pieces = [data] if len(data) <= INLINE_LIMIT else _in_pieces(data)
        if self._queue or not self._send_pieces(pieces, fds):
            self._queue.append(_Unsent(message, pieces, _duplicates(fds)))

    def flush(self) -> list[tuple[Message, OSError]]:
        """Sends of the queue what the socket takes. What cannot be sent is given back, without its descriptors."""
        lost: list[tuple[Message, OSError]] = []
        done = 0
        for unsent in self._queue:
            try:
                if not self._send_pieces(unsent.pieces, unsent.fds):
                    break
            except OSError as error:
                lost.append(({**unsent.message, "fds_lost": True} if unsent.fds else unsent.message, error))
            close_fds(unsent.fds)
            done += 1
        del self._queue[:done]
        self.stalled = self.stalled and bool(self._queue)
        return lost

    def _send_pieces(self, pieces: list[bytes], fds: Fds) -> bool:
        """Sends what is left of a message, and takes it off; whether that was all."""
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
        """Ends the connection for the peer: nothing counts that it sends from now on, and it is told so (EPIPE).

        What it had sent before, each message with its descriptors, which are the caller's.
        """
        received: list[Received] = []
        try:
            self.socket.shutdown(_socket.SHUT_RDWR)
            while True:
                received += self.receive()
        except Exception:  # what cannot be read, too, is the end of it
            return received

    def receive(self) -> list[Received]:
        """The messages that have arrived (of 64 datagrams, so that a busy peer cannot keep us), each with its
        descriptors, which are the caller's from now on. EOFError when the peer is gone and everything it sent has been
        handed out.

        A message whose descriptors did not fit into our table carries ``"fds_lost": true`` and none of them. Another
        exception for one that cannot be read, when those before it have been handed out; it is lost alone.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        received: list[Received] = []
        for _ in range(_DATAGRAMS_PER_TURN):
            fds: list[int] = []
            try:
                size, ancillary, flags, _ = self.socket.recvmsg_into([_view], _ANCILLARY_SIZE, _RECEIVE_FLAGS)
                if size == 0:
                    raise EOFError
                fds = unpack_fds(ancillary)
                message = self._read_message(size, flags)
            except BlockingIOError:
                break
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
        """The message in the buffer; None as long as that is only a piece of it."""
        before, self._pieces = self._pieces, []  # what is not gone on with was given up
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
    """A new connection: our end, and the descriptor (close-on-exec) to hand to the other side."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
    return Link(ours), theirs.detach()
