"""The state of a timer: plain frozen data, so that it can be shown, tested and carried over a re-execution."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units.events import Stamp
from systemctl_replacement.units.states import ACTIVE, FAILED, INACTIVE, SUCCESS

ACTIVE_STATES = {"dead": INACTIVE, "waiting": ACTIVE, "running": ACTIVE, "elapsed": ACTIVE, "failed": FAILED}
"""The sub-states, and what each stands for."""

NEVER: Stamp = (0, 0)


@dataclass(frozen=True)
class TimerState:
    """Everything that changes in the life of a timer. All times are microseconds.

    since: when it was started. last_trigger: when it has elapsed last, also according to its stamp file, which knows no
    monotonic time; asked: when it has asked last for the other unit to be started. next: when each of the
    configured values elapses. disabled: the numbers of those that have elapsed for good. realtime and monotonic: the
    next of these times by either clock, 0: there is none, INFINITY: nothing is waited for.
    """

    sub: str = "dead"
    result: str = SUCCESS
    since: Stamp = NEVER
    last_trigger: Stamp = NEVER
    asked: Stamp = NEVER
    next: tuple[int, ...] = ()
    disabled: tuple[int, ...] = ()
    realtime: int = INFINITY
    monotonic: int = INFINITY
