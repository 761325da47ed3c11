"""The state of a socket: plain frozen data, so that it can be shown, tested and carried over a re-execution."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.commands.leaving import LeavingState


@dataclass(frozen=True)
class Connection:
    """A connection that an instance has been started for (Accept=yes). `port` is what it was called when it was ours,
    `source` the address that MaxConnectionsPerSource= counts by ("": none that it counts)."""

    port: str
    unit: str
    source: str = ""


@dataclass(frozen=True)
class Accepting:
    """A connection that has been asked for: the port that it comes to, and the one that it will be."""

    port: str
    connection: str


@dataclass(frozen=True)
class SocketState(LeavingState):
    """Everything that changes in the life of a socket. Ports are called as in its configuration."""

    open: tuple[str, ...] = ()  # the ports that are there
    opening: str = ""  # the port that has been asked for
    accepting: tuple[Accepting, ...] = ()
    connections: tuple[Connection, ...] = ()
    accepted: int = 0  # connections that got an instance, since the unit was loaded
    refused: int = 0  # and those that got none
    triggers: tuple[int, ...] = ()  # what counts them for TriggerLimitBurst= (units/ratelimit.py)
