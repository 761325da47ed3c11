"""What is told of the processes of units."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.events import Event


@dataclass(frozen=True)
class ProcessEvent:
    """Something happened to a process of a unit.

    never_made: it is certain that there never was one, so that it may be asked for once more.
    """

    unit: str
    event: Event
    never_made: bool = False


@dataclass(frozen=True)
class Descriptors:
    """A notification of a unit came with descriptors, which are the one observer's from then on.

    refused: so many more had been closed before, as the unit may store none.
    """

    unit: str
    fields: dict[str, str]
    fds: list[int]
    refused: int = 0
