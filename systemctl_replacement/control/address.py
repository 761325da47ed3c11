"""Unix socket addresses: paths of any length, connecting, and who is at the other end."""

from __future__ import annotations

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

# The interface that the manager serves on its socket.
MANAGER = "io.systemctl-replacement.Manager"

_MAXIMUM_PATH = 107
_LONG = memoryview(bytes(8)).cast("l").itemsize


class Short:
    """A context manager for a path that fits in a socket address: the same path, or one through /proc/self/fd."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _MAXIMUM_PATH:
            return self._path
        directory, name = os.path.split(self._path)
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._directory}/{name}"

    def __exit__(self, *_: object) -> None:
        if self._directory >= 0:
            os.close(self._directory)


def connect(path: str, timeout: float) -> _socket.socket | None:
    """A blocking connection to the socket, None if nobody listens there or we may not connect.

    timeout: how many seconds to wait while the queue of whoever listens is full. TimeoutError after that.
    """
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        # settimeout() would not do: without blocking, a full queue is an error at once.
        limit = memoryview(bytearray(2 * _LONG)).cast("l")
        limit[0], limit[1] = int(timeout), int(timeout % 1 * 1_000_000)
        socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, limit.cast("B"))
        with Short(path) as short:
            socket.connect(short)
    except BlockingIOError:
        socket.close()
        raise TimeoutError from None
    except OSError:
        socket.close()
        return None
    return socket


def is_served(path: str) -> bool:
    """Whether somebody listens on the socket, without waiting for them."""
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
    try:
        with Short(path) as short:
            socket.connect(short)
    except BlockingIOError:
        return True  # because so many are waiting
    except OSError:
        return False
    finally:
        socket.close()
    return True


def peer(socket: _socket.socket, make: Callable[[int, int, int], T]) -> T:
    """make(pid, uid, gid) of the process that connected, or that listens (SO_PEERCRED)."""
    data = socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    pid, uid, gid = memoryview(data).cast("i")
    return make(pid, uid, gid)
