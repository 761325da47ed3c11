"""What machines may ask about dates, which depends on time zones and on the system, and so is answered from outside.

And the events and actions about them: units/events.py has all others, and says what they are.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Protocol
else:
    Protocol = object


class Dates(Protocol):
    """Times are microseconds since the epoch."""

    def next_elapse(self, specification: str, after: int) -> Optional[int]:
        """When a calendar event in normal form (systemd.time(7)) comes for the first time after another time; None:
        never, or nobody can say."""

    def fixed_random(self, unit: str) -> int:
        """A number of 64 bits that is always the same for a unit of this machine and user (FixedRandomDelay=)."""

    def shown(self, when: int) -> str:
        """A time as systemd writes it in messages, in local time."""


@dataclass(frozen=True)
class ZoneChanged:
    """Answer to SetClock, once, of the realtime clock: local time is that of another time zone."""

    port: str


@dataclass(frozen=True)
class WriteStamp:
    """Write down, in the file that the kind names (`Kind.stamp_file`), when the unit has done what it does at certain
    times: realtime microseconds, None for now."""

    at: Optional[int]
