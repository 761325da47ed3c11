"""Messages on a unit's notify socket: reading and checking them, and who may send them. sd_notify(3), NotifyAccess=.

Whatever arrives here was written by a service: nothing in it is trusted, and nothing it sends can raise.
"""

from __future__ import annotations

import _socket
import sys

from systemctl_replacement.process.descendants import read_stat
from systemctl_replacement.process.link import MAXIMUM_FDS, close_fds, unpack_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.process.link import Message

NOTIFY_MAX = 4096
"""systemd reads at most PIPE_BUF bytes of a message."""
# No socket queues more datagrams (net.unix.max_dgram_qlen is 10 to 512 in practice).
_QUEUE = 1024

_CREDENTIALS_SIZE = 12
_ANCILLARY_SIZE = _socket.CMSG_SPACE(_CREDENTIALS_SIZE) + _socket.CMSG_SPACE(MAXIMUM_FDS * 4)
_RECEIVE_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC

_buffer = bytearray(NOTIFY_MAX + 1)
_view = memoryview(_buffer)


class Datagram:
    """A message: the sender's pid and uid (0 and -1 if unknown), its text and descriptors, or what is wrong with it."""

    __slots__ = ("fds", "pid", "problem", "text", "uid")

    def __init__(self, pid: int, uid: int, text: dict[str, str], fds: list[int], problem: str) -> None:
        self.pid = pid
        self.uid = uid
        self.text = text
        self.fds = fds
        self.problem = problem


def open_socket(fd: int) -> _socket.socket:
    """The socket of a descriptor, set to report the credentials of senders."""
    notify = _socket.socket(fileno=fd)
    notify.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
    return notify


def receive(notify: _socket.socket) -> Datagram | None:
    """The next message, None if there is none. A malformed one has a `problem`, and its descriptors are closed."""
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
    elif flags & _socket.MSG_TRUNC or size > NOTIFY_MAX:
        problem = "Received notify message exceeded maximum size. Ignoring."
    elif pid <= 0:
        problem = "Received notify message without valid credentials. Ignoring."
    elif b"\0" in _buffer[: max(size - 1, 0)]:
        problem = "Received notify message with embedded NUL bytes. Ignoring."
    else:
        text = parse(bytes(_view[:size]))
        if not text:
            problem = "Received notify message without content. Ignoring."
    if problem:
        close_fds(fds)
        fds = []
    return Datagram(pid, uid, text, fds, problem)


def drain(receive_one: Callable[[], bool]) -> None:
    """Receive everything that is in the socket now, even if others go on sending as fast as we read."""
    for _ in range(_QUEUE):
        if not receive_one():
            break


_PROGRESS = ("READY=1", "RELOADING=1", "STOPPING=1")


def parse(data: bytes) -> dict[str, str]:
    """The assignments in a message; lines without "=" are none. Nothing if it ends in a single backslash.

    Of repeated names the first counts, but what the service is at stands where it was said last. As under systemd a
    backslash takes what is special away from the character that follows it, and is not seen any more.
    """
    decoded = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
    text: dict[str, str] = {}
    lines = decoded.replace("\r", "\n").split("\n") if "\\" not in decoded else _unescaped_lines(decoded)
    for line in lines:
        name, equals, value = line.partition("=")
        if line in _PROGRESS:
            text.pop(name, None)
        if equals and name:
            text.setdefault(name, value)
    return text


def _unescaped_lines(text: str) -> list[str]:
    lines, line, escaped = [], "", False
    for character in text:
        if escaped:
            line, escaped = line + character, False
        elif character == "\\":
            escaped = True
        elif character in "\r\n":
            lines.append(line)
            line = ""
        else:
            line += character
    return [] if escaped else [*lines, line]


def judge(
    datagram: Datagram, access: str, main: int, control: int, may_speak: Callable[[int, int], bool]
) -> tuple[str, bool]:
    """systemd's warning about a message ("" for none), and whether it is passed to the manager.

    Synchronisation (BARRIER=1) is anybody's to ask for, and the manager has no part in it.
    """
    if datagram.problem:
        return datagram.problem, False
    if datagram.text.get("BARRIER") == "1":
        if len(datagram.text) > 1:
            return "Extra notification messages sent with BARRIER=1, ignoring everything.", False
        return "" if len(datagram.fds) == 1 else "Got incorrect number of fds with BARRIER=1, closing them.", False
    below = access == "all" and may_speak(datagram.pid, datagram.uid)
    refused = refusal(access, datagram.pid, main, control, below)
    if refused and access in ("main", "exec") and datagram.uid == 0:
        parent = _signs_as(datagram.pid)
        if parent and refusal(access, parent, main, control, below) is None:
            refused = None
    if refused:
        return refused, False
    extra = datagram.fds and datagram.text.get("FDSTORE") != "1"
    return "Got extra auxiliary fds with notification message, closing them." if extra else "", True


def _signs_as(pid: int) -> int:
    """The process for which systemd-notify(1) speaks: its parent. 0 if the process is another program.

    It puts its parent's pid on the message, and what root's process says is believed; but without CAP_SYS_ADMIN, which
    few containers have, the kernel does not let it.
    """
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            if file.read() != b"systemd-notify\n":
                return 0
    except OSError:
        return 0
    stat = read_stat(pid)
    return stat[1] if stat else 0


def message(datagram: Datagram) -> tuple[Message, list[int]]:
    """The message to the manager about a notification, with the descriptors to store."""
    fds = datagram.fds if datagram.text.get("FDSTORE") == "1" else []
    return {"ev": "notify", "pid": datagram.pid, "uid": datagram.uid, "text": datagram.text}, fds


def refusal(access: str, pid: int, main: int, control: int, below: bool) -> str | None:
    """systemd's warning if NotifyAccess= does not allow the process to send messages, None if it does.

    `below`: whether the process is the unit's; the caller knows how to find out, and this only matters for "all".
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
