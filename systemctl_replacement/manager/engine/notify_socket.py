"""The socket of $NOTIFY_SOCKET: datagrams to whoever started us, who may not be reading them. sd_notify(3)."""

from __future__ import annotations

import _socket
import errno

from systemctl_replacement.loop import WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Union

    from systemctl_replacement.loop import Loop

    Address = Union[str, bytes]

# Units come and go. Of what is said about them, this much waits for somebody to read it.
_MOST_UNSENT = 256

# What is said of units is news each time; of anything else only the last word counts.
_OF_UNITS = "X_SYSTEMD_UNIT_"

_LONGEST = 107
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


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

    It is connected anew for each message, or series of messages: the engine may have made its socket anew. The
    descriptor is kept, for when there is no other. unsent: what waits to be sent, kept up to date by us.
    """

    def __init__(self, loop: Loop, address: Address, unsent: list[str]) -> None:
        self._loop = loop
        self._address = address
        self._socket: _socket.socket | None = None
        self._unsent = unsent
        self._waits = False  # for room
        self._then: Callable[[], object] | None = None
        self._send()

    def send(self, message: str) -> None:
        """Send assignments, separated by newlines."""
        self._unsent[:] = queued(self._unsent, message)
        if not self._waits:
            self._send()

    def when_sent(self, then: Callable[[], object]) -> None:
        """Call back once nothing waits for room any more."""
        if self._waits:
            self._then = then
        else:
            then()

    def _send(self) -> None:
        try:
            self._open().connect(self._address)
        except OSError as error:
            self._failed(error)
        else:
            self._flush()

    def _open(self) -> _socket.socket:
        if self._socket is None:
            kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
            self._socket = _socket.socket(_socket.AF_UNIX, kind)
        return self._socket

    def _flush(self, _events: int = 0) -> None:
        assert self._socket is not None
        try:
            while self._unsent:
                self._socket.send(self._unsent[0].encode("utf-8", "surrogateescape"), _socket.MSG_NOSIGNAL)
                del self._unsent[0]
        except BlockingIOError:
            self._wait(True)
        except OSError as error:
            self._failed(error)
        else:
            self._wait(False)

    def _failed(self, error: OSError) -> None:
        """Nobody is there to be told, and the next message looks again. In a shortage it takes this one along."""
        if error.errno not in _SHORTAGES:
            self._unsent.clear()
        self._wait(False)

    def _wait(self, waits: bool) -> None:
        if self._socket is not None and waits != self._waits:
            if waits:
                self._loop.add(self._socket.fileno(), WRITE, self._flush)
            else:
                self._loop.remove(self._socket.fileno())
            self._waits = waits
        if not waits and self._then is not None:
            then, self._then = self._then, None
            then()
