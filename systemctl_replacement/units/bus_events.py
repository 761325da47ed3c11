"""Events and actions about the system bus (units/events.py has all others, and says what they are)."""

from __future__ import annotations

from systemctl_replacement.records import dataclass


@dataclass(frozen=True)
class BusNameChanged:
    """Who owns the unit's name on the system bus, whenever it changes, or is told anew: a connection, "" for none, and
    its process, 0 if it is none that may be the main one."""

    owner: str
    pid: int = 0
    alien: bool = False


@dataclass(frozen=True)
class BusMissing:
    """Answer to AwaitBusName: there is no bus, nor will there be one soon."""


@dataclass(frozen=True)
class BusLost:
    """The bus that the name was waited for on is gone; whether it will come back is not known."""


@dataclass(frozen=True)
class AwaitBusName:
    """The unit's name on the system bus is waited for; answered by BusNameChanged or BusMissing."""
