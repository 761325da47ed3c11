"""Parsers of [Socket] (systemd.socket(5)). Messages from systemd 252."""

from __future__ import annotations

import errno
import os

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

_LONGEST_NAME = 107  # bytes, of a socket's path or abstract name
_ANY_CONTEXT = 2**32 - 1
_TOS = {"low-delay": 16, "throughput": 8, "reliability": 4, "low-cost": 2}


def listen_path(context: ParseContext, key: str, text: str) -> Any:
    """ListenFIFO= and its siblings: (directive, path). Empty drops all addresses."""
    if not text:
        return UNSET
    return ((key, parsers.check_path(key, parsers.expanded(context, text))),)


def listen_address(context: ParseContext, key: str, text: str) -> Any:
    """ListenStream=, ListenDatagram=, ListenSequentialPacket=: (directive, address).

    The address is a path, `@name`, `HOST:PORT`, `[HOST]:PORT`, `[HOST]:PORT%INTERFACE`, `vsock:CID:PORT` or a port,
    with all numbers in decimal.
    """
    if not text:
        return UNSET
    address = parsers.expanded(context, text)
    try:
        return ((key, _plain_address(address)),)
    except (ValueError, OverflowError) as error:
        reason = parsers.message_of(error)
    except OSError as error:
        reason = error.strerror or str(error)
    raise Refused(f"Failed to parse address value in '{address}', ignoring: {reason}")


def _plain_address(address: str) -> str:
    """An address as it is kept. ValueError, OverflowError or OSError if systemd would not listen on it."""
    if address[:1] in ("/", "@"):
        length = len(address.encode("utf-8", "surrogateescape"))
        if length > _LONGEST_NAME and address[0] == "/":
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        if not 1 < length <= _LONGEST_NAME:
            raise ValueError(address)
        return address
    if address.startswith("vsock:"):
        context, colon, port = address[len("vsock:") :].partition(":")
        number = values.parse_unsigned(context) if context or not colon else _ANY_CONTEXT
        return f"vsock:{'' if number == _ANY_CONTEXT else number}:{values.parse_unsigned(port)}"
    host, colon, rest = address.rpartition(":")
    port, percent, interface = rest.partition("%")
    if percent and not (colon and _is_interface(interface)):
        raise ValueError(address)
    plain = "" if not colon else _plain_host(host)
    number = _port(port)
    zone = f"%{interface}" if percent and plain.startswith("[") else ""  # IPv4 has none
    return f"{plain}:{number}{zone}" if plain else str(number)


def _port(text: str) -> int:
    number = values.parse_integer(text)
    if number == 0:
        raise ValueError(text)
    if not 0 < number <= 65535:
        raise OverflowError(text)
    return number


def _plain_host(host: str) -> str:
    import _socket  # seldom needed

    in_brackets = host.startswith("[") and host.endswith("]")
    family = _socket.AF_INET6 if in_brackets else _socket.AF_INET
    try:
        plain = _socket.inet_ntop(family, _socket.inet_pton(family, host[1:-1] if in_brackets else host))
    except OSError:
        raise ValueError(host) from None
    return f"[{plain}]" if in_brackets else plain


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
    if not _is_interface(name):
        raise Refused(f"Invalid interface name, ignoring: {name}")
    return name


def _is_interface(name: str) -> bool:
    return len(name) <= 15 and name.isascii() and name.isprintable() and not any(each in name for each in "/: ")


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
