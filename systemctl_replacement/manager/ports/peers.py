"""Who has connected to a socket, as systemd names and describes them (systemd.socket(5), Accept=)."""

from __future__ import annotations

import _socket
import os

from systemctl_replacement.units.events import Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CREDENTIALS_BYTES = 12
_MAPPED = "::ffff:"


def peer_of(fd: int) -> Peer:
    """Who is at the other end of a connection. OSError: nobody is any more."""
    connection = _socket.socket(fileno=os.dup(fd))
    try:
        return _peer_of(connection)
    finally:
        connection.close()


def _peer_of(connection: _socket.socket) -> Peer:
    family = connection.family
    local, remote = connection.getsockname(), connection.getpeername()
    if family == _socket.AF_UNIX:
        data = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _CREDENTIALS_BYTES)
        return _of_process(*memoryview(data).cast("i")[:2])
    if family == _socket.AF_VSOCK:
        instance = f"{local[0]}:{local[1]}-{remote[0]}:{remote[1]}"
        return Peer(instance, f"vsock:{remote[0]}:{remote[1]}", f"vsock:{remote[0]}")
    return _of_addresses(local, remote)


def _of_process(pid: int, uid: int) -> Peer:
    """One that has connected by a name in the file system; pid 0: from another process namespace."""
    return Peer(f"{pid}-{uid}", f"PID {pid}/UID {uid}") if pid > 0 else Peer("unknown", "")


def _of_addresses(local: tuple[Any, ...], remote: tuple[Any, ...]) -> Peer:
    """One at an IP address; what IPv6 has of IPv4 is written as that."""
    here, there = _plain(local[0]), _plain(remote[0])
    shown = there
    if "." in here and "." in there:
        named = f"{here}:{local[1]}-{there}:{remote[1]}"
    else:
        named = f"{_without_zone(local[0])}:{local[1]}-{_without_zone(remote[0])}:{remote[1]}"
    return Peer(named, f"[{shown}]:{remote[1]}" if ":" in shown else f"{shown}:{remote[1]}", shown)


def _plain(address: str) -> str:
    return address[len(_MAPPED) :] if address.startswith(_MAPPED) and "." in address else address


def _without_zone(address: str) -> str:
    return address.partition("%")[0]
