"""Dropping what waits at a descriptor that is listened on (FlushPending=, systemd.socket(5))."""

from __future__ import annotations

import _socket
import os
import stat

# As many connections or messages as systemd drops. Whoever sends faster than that is not held up.
_MOST = 1024
_CHUNK = 65536


def flush(fd: int) -> None:
    """Drop connections and data. The descriptor is one that does not block afterwards: who had it may have changed
    that."""
    try:
        os.set_blocking(fd, False)
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            _accept_all(fd)
        for _ in range(_MOST):
            if not os.read(fd, _CHUNK):
                return
    except OSError:
        return  # nothing is left, or it is of a type that is not read


def _accept_all(fd: int) -> None:
    socket = _socket.socket(fileno=os.dup(fd))
    try:
        if socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN):
            for _ in range(_MOST):
                os.close(socket._accept()[0])  # type: ignore[attr-defined]
    except BlockingIOError:
        return
    finally:
        socket.close()
