"""The socket that the control protocol is spoken on."""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement.control import address

_BACKLOG = 128


def renew(listener: _socket.socket) -> None:
    """Make a socket that another process has listened on ours: clients see the credentials of who has called
    listen(2) last."""
    listener.listen(_BACKLOG)


def listen(path: str, *, supersede: bool = False) -> _socket.socket:
    """Make the listening socket, replacing one that a dead manager left; anyone may connect.

    Raises OSError, EADDRINUSE if a manager answers there. supersede: it is replaced all the same, it is known already
    that whoever is there has no right to it.
    """
    if not supersede and address.is_served(path):
        raise OSError(errno.EADDRINUSE, "Another manager is running", path)
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        # Bound under another name first: clients never find a socket that nobody listens on.
        temporary = f"{path}.{os.getpid()}"
        with address.Short(temporary) as short:
            try:
                os.unlink(short)
            except FileNotFoundError:
                pass
            socket.bind(short)
            os.chmod(short, 0o666)
            socket.listen(_BACKLOG)
        os.rename(temporary, path)
    except OSError:
        socket.close()
        raise
    return socket
