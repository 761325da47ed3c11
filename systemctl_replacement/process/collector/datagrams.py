"""Reading the datagram sockets: /dev/log and the native one."""

from __future__ import annotations

import _socket
import mmap
import sys
import time

from systemctl_replacement.process.collector.native import SIZE_MAX
from systemctl_replacement.process.collector.senders import now_boottime
from systemctl_replacement.process.link import close_fds, unpack_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.collector.senders import Sender, Senders

SO_TIMESTAMP = 29
SCM_CREDENTIALS = 2
CREDENTIALS_SIZE = 12
_SO_PASSCRED = 16
_BATCH = 32
_BATCH_SIZE = 64 * 1024
_BUFFER_SIZE = SIZE_MAX + 4096
_USUAL_SIZE = 64 * 1024
_MOST_FDS = 2  # one is all that a message may bring; the kernel closes what there is no room for
_ANCILLARY_SIZE = _socket.CMSG_SPACE(CREDENTIALS_SIZE) + _socket.CMSG_SPACE(16) + _socket.CMSG_SPACE(4 * _MOST_FDS)
_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC
_ORDER = sys.byteorder
_NO_FDS: list[int] = []

# Untouched pages of it cost nothing.
_buffer = mmap.mmap(-1, _BUFFER_SIZE)
_view = memoryview(_buffer)


class Datagram:
    """One message, its sender, when it was sent (realtime microseconds), and the descriptors that came with it."""

    __slots__ = ("data", "fds", "is_cut", "sender", "sent")

    def __init__(self, data: bytes, sender: Sender, sent: int, fds: list[int], is_cut: bool) -> None:
        self.data = data
        self.sender = sender
        self.sent = sent
        self.fds = fds
        self.is_cut = is_cut  # some of it was lost


def open_socket(fd: int) -> _socket.socket:
    """The socket, set up to say who sends, and when."""
    socket = _socket.socket(fileno=fd)
    socket.setsockopt(_socket.SOL_SOCKET, _SO_PASSCRED, 1)
    socket.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMP, 1)
    return socket


def receive(socket: _socket.socket, senders: Senders) -> list[Datagram]:
    """Some of what waits, so little that others are not kept waiting: a message with a file comes last. Senders are
    looked for at once, before they are gone."""
    received: list[Datagram] = []
    realtime, now = time.time_ns() // 1000, now_boottime()
    ahead = realtime - now
    size = 0
    while len(received) < _BATCH and size < _BATCH_SIZE:
        try:
            length, ancillary, flags, _ = socket.recvmsg_into([_view], _ANCILLARY_SIZE, _FLAGS)
        except BlockingIOError:
            break
        sent, credentials, fds = realtime, b"", _NO_FDS
        for _level, kind, content in ancillary:
            if kind == SCM_CREDENTIALS:
                credentials = content
            elif kind == SO_TIMESTAMP:
                half = len(content) // 2
                sent = int.from_bytes(content[:half], _ORDER) * 1_000_000 + int.from_bytes(content[half:], _ORDER)
            else:
                fds = unpack_fds(ancillary)
        if len(credentials) < CREDENTIALS_SIZE:
            close_fds(fds)  # sent before anybody was asked to say who sends
            continue
        size += length
        sender = senders.find(credentials[:CREDENTIALS_SIZE], sent - ahead)
        is_cut = bool(flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC))
        received.append(Datagram(bytes(_view[:length]), sender, sent, fds, is_cut))
        if length > _USUAL_SIZE:
            _buffer.madvise(mmap.MADV_DONTNEED)
        if fds:
            break
    return received
