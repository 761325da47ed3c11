"""Passing messages on: to the console, and to a syslog daemon at /run/systemd/journal/syslog, as journald does."""

from __future__ import annotations

import _socket
import errno
import time

from systemctl_replacement.journal import record

_SEND_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_SHORTAGES = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
_TELL_USEC = 30_000_000


class SyslogForward:
    """Sends to the socket of a syslog daemon, if there is one. What it has no room for is counted."""

    def __init__(self) -> None:
        self.path = ""
        self.missed = 0
        self._socket: _socket.socket | None = None
        self._told = -_TELL_USEC

    def send(self, datagram: bytes) -> None:
        """Send a message. Nobody has to be there."""
        if self._socket is None:
            self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.sendto(datagram, _SEND_FLAGS, self.path)
        except OSError as error:
            if error.errno in _SHORTAGES:
                self.missed += 1

    def take_missed(self, now: int) -> int:
        """How many were missed since that was told last, which is done every half minute at most; else 0."""
        if not self.missed or now - self._told < _TELL_USEC:
            return 0
        self._told = now
        missed, self.missed = self.missed, 0
        return missed


def as_syslog(priority: int, identifier: bytes, pid: int, message: bytes) -> bytes:
    """A message as syslog(3) would have sent it."""
    date = time.strftime("%b %e %H:%M:%S ").encode()
    return b"<%d>%s%s[%d]: %s" % (priority, date, identifier, pid, message)


def as_lines(identifier: bytes, pid: int, message: bytes) -> bytes:
    """A message as the container's stdout shows it. Each of its lines says whose it is, so that none passes for another
    sender's."""
    prefix = b"%s[%d]: " % (_printable(identifier), pid)
    if b"\n" not in message:
        return b"%s%s\n" % (prefix, message)
    return b"".join([b"%s%s\n" % (prefix, line) for line in message.split(b"\n")])


def _printable(identifier: bytes) -> bytes:
    text = identifier.decode("utf-8", "replace")
    return identifier if text.isprintable() else record.printable(text).replace("\n", "?").encode()
