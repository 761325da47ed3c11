"""The options of the sockets that units listen on (systemd.socket(5)), set in systemd's order.

A socket without one of them is better than none: what fails is told, and the socket is used.
"""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_WARNING
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.units.listen_on import SocketOptions

    Problems = list[tuple[int, str]]

# What the module socket has no name for. The numbers are those of asm-generic/socket.h and linux/in.h.
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SO_PASSSEC, _SO_TIMESTAMP, _SO_TIMESTAMPNS = 34, 29, 35
_IP_PKTINFO, _IP_FREEBIND, _IP_TRANSPARENT = 8, 15, 19
_IPV6_RECVPKTINFO, _IPV6_FREEBIND, _IPV6_TRANSPARENT = 49, 78, 75
_SOL_NETLINK, _NETLINK_PKTINFO = 270, 3
_SOL_SCTP, _SCTP_NODELAY = 132, 3
_TCP_CONGESTION = 13

_SECOND = 1_000_000
_NOT_ALLOWED = (errno.EPERM, errno.EACCES)


@dataclass(frozen=True)
class _Option:
    """An option by its number: what systemd logs if it cannot be set, and the value to set, None for none."""

    level: int
    number: int
    failure: str
    value: Callable[[SocketOptions], int | None]


def _flag(wanted: bool) -> int | None:
    return 1 if wanted else None


