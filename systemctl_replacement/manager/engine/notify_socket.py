"""The socket of $NOTIFY_SOCKET: datagrams to whoever started us, who may not be reading them. sd_notify(3)."""

from __future__ import annotations

import _socket

from systemctl_replacement.loop import WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from systemctl_replacement.loop import Loop

    Address = Union[str, bytes]

# Units come and go. Of what is said about them, this much waits for somebody to read it.
_MOST_UNSENT = 256

# What is said of units is news each time; of anything else only the last word counts.
_OF_UNITS = "X_SYSTEMD_UNIT_"


_LONGEST = 107


class BadAddress(ValueError):
    """No socket that can be written to; the text says why."""


def address_of(variable: str) -> Address:
    """The address that $NOTIFY_SOCKET has: a path, or "@" and a name that is in no directory. BadAddress."""
    name = variable.encode("utf-8", "surrogateescape")
    if not variable.startswith(("/", "@")) or len(name) < 2:
        raise BadAddress("only a path or an abstract name (@…) can be written to")
    if len(name) > _LONGEST:
        raise BadAddress("the name is too long for a socket")
    return variable if variable.startswith("/") else b"\0" + name[1:]


def queued(unsent: list[str], message: str) -> list[str]:
    """What waits to be sent once this message does, too.

    It takes the place of what was to be said about the same thing. When there is too much, the oldest news of units is
    left out.
    """
    about = message.partition("=")[0]
    if not about.startswith(_OF_UNITS):
        unsent = [other for other in unsent if other.partition("=")[0] != about]
    unsent = [*unsent, message]
    if len(unsent) > _MOST_UNSENT:
        unsent.remove(next(other for other in unsent if other.startswith(_OF_UNITS)))
    return unsent


class NotifySocket:
    """Sends what it can at once, and the rest when there is room. Nobody ever waits for it.

    The socket is opened for each message, or series of messages: the engine may have made it anew.
    """

    def __init__(self, loop: Loop, address: Address) -> None:
        self._loop = loop
        self._address = address
        self._socket: _socket.socket | None = None
        self._unsent: list[str] = []

    def send(self, message: str) -> None:
        """Send assignments, separated by newlines."""
        self._unsent = queued(self._unsent, message)
        if self._socket is None:
            self._open()

    def _open(self) -> None:
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        try:
            self._socket = _socket.socket(_socket.AF_UNIX, kind)
            self._socket.connect(self._address)
        except OSError:
            self._give_up()
            return
        self._flush()

    def _flush(self, _events: int = 0) -> None:
        assert self._socket is not None
        try:
            while self._unsent:
                self._socket.send(self._unsent[0].encode("utf-8", "surrogateescape"), _socket.MSG_NOSIGNAL)
                del self._unsent[0]
        except BlockingIOError:
            if not _events:
                self._loop.add(self._socket.fileno(), WRITE, self._flush)
            return
        except OSError:
            self._give_up()
            return
        self._close()

    def _give_up(self) -> None:
        """Nobody is there to be told. The next message looks again."""
        self._unsent = []
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._loop.remove(self._socket.fileno())
            self._socket.close()
            self._socket = None
