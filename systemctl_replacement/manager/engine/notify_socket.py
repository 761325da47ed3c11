"""The socket of $NOTIFY_SOCKET: datagrams to whoever started us, who may not be reading them. sd_notify(3)."""

from __future__ import annotations

import _socket
import errno
import select

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
# This is said often, and nobody waits for it. The rest is said once, and decides.
_NEWS = (_OF_UNITS, "STATUS=", "EXTEND_TIMEOUT_USEC=")
_LAST = "EXIT_STATUS"

# What the kernel keeps for who does not read: about fifteen messages of one sender, and ten for one reader. There is
# room for news while a quarter is taken (unix(7), SO_SNDBUF in socket(7): the kernel doubles it), so that what decides
# fits in, too, and is there to be read after our end.
_ROOM = 6144

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

    It takes the place of what was to be said about the same thing, and if it decides something goes before all news.
    There are none after the last word. When there is too much, the oldest news of units is left out.
    """
    said = {line.partition("=")[0] for line in message.split("\n")}
    if not message.startswith(_OF_UNITS):
        unsent = [other for other in unsent if other.partition("=")[0] not in said]
    news = [other for other in unsent if other.startswith(_NEWS)] if _LAST not in said else []
    deciding = [other for other in unsent if not other.startswith(_NEWS)]
    unsent = [*deciding, *news, message] if message.startswith(_NEWS) else [*deciding, message, *news]
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
        self._room = select.poll()
        self._waits = False  # for room
        self._send()

    def send(self, message: str) -> None:
        """Send assignments, separated by newlines."""
        self._unsent[:] = queued(self._unsent, message)
        if not (self._waits and message.startswith(_NEWS)):
            self._send()

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
            made = _socket.socket(_socket.AF_UNIX, kind)
            made.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _ROOM)
            self._room.register(made.fileno(), select.POLLOUT)
            self._socket = made
        return self._socket

    def _flush(self, _events: int = 0) -> None:
        assert self._socket is not None
        try:
            while self._unsent:
                if self._unsent[0].startswith(_NEWS) and not self._room.poll(0):
                    raise BlockingIOError
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
