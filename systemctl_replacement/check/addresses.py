"""Which addresses of Listen…= (systemd.socket(5)) exclude each other: two sockets cannot have them at the same time."""

from __future__ import annotations

from systemctl_replacement.records import dataclass

_PORTS = {"ListenStream": "stream", "ListenSequentialPacket": "packet", "ListenDatagram": "datagram"}
_EVERY_IPV4, _EVERY_IPV6 = "0.0.0.0", "::"


@dataclass(frozen=True)
class Address:
    """An address: `kind` tells apart what never gets into each other's way; `host` and `port` are "" for a path."""

    kind: str
    path: str
    host: str = ""
    port: str = ""
    only_ipv6: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """What two of them have in common that exclude each other."""
        return self.kind, self.path or self.port


def address(directive: str, text: str, protocol: str = "", only_ipv6: bool = False) -> Address:
    """Of one Listen…= with its value. `protocol`: SocketProtocol=. `only_ipv6`: BindIPv6Only=ipv6-only."""
    kind = protocol or _PORTS.get(directive, directive)
    if directive not in _PORTS or text.startswith("vsock:"):
        return Address(directive, text)
    if text.startswith(("/", "@")):
        return Address("path", text)
    host, _, port = text.partition("%")[0].rpartition(":")
    return Address(kind, "", host.strip("[]") or _EVERY_IPV6, port, only_ipv6)


def exclude(one: Address, other: Address) -> bool:
    """Whether the second one to be bound gets EADDRINUSE."""
    if one.place != other.place:
        return False
    hosts = {one.host, other.host}
    if len(hosts) == 1:
        return True
    everywhere = [each for each in (one, other) if each.host == _EVERY_IPV6]
    if everywhere:
        remaining = (hosts - {_EVERY_IPV6}).pop()
        return ":" in remaining or not everywhere[0].only_ipv6
    return _EVERY_IPV4 in hosts and not any(":" in host for host in hosts)
