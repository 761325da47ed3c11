"""What a socket unit listens on: all that is needed to make each of its descriptors (systemd.socket(5)).

Read from the unit's file here, made by manager/ports/. Paths are as the file has them, without the root of `--root=`.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.directives.table import section_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

STREAM, DATAGRAM, SEQUENTIAL_PACKET = "Stream", "Datagram", "SequentialPacket"
FIFO, SPECIAL, NETLINK = "FIFO", "Special", "Netlink"
MESSAGE_QUEUE, USB_FUNCTION = "MessageQueue", "USBFunction"

BY_ADDRESS = (STREAM, DATAGRAM, SEQUENTIAL_PACKET)


# The directive of each field of SocketOptions.
_DIRECTIVES = {
    "protocol": "SocketProtocol",
    "bind_ipv6_only": "BindIPv6Only",
    "backlog": "Backlog",
    "bind_to_device": "BindToDevice",
    "socket_mode": "SocketMode",
    "directory_mode": "DirectoryMode",
    "writable": "Writable",
    "keep_alive": "KeepAlive",
    "keep_alive_time": "KeepAliveTimeSec",
    "keep_alive_interval": "KeepAliveIntervalSec",
    "keep_alive_probes": "KeepAliveProbes",
    "defer_accept": "DeferAcceptSec",
    "no_delay": "NoDelay",
    "priority": "Priority",
    "receive_buffer": "ReceiveBuffer",
    "send_buffer": "SendBuffer",
    "ip_tos": "IPTOS",
    "ip_ttl": "IPTTL",
    "mark": "Mark",
    "pipe_size": "PipeSize",
    "free_bind": "FreeBind",
    "transparent": "Transparent",
    "broadcast": "Broadcast",
    "pass_credentials": "PassCredentials",
    "pass_security": "PassSecurity",
    "pass_packet_info": "PassPacketInfo",
    "timestamping": "Timestamping",
    "tcp_congestion": "TCPCongestion",
    "reuse_port": "ReusePort",
    "max_messages": "MessageQueueMaxMessages",
    "message_size": "MessageQueueMessageSize",
}


def _default(field: str) -> Any:
    return section_table("Socket")[_DIRECTIVES[field]].default


@dataclass(frozen=True)
class SocketOptions:
    """What all descriptors of a unit have in common; each means what the directive of its name means.

    Times are microseconds; -1, 0 and "" stand for what is not set.
    """

    protocol: str = _default("protocol")
    bind_ipv6_only: str = _default("bind_ipv6_only")
    backlog: int = _default("backlog")
    bind_to_device: str = _default("bind_to_device")
    socket_mode: int = _default("socket_mode")
    directory_mode: int = _default("directory_mode")
    writable: bool = _default("writable")
    keep_alive: bool = _default("keep_alive")
    keep_alive_time: int = _default("keep_alive_time")
    keep_alive_interval: int = _default("keep_alive_interval")
    keep_alive_probes: int = _default("keep_alive_probes")
    defer_accept: int = _default("defer_accept")
    no_delay: bool = _default("no_delay")
    priority: int = _default("priority")
    receive_buffer: int = _default("receive_buffer")
    send_buffer: int = _default("send_buffer")
    ip_tos: int = _default("ip_tos")
    ip_ttl: int = _default("ip_ttl")
    mark: int = _default("mark")
    pipe_size: int = _default("pipe_size")
    free_bind: bool = _default("free_bind")
    transparent: bool = _default("transparent")
    broadcast: bool = _default("broadcast")
    pass_credentials: bool = _default("pass_credentials")
    pass_security: bool = _default("pass_security")
    pass_packet_info: bool = _default("pass_packet_info")
    timestamping: str = _default("timestamping")
    tcp_congestion: str = _default("tcp_congestion")
    reuse_port: bool = _default("reuse_port")
    max_messages: int = _default("max_messages")
    message_size: int = _default("message_size")


_COMMON = SocketOptions()


@dataclass(frozen=True)
class ListenOn:
    """One descriptor of a socket unit.

    type: the directive without "Listen"; address: what it was given; symlinks: made to it (Symlinks=); remove: nothing
    of it is left when it is closed (RemoveOnStop=).
    """

    type: str
    address: str
    options: SocketOptions = _COMMON
    symlinks: tuple[str, ...] = ()
    remove: bool = False

    @property
    def path(self) -> str:
        """Where it is in the file system, "" if it is not there as a socket or a FIFO."""
        has_path = self.type == FIFO or (self.type in BY_ADDRESS and self.address.startswith("/"))
        return self.address if has_path else ""

    @property
    def accepts(self) -> bool:
        """Whether connections to it can be accepted (Accept=yes)."""
        return self.type in (STREAM, SEQUENTIAL_PACKET)


@dataclass(frozen=True)
class TakeOwnership:
    """SocketUser= and SocketGroup= of what is at these paths: stands for a command in a Spawn action, since who that is
    must be looked up, which may take long. It ends with systemd's exit status for what could not be done."""

    user: str
    group: str
    paths: tuple[str, ...]
    ignore_failure: bool = False  # as commands have it


def options_of(unit: Unit) -> SocketOptions:
    """What all descriptors of a loaded socket unit have in common, and the connections to them."""
    keys = {name: ("Socket", directive) for name, directive in _DIRECTIVES.items()}
    assigned: dict[str, Any] = {name: unit.settings[key] for name, key in keys.items() if key in unit.settings}
    return SocketOptions(**assigned) if assigned else _COMMON


def listen_on(unit: Unit) -> tuple[ListenOn, ...]:
    """What a loaded socket unit listens on, in the order of its file."""
    options = options_of(unit)
    remove = bool(unit.get("Socket", "RemoveOnStop"))
    found = [
        ListenOn(directive.removeprefix("Listen"), address, options, remove=remove)
        for directive, address in unit.get("Socket", "Listen")
    ]
    symlinks = tuple(unit.get("Socket", "Symlinks"))
    if symlinks:  # there is one path, or the unit was refused
        found = [ListenOn(on.type, on.address, options, symlinks, remove) if on.path else on for on in found]
    return tuple(found)


def take_ownership(unit: Unit) -> TakeOwnership | None:
    """Whom the sockets of a loaded unit are given to. None if it asks for nothing of the kind."""
    user, group = unit.get("Socket", "SocketUser") or "", unit.get("Socket", "SocketGroup") or ""
    paths = tuple([on.path for on in listen_on(unit) if on.path])
    return TakeOwnership(user, group, paths) if (user or group) else None
