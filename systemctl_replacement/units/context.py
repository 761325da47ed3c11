"""What the step of a machine may know besides its configuration, its state and the event."""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

    from systemctl_replacement.units.dates import Dates
    from systemctl_replacement.units.events import PidFileRead, Stamp


@dataclass(frozen=True)
class Other:
    """What a unit may know of one that it triggers. job: the type of its job, "" for none; stamps: when it came to
    where, by the names of the properties without "Timestamp" (ActiveEnter, InactiveExit …); limit_hit: it was to be
    started once more, and too often (StartLimitBurst=)."""

    load_state: str
    active: str
    sub: str
    result: str
    job: str
    stamps: Mapping[str, Stamp]
    limit_hit: bool = False


@dataclass(frozen=True)
class Context:
    """What a step may know besides configuration, state and event."""

    now: int  # monotonic microseconds
    realtime: int = 0  # microseconds
    random: float = 0.0  # from [0, 1), for RuntimeRandomizedExtraSec=
    stop_pending: bool = False  # a stop job is queued for the unit
    restart_pending: bool = False  # the stop is the first half of a restart job
    start_pending: bool = False  # a start job waits for its turn
    pid_file: Optional[PidFileRead] = None  # what PIDFile= says, at the end of the main or the control process
    boot: Stamp = (0, 0)  # when init was started
    triggered: Optional[Mapping[str, Other]] = None  # the units in Triggers=, for a unit that triggers others
    dates: Optional[Dates] = None
    stamp: Optional[int] = None  # at Start: what WriteStamp has written last, 0: nothing; None: nobody knows