def _seconds(usec: int) -> int | None:
    return min(usec // _SECOND, 2**31 - 1) if usec > 0 else None


def _number(number: int) -> int | None:
    return number if number >= 0 else None


_SOL_SOCKET, _TCP = _socket.SOL_SOCKET, _socket.IPPROTO_TCP

_BEFORE_BUFFERS = (
    _Option(_SOL_SOCKET, _socket.SO_KEEPALIVE, "SO_KEEPALIVE failed", lambda o: _flag(o.keep_alive)),
    _Option(_TCP, _socket.TCP_KEEPIDLE, "TCP_KEEPIDLE failed", lambda o: _seconds(o.keep_alive_time)),
    _Option(_TCP, _socket.TCP_KEEPINTVL, "TCP_KEEPINTVL failed", lambda o: _seconds(o.keep_alive_interval)),
    _Option(_TCP, _socket.TCP_KEEPCNT, "TCP_KEEPCNT failed", lambda o: o.keep_alive_probes or None),
    _Option(_TCP, _socket.TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT failed", lambda o: _seconds(o.defer_accept)),
    _Option(_SOL_SCTP, _SCTP_NODELAY, "SCTP_NODELAY failed", lambda o: _flag(o.no_delay and o.protocol == "sctp")),
    _Option(_TCP, _socket.TCP_NODELAY, "TCP_NODELAY failed", lambda o: _flag(o.no_delay and o.protocol != "sctp")),
    _Option(_SOL_SOCKET, _socket.SO_BROADCAST, "SO_BROADCAST failed", lambda o: _flag(o.broadcast)),
    _Option(_SOL_SOCKET, _socket.SO_PASSCRED, "SO_PASSCRED failed", lambda o: _flag(o.pass_credentials)),
)
_PRIORITY = _Option(_SOL_SOCKET, _socket.SO_PRIORITY, "SO_PRIORITY failed", lambda o: _number(o.priority))
_AFTER_BUFFERS = (
    _Option(_SOL_SOCKET, _socket.SO_MARK, "SO_MARK failed", lambda o: _number(o.mark)),
    _Option(_socket.IPPROTO_IP, _socket.IP_TOS, "IP_TOS failed", lambda o: _number(o.ip_tos)),
)

# By family: (level, number). systemd knows no such option of other families.
_PACKET_INFO = {
    _socket.AF_INET: (_socket.IPPROTO_IP, _IP_PKTINFO),
    _socket.AF_INET6: (_socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO),
    _socket.AF_NETLINK: (_SOL_NETLINK, _NETLINK_PKTINFO),
}
_TIME_TO_LIVE = {
    _socket.AF_INET: (_socket.IPPROTO_IP, _socket.IP_TTL),
    _socket.AF_INET6: (_socket.IPPROTO_IPV6, _socket.IPV6_UNICAST_HOPS),
}
_FREE_BIND = {
    _socket.AF_INET: (_socket.IPPROTO_IP, _IP_FREEBIND),
    _socket.AF_INET6: (_socket.IPPROTO_IPV6, _IPV6_FREEBIND),
}
_TRANSPARENT = {
    _socket.AF_INET: (_socket.IPPROTO_IP, _IP_TRANSPARENT),
    _socket.AF_INET6: (_socket.IPPROTO_IPV6, _IPV6_TRANSPARENT),
}


class Setter:
    """Sets options of one socket, and keeps what could not be set, by syslog level."""

    def __init__(self, socket: _socket.socket, options: SocketOptions) -> None:
        self._socket = socket
        self._options = options
        self.problems: Problems = []

    def before_binding(self) -> None:
        """What decides what the socket can be bound to. OSError for what it must not be without."""
        socket, options = self._socket, self._options
        if socket.family == _socket.AF_INET6 and options.bind_ipv6_only != "default":
            only = options.bind_ipv6_only == "ipv6-only"
            self._set(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, int(only))
        if socket.family in (_socket.AF_INET, _socket.AF_INET6):
            if options.bind_to_device:
                device = options.bind_to_device.encode() + b"\0"
                self._set(_SOL_SOCKET, _socket.SO_BINDTODEVICE, device)
            if options.reuse_port:
                self._try("SO_REUSEPORT failed", lambda: self._set(_SOL_SOCKET, _socket.SO_REUSEPORT, 1))
            if options.free_bind:
                self._of_family("IP_FREEBIND/IPV6_FREEBIND failed", _FREE_BIND, 1)
            if options.transparent:
                self._of_family("IP_TRANSPARENT/IPV6_TRANSPARENT failed", _TRANSPARENT, 1)
        self._set(_SOL_SOCKET, _socket.SO_REUSEADDR, 1)

    def when_bound(self) -> None:
        """All others."""
        options = self._options
        for option in _BEFORE_BUFFERS:
            self._apply(option)
        if options.pass_security:
            # Not worth a warning to systemd, unlike the one before.
            self._try("SO_PASSSEC failed", lambda: self._set(_SOL_SOCKET, _SO_PASSSEC, 1), (errno.EOPNOTSUPP,))
        if options.pass_packet_info:
            self._of_family("Failed to enable packet info socket option", _PACKET_INFO, 1)
        if options.timestamping != "off":
            number = _SO_TIMESTAMPNS if options.timestamping == "ns" else _SO_TIMESTAMP
            failure = "Failed to enable timestamping socket option, ignoring"
            self._try(failure, lambda: self._set(_SOL_SOCKET, number, 1))
        self._apply(_PRIORITY)
        if options.receive_buffer > 0:
            sizes = (_socket.SO_RCVBUF, _SO_RCVBUFFORCE, options.receive_buffer)
            self._try("SO_RCVBUF/SO_RCVBUFFORCE failed", lambda: self._set_size(*sizes), _NOT_ALLOWED)
        if options.send_buffer > 0:
            sizes = (_socket.SO_SNDBUF, _SO_SNDBUFFORCE, options.send_buffer)
            self._try("SO_SNDBUF/SO_SNDBUFFORCE failed", lambda: self._set_size(*sizes), _NOT_ALLOWED)
        for option in _AFTER_BUFFERS:
            self._apply(option)
        if options.ip_ttl >= 0:
            self._of_family("IP_TTL/IPV6_UNICAST_HOPS failed", _TIME_TO_LIVE, options.ip_ttl)
        if options.tcp_congestion:
            name = options.tcp_congestion.encode("utf-8", "surrogateescape") + b"\0"
            self._try("TCP_CONGESTION failed", lambda: self._set(_TCP, _TCP_CONGESTION, name))

    def _apply(self, option: _Option) -> None:
        value = option.value(self._options)
        if value is not None:
            self._try(option.failure, lambda: self._set(option.level, option.number, value))

    def _of_family(self, failure: str, options: dict[int, tuple[int, int]], value: int) -> None:
        def set_it() -> None:
            if self._socket.family not in options:
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            self._set(*options[self._socket.family], value)

        self._try(failure, set_it)

    def _set(self, level: int, number: int, value: int | bytes) -> None:
        syscalls.set_socket_option(self._socket.fileno(), level, number, value)

    def _set_size(self, number: int, force: int, size: int) -> None:
        """Set the size of a buffer, beyond the kernel's limit if we may."""
        if size > 2**31 - 1:
            raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
        doubled = size * 2  # the kernel keeps as much again for itself, and tells both
        if syscalls.get_socket_option(self._socket.fileno(), _SOL_SOCKET, number) != doubled:
            self._set(_SOL_SOCKET, number, size)
            if syscalls.get_socket_option(self._socket.fileno(), _SOL_SOCKET, number) != doubled:
                self._set(_SOL_SOCKET, force, size)

    def _try(self, failure: str, do: Callable[[], object], unimportant: tuple[int, ...] = ()) -> None:
        try:
            do()
        except OSError as error:
            level = LOG_DEBUG if error.errno in unimportant else LOG_WARNING
            self.problems.append((level, f"{failure}: {error.strerror}"))
