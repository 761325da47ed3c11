"""The settings of a socket that its state machine needs, in one frozen record.

Sources: systemd.socket(5), systemd.kill(5). Times are microseconds, INFINITY means no limit.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.commands.config import ExecSettings, exec_settings
from systemctl_replacement.units.listen_on import ListenOn, SocketOptions, listen_on, options_of, take_ownership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The directives that hold commands, in the order in which they run.
PHASES = ("ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost")
# Stands where a directive with commands stands: SocketUser= and SocketGroup= take a process, too.
TAKE_OWNERSHIP = "start-chown"

_TRIGGER_LIMIT_INTERVAL_USEC = 2_000_000
# Connections are taken as they come; what has been started for all of them should see to the rest by itself.
_TRIGGER_LIMIT_BURST = {True: 200, False: 20}


@dataclass(frozen=True)
class SocketConfig(ExecSettings):
    """The settings of a socket; `from_unit` shows where each comes from."""

    addresses: tuple[tuple[str, ListenOn], ...] = ()  # by the name of the port that listens there
    options: SocketOptions = SocketOptions()
    service: str = ""  # what it starts; none under Accept=yes
    prefix: str = ""  # of the instances that it starts under Accept=yes
    accept: bool = False
    commands: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    timeout_usec: int = 90_000_000
    flush_pending: bool = False
    max_connections: int = 64
    max_connections_per_source: int = 0
    trigger_limit_interval_usec: int = _TRIGGER_LIMIT_INTERVAL_USEC
    trigger_limit_burst: int = _TRIGGER_LIMIT_BURST[False]

    @property
    def timeout_stop_usec(self) -> int:
        """TimeoutSec= is for everything."""
        return self.timeout_usec

    def phase(self, name: str) -> tuple[Any, ...]:
        """The commands of one directive, () when there are none."""
        return self.commands.get(name, ())

    @staticmethod
    def from_unit(unit: Unit, manager: ManagerConfig) -> SocketConfig:
        """Read a loaded socket; what the unit leaves open comes from the manager's configuration."""
        if not unit.settings:  # it has no file, but every service names systemd-journald.socket
            return SocketConfig(prefix=names.prefix_of(unit.id), timeout_usec=manager.default_timeout_start)

        def get(name: str) -> Any:
            return unit.get("Socket", name)

        def first(name: str, default: int) -> int:
            value = get(name)
            return default if value is None else int(value)

        interval = first("TriggerLimitIntervalSec", INFINITY)

        accept, ownership = get("Accept"), take_ownership(unit)
        return SocketConfig(
            addresses=_named(listen_on(unit)),
            options=options_of(unit),
            service="" if accept else next(iter(unit.dependencies.get("Triggers", ())), ""),
            prefix=names.prefix_of(unit.id),
            accept=accept,
            commands={
                **{name: tuple(get(name) or ()) for name in PHASES},
                TAKE_OWNERSHIP: () if ownership is None else (ownership,),
            },
            timeout_usec=first("TimeoutSec", manager.default_timeout_start),
            flush_pending=get("FlushPending"),
            max_connections=get("MaxConnections"),
            max_connections_per_source=get("MaxConnectionsPerSource"),
            trigger_limit_interval_usec=_TRIGGER_LIMIT_INTERVAL_USEC if interval == INFINITY else interval,
            trigger_limit_burst=first("TriggerLimitBurst", _TRIGGER_LIMIT_BURST[accept]),
            **exec_settings(get),
        )


def _named(listens: tuple[ListenOn, ...]) -> tuple[tuple[str, ListenOn], ...]:
    """What is listened on, each by the name of its port: what stays the same in a changed file keeps its name."""
    found: dict[str, ListenOn] = {}
    for on in listens:
        name = again = f"{on.type} {on.address}"
        number = 1
        while again in found:
            number += 1
            again = f"{name} {number}"
        found[again] = on
    return tuple(found.items())
