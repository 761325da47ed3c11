"""What a socket unit listens on: all that is needed to make each of its descriptors (systemd.socket(5)).

Read from the unit's file here, made by manager/ports/. Paths are as the file has them, without the root of `--root=`.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

STREAM, DATAGRAM, SEQUENTIAL_PACKET = "Stream", "Datagram", "SequentialPacket"
FIFO, SPECIAL, NETLINK = "FIFO", "Special", "Netlink"
MESSAGE_QUEUE, USB_FUNCTION = "MessageQueue", "USBFunction"

BY_ADDRESS = (STREAM, DATAGRAM, SEQUENTIAL_PACKET)


# The directive of each field of SocketOptions.
DIRECTIVES = {
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


@dataclass(frozen=True)
class SocketOptions:
    """What all descriptors of a unit have in common; each means what the directive of its name means.

    Times are microseconds; -1, 0 and "" stand for what is not set. The defaults are those of the directives, which are
    not read from their table: most managers never import that.
    """

    protocol: str = ""
    bind_ipv6_only: str = "default"
    backlog: int = 0xFFFFFFFF
    bind_to_device: str = ""
    socket_mode: int = 0o666
    directory_mode: int = 0o755
    writable: bool = False
    keep_alive: bool = False
    keep_alive_time: int = 0
    keep_alive_interval: int = 0
    keep_alive_probes: int = 0
    defer_accept: int = 0
    no_delay: bool = False
    priority: int = -1
    receive_buffer: int = 0
    send_buffer: int = 0
    ip_tos: int = -1
    ip_ttl: int = -1
    mark: int = -1
    pipe_size: int = 0
    free_bind: bool = False
    transparent: bool = False
    broadcast: bool = False
    pass_credentials: bool = False
    pass_security: bool = False
    pass_packet_info: bool = False
    timestamping: str = "off"
    tcp_congestion: str = ""
    reuse_port: bool = False
    max_messages: int = 0
    message_size: int = 0


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
    keys = {name: ("Socket", directive) for name, directive in DIRECTIVES.items()}
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
