"""Passing messages on: to the console, and to a syslog daemon at /run/systemd/journal/syslog, as journald does."""

from __future__ import annotations

import _socket
import errno
import os
import time

from systemctl_replacement.journal import record

_SEND_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_SHORTAGES = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
_TELL_USEC = 30_000_000
_ABSENT_USEC = 1_000_000
_SHOWN_LINES_MAX = 256
_SHOWN_NAME_MAX = 255


class SyslogForward:
    """Sends to the socket of a syslog daemon at `path` ("": nowhere), if there is one. What it has no room for is
    counted."""

    __slots__ = ("_absent_until", "_socket", "_told", "missed", "path")

    def __init__(self, path: str = "") -> None:
        self.path = path
        self.missed = 0
        self._socket: _socket.socket | None = None
        self._told = -_TELL_USEC
        self._absent_until = 0

    def is_wanted(self, now: int) -> bool:
        """Whether somebody may be there: where nobody was, nobody is looked for again for a second (monotonic
        microseconds)."""
        return bool(self.path) and now >= self._absent_until

    def has_come(self) -> bool:
        """Whether a socket is there, whoever was looked for before. For who has few messages."""
        return bool(self.path) and os.access(self.path, os.F_OK)

    def send(self, datagram: bytes, now: int = 0) -> bool:
        """Send a message. Nobody has to be there; returns whether somebody is."""
        try:
            if self._socket is None:
                self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC, 0)
            self._socket.sendto(datagram, _SEND_FLAGS, self.path)
        except OSError as error:
            if error.errno in _SHORTAGES:
                self.missed += 1
            else:
                self._absent_until = now + _ABSENT_USEC
                return False
        return True

    def take_missed(self, now: int, ends: bool = False) -> str:
        """What is to be said of those that were missed, "" for nothing. It is said every half minute at most, and when
        nothing more is sent (ends)."""
        if not self.missed or (now - self._told < _TELL_USEC and not ends):
            return ""
        self._told = now
        missed, self.missed = self.missed, 0
        return f"Forwarding to syslog missed {missed} messages."


def as_syslog(priority: int, identifier: bytes, pid: int, message: bytes) -> bytes:
    """A message as syslog(3) would have sent it."""
    date = time.strftime("%b %e %H:%M:%S ").encode()
    return b"<%d>%s%s[%d]: %s" % (priority, date, identifier, pid, message)


def prefix(identifier: bytes, pid: int) -> bytes:
    """What the lines of a sender begin with on the container's stdout."""
    return b"%s[%d]: " % (_printable(identifier[:_SHOWN_NAME_MAX]), pid)


def as_lines(prefix: bytes, message: bytes) -> bytes:
    """A message as the container's stdout shows it. Each of its lines says whose it is, so that none passes for another
    sender's. Of one that is very long, or has very many lines, the beginning is shown."""
    shown = message[: record.LINE_MAX]
    if b"\n" in shown:
        lines = shown.split(b"\n", _SHOWN_LINES_MAX)
        if len(lines) > _SHOWN_LINES_MAX:
            shown = shown[: -len(lines.pop()) or None]
    else:
        lines = [shown]
    if len(shown) < len(message):
        lines.append(b"[%d more bytes are in the journal]" % (len(message) - len(shown)))
    return b"".join([b"%s%s\n" % (prefix, line) for line in lines])


def _printable(identifier: bytes) -> bytes:
    text = identifier.decode("utf-8", "replace")
    return identifier if text.isprintable() else record.printable(text).replace("\n", "?").encode()
