"""Datagrams on a unit's notify socket: reading, checking, and who may send them. sd_notify(3), NotifyAccess=.

Whatever arrives here was written by a service: nothing in it is trusted, and nothing it sends can raise.
"""

from __future__ import annotations

import _socket
import os
import sys

from .link import unpack_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NOTIFY_MAX = 4096
"""systemd reads at most PIPE_BUF bytes of a message."""
_MAXIMUM_FDS = 253
# A socket's queue holds no more datagrams (net.unix.max_dgram_qlen: 10 to 512 in practice).
_QUEUE = 1024

_CREDENTIALS_SIZE = 12
_ANCILLARY_SIZE = _socket.CMSG_SPACE(_CREDENTIALS_SIZE) + _socket.CMSG_SPACE(_MAXIMUM_FDS * 4)
_RECEIVE_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC

_buffer = bytearray(NOTIFY_MAX + 1)
_view = memoryview(_buffer)


class Datagram:
    """One message: the sender's pid and uid (0 and -1 if unknown), its text, its descriptors, or what is wrong."""

    __slots__ = ("fds", "pid", "problem", "text", "uid")

    def __init__(self, pid: int, uid: int, text: dict[str, str], fds: list[int], problem: str) -> None:
        self.pid = pid
        self.uid = uid
        self.text = text
        self.fds = fds
        self.problem = problem


def open_socket(fd: int) -> _socket.socket:
    """The socket of a descriptor, made to tell its senders' credentials."""
    notify = _socket.socket(fileno=fd)
    notify.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
    return notify


def receive(notify: _socket.socket) -> Datagram | None:
    """The next message, None when there is none. A defective one says so in ``problem``, its descriptors closed."""
    try:
        size, ancillary, flags, _ = notify.recvmsg_into([_view], _ANCILLARY_SIZE, _RECEIVE_FLAGS)
    except BlockingIOError:
        return None
    fds = unpack_fds(ancillary)
    pid, uid = 0, -1
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_CREDENTIALS and len(data) == _CREDENTIALS_SIZE:
            pid = int.from_bytes(data[0:4], sys.byteorder)
            uid = int.from_bytes(data[4:8], sys.byteorder)
    text: dict[str, str] = {}
    problem = ""
    if flags & _socket.MSG_CTRUNC:
        problem = "Got message with truncated control data (too many fds sent?), ignoring."
    elif flags & _socket.MSG_TRUNC or size >= NOTIFY_MAX:
        problem = "Received notify message exceeded maximum size. Ignoring."
    elif pid <= 0:
        problem = "Received notify message without valid credentials. Ignoring."
    elif b"\0" in _buffer[: max(size - 1, 0)]:
        problem = "Received notify message with embedded NUL. Ignoring."
    else:
        text = parse(bytes(_view[:size]))
        if not text:
            problem = "Received notify message without content. Ignoring."
    if problem:
        for fd in fds:
            os.close(fd)
        fds = []
    return Datagram(pid, uid, text, fds, problem)


def drain(receive_one: Callable[[], bool]) -> None:
    """Has everything received that is in the socket now; others may go on sending as fast as we read."""
    for _ in range(_QUEUE):
        if not receive_one():
            break


def parse(data: bytes) -> dict[str, str]:
    """The assignments in a message; of repeated names the first counts, lines without "=" do not."""
    text: dict[str, str] = {}
    for line in data.rstrip(b"\0").decode("utf-8", "surrogateescape").split("\n"):
        name, equals, value = line.partition("=")
        if equals and name:
            text.setdefault(name, value)
    return text


def refusal(access: str, pid: int, main: int, control: int, below: bool) -> str | None:
    """Why NotifyAccess= does not let this process speak, in systemd's words; None if it may.

    ``below``: whether the process is the unit's; the caller knows how to find out, and this only matters for "all".
    """
    start = f"Got notification message from PID {pid}, but reception "
    if access == "none":
        return start + "is disabled."
    unknown_main = "main PID which is currently not known"
    if access == "main" and pid != main:
        return start + f"only permitted for {f'main PID {main}' if main else unknown_main}"
    if access == "exec" and pid not in (main, control):
        if main and control:
            return start + f"only permitted for main PID {main} and control PID {control}"
        if main or control:
            return start + f"only permitted for {'main' if main else 'control'} PID {main or control}"
        return start + "only permitted for main PID and control PID which are currently not known"
    if access == "all" and not below:
        return f"Cannot find unit for notify message of PID {pid}, ignoring."
    return None
