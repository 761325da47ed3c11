"""Messages between manager, forkserver, supervisors and console: JSON datagrams over SOCK_SEQPACKET, with descriptors.

Neither side ever blocks: what the socket does not take at once waits in a queue here. A message above 64 KiB travels in
a memfd. Import-light: the same code runs in PID 1 and in every supervisor.
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
MAXIMUM_FDS = 253
"""What one SCM_RIGHTS message can carry (the kernel's SCM_MAX_FD)."""

_IN_MEMFD = b"M"
_MEMFD_LIMIT = 64 * 1024 * 1024
_MESSAGES_PER_TURN = 64
_ANCILLARY_SIZE = _socket.CMSG_SPACE(MAXIMUM_FDS * 4)
_RECEIVE_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC
_SEND_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_LATER = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS)
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


class Link:
    """One end of a connection. ``fileno()`` is for a poll object; ask for POLLOUT as long as ``wants_write``."""

    __slots__ = ("_failure", "_queue", "is_cut", "socket")

    def __init__(self, socket_or_fd: SocketOrFd) -> None:
        """Takes over the descriptor."""
        if isinstance(socket_or_fd, int):
            socket_or_fd = _socket.socket(fileno=socket_or_fd)
        self.socket = socket_or_fd
        self._queue: list[tuple[bytes, list[int]]] = []
        self.is_cut = False  # something could not be sent because the peer is gone
        self._failure: Exception | None = None  # what could not be read, once what had come before was handed out

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def wants_write(self) -> bool:
        return bool(self._queue)

    @property
    def queued(self) -> int:
        """How many messages wait for room in the socket."""
        return len(self._queue)

    def close(self) -> None:
        for _, fds in self._queue:
            close_fds(fds)
        self._queue = []
        self.socket.close()

    def send(self, message: Message, fds: Fds = ()) -> None:
        """Sends, or queues when the peer is slow. The descriptors stay the caller's, to close at once if it likes.

        A peer that is gone is no error here: :meth:`receive` tells. OSError when descriptors run out.
        """
        if len(fds) > MAXIMUM_FDS - 1:
            raise OSError(errno.ETOOMANYREFS, f"{len(fds)} descriptors do not fit into one message")
        data = wire.dumps(message)
        memfd = -1
        if len(data) > INLINE_LIMIT:
            memfd = os.memfd_create("message")
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(memfd, view) :]
            except OSError:
                os.close(memfd)
                raise
            data, fds = _IN_MEMFD, [memfd, *fds]
        try:
            if self._queue or not self._send_now(data, fds):
                self._queue.append((data, [os.dup(fd) for fd in fds]))
        finally:
            if memfd >= 0:
                os.close(memfd)

    def flush(self) -> None:
        """Sends of the queue what the socket takes. OSError, in the end, for what cannot be sent; it is lost alone."""
        done = 0
        failure: OSError | None = None
        for data, fds in self._queue:
            try:
                if not self._send_now(data, fds):
                    break
            except OSError as error:
                failure = error
            close_fds(fds)
            done += 1
        del self._queue[:done]
        if failure is not None:
            raise failure

    def _send_now(self, data: bytes, fds: Fds) -> bool:
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack_fds(fds))] if fds else []
        try:
            self.socket.sendmsg([data], ancillary, _SEND_FLAGS)
        except OSError as error:
            if error.errno in _LATER:
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
        except (EOFError, OSError, ValueError):
            return received

    def receive(self) -> list[Received]:
        """The messages that have arrived (at most 64, so that a busy peer cannot keep us), each with its descriptors,
        which are the caller's from now on. EOFError when the peer is gone and everything it sent has been handed out.

        A message whose descriptors did not fit into our table carries ``"fds_lost": true`` and none of them. OSError or
        ValueError for one that cannot be read, when those before it have been handed out; it is lost alone.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        received: list[Received] = []
        while len(received) < _MESSAGES_PER_TURN:
            try:
                size, ancillary, flags, _ = self.socket.recvmsg_into([_view], _ANCILLARY_SIZE, _RECEIVE_FLAGS)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _PEER_GONE:
                    raise
                size, ancillary, flags = 0, [], 0
            if size == 0:
                if received:
                    break
                raise EOFError
            fds = unpack_fds(ancillary)
            try:
                received.append(_read_message(size, flags, fds))
            except (OSError, ValueError) as error:
                close_fds(fds)
                if not received:
                    raise
                self._failure = error
                break
        return received


def _read_message(size: int, flags: int, fds: list[int]) -> Received:
    """The message in the buffer. The descriptors are the caller's, unless it is returned with them."""
    if flags & _socket.MSG_TRUNC:
        raise OSError(errno.EMSGSIZE, "a message was cut off")
    if _buffer[0] == _IN_MEMFD[0]:
        if not fds:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        message = _read_memfd(fds.pop(0))
    else:
        message = wire.loads(bytes(_view[:size]))
    if flags & _socket.MSG_CTRUNC:
        close_fds(fds)
        return {**message, "fds_lost": True}, []
    return message, fds


def _read_memfd(fd: int) -> Message:
    try:
        size = os.fstat(fd).st_size
        if size > _MEMFD_LIMIT:
            raise OSError(errno.EMSGSIZE, "a message is too long")
        data = bytearray()
        while len(data) < size:
            chunk = os.pread(fd, size - len(data), len(data))
            if not chunk:
                break
            data += chunk
    finally:
        os.close(fd)
    message: Message = wire.loads(bytes(data))
    return message


def make_pair() -> tuple[Link, int]:
    """A new connection: our end, and the descriptor (close-on-exec) to hand to the other side."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
    return Link(ours), theirs.detach()
