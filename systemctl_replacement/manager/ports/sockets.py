"""Making the sockets that units listen on (systemd.socket(5))."""

from __future__ import annotations

import _socket
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.events import Listen

_TYPES = {
    "stream": _socket.SOCK_STREAM,
    "datagram": _socket.SOCK_DGRAM,
    "sequential-packet": _socket.SOCK_SEQPACKET,
}


def listen(action: Listen, root: str) -> int:
    """The descriptor of a bound socket that is listened on if it is of a type that can be. OSError.

    A socket that somebody has left at its path is replaced.
    """
    path = root + action.address if action.address.startswith("/") else ""
    if action.number >= 0:
        family = _socket.AF_INET6 if ":" in action.address else _socket.AF_INET
    else:
        family = _socket.AF_UNIX
    socket = _socket.socket(family, _TYPES[action.type] | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
    try:
        if family != _socket.AF_UNIX:
            _socket.inet_pton(family, action.address)  # what is none would be looked up, and that may take long
            socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            socket.bind((action.address, action.number))
        elif path:
            _bind_path(socket, path)
        else:
            socket.bind("\0" + action.address[1:])
        if action.type != "datagram":
            socket.listen(action.backlog)
    except BaseException:
        socket.close()
        raise
    return socket.detach()


def _bind_path(socket: _socket.socket, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        socket.bind(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        os.unlink(path)
        socket.bind(path)
