"""The listening socket of the control protocol."""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement.control import address

_BACKLOG = 128


def renew(listener: _socket.socket) -> None:
    """Adopt a socket on which another process has listened: clients see the credentials of the last process that
    called listen(2)."""
    listener.listen(_BACKLOG)


def listen(path: str, *, supersede: bool = False) -> _socket.socket:
    """Make the listening socket, replacing one that a dead manager left. Anyone may connect.

    Raises OSError, EADDRINUSE if a manager answers there. supersede: replace it all the same, because it is known
    that its owner has no right to it.
    """
    if not supersede and address.is_served(path):
        raise OSError(errno.EADDRINUSE, "Another manager is running", path)
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        # Bind it under another name first, so that clients never find a socket on which nobody listens.
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
