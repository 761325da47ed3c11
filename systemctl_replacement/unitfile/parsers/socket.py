"""Parsers of [Socket] (systemd.socket(5)). Messages from systemd 252."""

from __future__ import annotations

from systemctl_replacement.unitfile import kernel_values, values
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.common import choice
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

protocol = choice(("udplite", "sctp"), "socket protocol", empty=UNSET)
bind_ipv6_only = parsers.bool_or(("default", "both", "ipv6-only"), "bind IPv6 only value")
timestamping = choice(("off", "us", "ns"), "timestamping precision", aliases={"usec": "us", "µs": "us", "nsec": "ns"})

_TOS = {"low-delay": 16, "throughput": 8, "reliability": 4, "low-cost": 2}


def listen_path(context: ParseContext, key: str, text: str) -> Any:
    """ListenFIFO= and its siblings: (directive, path). Empty drops all addresses."""
    if not text:
        return UNSET
    return ((key, parsers.check_path(key, parsers.expanded(context, text))),)


def listen_address(context: ParseContext, key: str, text: str) -> Any:
    """ListenStream=, ListenDatagram=, ListenSequentialPacket=: (directive, address).

    The address is a path, `@name`, `HOST:PORT`, `[HOST]:PORT`, `vsock:CID:PORT` or a port.
    """
    if not text:
        return UNSET
    address = parsers.expanded(context, text)
    try:
        check_address(address)
    except (ValueError, OverflowError) as error:
        raise Refused(f"Failed to parse address value in '{address}', ignoring: {parsers.message_of(error)}") from None
    return ((key, address),)


def check_address(address: str) -> None:
    """Raise ValueError or OverflowError if systemd would not accept this as an address to listen on."""
    if address[:1] in ("/", "@"):
        if not 1 < len(address.encode("utf-8", "surrogateescape")) <= 107:
            raise ValueError(address)
        return
    if address.startswith("vsock:"):
        cid, _, port = address[len("vsock:") :].partition(":")
        if cid:
            values.parse_unsigned(cid)
        values.parse_unsigned(port)
        return
    host, colon, port = address.rpartition(":")
    if host.startswith("["):
        if not host.endswith("]") or not _is_ipv6(host[1:-1].partition("%")[0]):
            raise ValueError(address)
    elif colon and not _is_ipv4(host):
        raise ValueError(address)
    number = values.parse_unsigned(port)
    if number == 0:
        raise ValueError(address)
    if number > 65535:
        raise OverflowError(address)


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)


def _is_ipv6(host: str) -> bool:
    import _socket  # seldom needed

    try:
        _socket.inet_pton(_socket.AF_INET6, host)
    except (OSError, ValueError):
        return False
    return True


def listen_netlink(context: ParseContext, key: str, text: str) -> Any:
    """ListenNetlink=: (directive, "FAMILY GROUP"): a family and an optional multicast group, 0 if omitted."""
    if not text:
        return UNSET
    address = parsers.expanded(context, text)
    family, *group = address.split(None, 1)
    try:
        if family not in kernel_values.NETLINK.values():
            number = values.parse_unsigned(family, 2**31 - 1)
            family = kernel_values.NETLINK.get(number, str(number))
        return ((key, f"{family} {values.parse_unsigned(group[0]) if group else 0}"),)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse address value in '{address}', ignoring: Invalid argument") from None


def bind_to_device(context: ParseContext, key: str, text: str) -> Any:
    """BindToDevice=: an interface name; `*` unsets it."""
    if not text or text == "*":
        return UNSET
    name = parsers.expanded(context, text)
    if len(name) > 15 or "/" in name or ":" in name or not name.isascii() or not name.isprintable() or " " in name:
        raise Refused(f"Invalid interface name, ignoring: {name}")
    return name


def ip_tos(context: ParseContext, key: str, text: str) -> int:
    """IPTOS= as a number."""
    if text in _TOS:
        return _TOS[text]
    try:
        return values.parse_integer(text, 0, 255)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse IP TOS value, ignoring: {text}") from None


def descriptor_name(context: ParseContext, key: str, text: str) -> Any:
    """FileDescriptorName=."""
    if not text:
        return UNSET
    name = parsers.expanded(context, text)
    if not values.valid_descriptor_name(name):
        raise Refused(f"Invalid file descriptor name, ignoring: {name}")
    return name
