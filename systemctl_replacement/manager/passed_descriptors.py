"""Which descriptors the manager has for a unit's processes: of its sockets, of the connection that it serves, of its
store (sd_listen_fds(3), systemd.socket(5)). Which process is given which is decided in spec_of_unit.py."""

from __future__ import annotations

import _socket
import os

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from systemctl_replacement.manager.unit import ManagedUnit

    Find = Callable[[str], Optional[ManagedUnit]]

_CONNECTION_NAME = "connection"
_MAPPED = "::ffff:"


@dataclass(frozen=True)
class Offered:
    """Descriptors by name, in the order in which they are passed: first `sockets` of sockets, then those stored."""

    names: tuple[str, ...] = ()
    fds: tuple[int, ...] = ()
    sockets: int = 0


NOTHING = Offered()


def offered_to(unit: ManagedUnit, find: Find) -> Offered:
    """All that there is for a unit. find: the unit of a name."""
    named = [(_CONNECTION_NAME, connection)] if (connection := _connection(unit)) >= 0 else _listening(unit, find)
    sockets = len(named)
    if unit.fd_store is not None:
        named += [(entry.name, entry.fd) for entry in unit.fd_store.newest_first()]
    return Offered(tuple([name for name, _ in named]), tuple([fd for _, fd in named]), sockets)


def _connection(unit: ManagedUnit) -> int:
    return unit.ports.handed_over() if unit.ports is not None else -1


def _listening(unit: ManagedUnit, find: Find) -> list[tuple[str, int]]:
    """What the units that trigger this one listen on."""
    found = []
    for other in map(find, unit.related("TriggeredBy")):
        if other is not None and other.ports is not None:
            name = other.kind.descriptor_name(other.file)
            found += [(name, fd) for fd in other.ports.listening()]
    return found


def remote_variables(unit: ManagedUnit) -> tuple[str, ...]:
    """$REMOTE_ADDR and $REMOTE_PORT: who has connected, if the unit serves a connection of a network that is not over
    yet."""
    connection = _connection(unit)
    if connection < 0:
        return ()
    try:
        socket = _socket.socket(fileno=os.dup(connection))
    except OSError:
        return ()
    try:
        family, peer = socket.family, socket.getpeername()
    except OSError:
        return ()
    finally:
        socket.close()
    if family == _socket.AF_VSOCK:
        return (f"REMOTE_ADDR=vsock:{peer[0]}", f"REMOTE_PORT={peer[1]}")
    if family == _socket.AF_INET or family == _socket.AF_INET6:
        return (f"REMOTE_ADDR={_address(*peer)}", f"REMOTE_PORT={peer[1]}")
    return ()


def _address(host: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """An address as systemd writes it: one of IPv4 as such, though it has come by IPv6."""
    if host.startswith(_MAPPED) and "." in host:
        return host[len(_MAPPED) :]
    try:
        return f"{host}%{_socket.if_indextoname(scope)}" if scope else host
    except OSError:
        return f"{host}%{scope}"
