"""Addresses of ListenStream=, ListenDatagram=, ListenSequentialPacket= and ListenNetlink= as the kernel takes them.

Nothing is looked up: an address that had to be would hold up the manager. Source: systemd.socket(5).
"""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.kernel_values import NETLINK as NETLINK_FAMILIES
from systemctl_replacement.units.listen_on import DATAGRAM, NETLINK, SEQUENTIAL_PACKET, STREAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from systemctl_replacement.units.listen_on import ListenOn

    Address = Union[str, tuple[Any, ...]]

_TYPES = {
    STREAM: _socket.SOCK_STREAM,
    DATAGRAM: _socket.SOCK_DGRAM,
    SEQUENTIAL_PACKET: _socket.SOCK_SEQPACKET,
    NETLINK: _socket.SOCK_RAW,
}
_SCTP, _UDPLITE = 132, 136
AF_VSOCK = 40
_ANY_CONTEXT = 0xFFFFFFFF
_IPV6_INTERFACES = "/proc/net/if_inet6"


@dataclass(frozen=True)
class Endpoint:
    """What a socket is made and bound with. address: as the module socket wants it; of a path, the path."""

    family: int
    type: int
    protocol: int
    address: Address


def endpoint(on: ListenOn) -> Endpoint:
    """The endpoint of an address that the parser has let through. OSError if this kernel cannot have it."""
    kind = _TYPES[on.type]
    if on.type == NETLINK:
        return _netlink(on.address, kind)
    family, address = _address(on.address)
    if family == _socket.AF_INET6 and not has_ipv6():
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    return Endpoint(family, kind, _protocol(on), address)


def has_ipv6() -> bool:
    """Whether the kernel speaks IPv6. Where it does not, a port alone means that port of every IPv4 address."""
    return os.path.exists(_IPV6_INTERFACES)


def _protocol(on: ListenOn) -> int:
    """SocketProtocol=, where the type of the socket can have it."""
    protocol = on.options.protocol
    if on.type == DATAGRAM:
        return _UDPLITE if protocol == "udplite" else 0
    return _SCTP if protocol == "sctp" else 0


def _address(text: str) -> tuple[int, Address]:
    if text.startswith("/"):
        return _socket.AF_UNIX, text
    if text.startswith("@"):
        return _socket.AF_UNIX, "\0" + text[1:]
    if text.startswith("vsock:"):
        context, _, port = text[len("vsock:") :].partition(":")
        return AF_VSOCK, (int(context) if context else _ANY_CONTEXT, int(port))
    host, colon, rest = text.rpartition(":")
    port, _, interface = rest.partition("%")
    if not colon:
        return (_socket.AF_INET6, ("::", int(port))) if has_ipv6() else (_socket.AF_INET, ("0.0.0.0", int(port)))
    if not host.startswith("["):
        return _socket.AF_INET, (_numeric(_socket.AF_INET, host), int(port))
    return _socket.AF_INET6, (_numeric(_socket.AF_INET6, host[1:-1]), int(port), 0, _scope(interface))


def _numeric(family: int, host: str) -> str:
    _socket.inet_pton(family, host)  # what is none would be looked up, and that may take long
    return host


def _scope(interface: str) -> int:
    if not interface:
        return 0
    return int(interface) if interface.isdigit() else _socket.if_nametoindex(interface)


def _netlink(text: str, kind: int) -> Endpoint:
    name, group = text.split()
    numbers = {family: number for number, family in NETLINK_FAMILIES.items()}
    protocol = numbers[name] if name in numbers else int(name)
    return Endpoint(_socket.AF_NETLINK, kind, protocol, (0, int(group)))
