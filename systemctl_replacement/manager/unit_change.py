"""A unit's change of state, as everybody is told who may have to act on it (`unit_driver.Driver.unit_changed`)."""

from __future__ import annotations

import os

from systemctl_replacement.jobs.outcome import Progress, result_of_state
from systemctl_replacement.loop import now_stamp
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.records import dataclass
from systemctl_replacement.units.events import Changed
from systemctl_replacement.units.states import (
    ACTIVE,
    ACTIVE_OR_RELOADING,
    INACTIVE,
    INACTIVE_OR_FAILED,
    SKIP_CONDITION,
)

# Without a job nobody has asked for a change.
_NO_JOB = Progress(None, True)


@dataclass(frozen=True)
class UnitChange:
    """A unit has entered a sub-state; `old` and `new` are active states, and may be the same.

    progress: what it means for the job that the unit has had. will_restart: the machine starts the unit again.
    """

    unit: ManagedUnit
    old: str
    new: str
    progress: Progress
    will_restart: bool = False

    @property
    def went_down(self) -> bool:
        """The unit is inactive or failed, and was not before; or the other one of the two."""
        return self.old != self.new and self.new in INACTIVE_OR_FAILED

    @property
    def came_up(self) -> bool:
        return self.new in ACTIVE_OR_RELOADING and self.old not in ACTIVE_OR_RELOADING


def change(unit: ManagedUnit, old: str, changed: Changed) -> UnitChange:
    """What is to be told of a unit whose machine says that it has entered a state; stamped on the unit itself."""
    new = changed.active
    if changed.result == SKIP_CONDITION:
        unit.condition_result = False  # ExecCondition= counts like the others
    if old != new:
        _stamp(unit, old, new)
    progress = _NO_JOB if unit.job is None else result_of_state(unit.job, new, not changed.reload_failed)
    return UnitChange(unit, old, new, progress, changed.will_restart)


def found_up(unit: ManagedUnit) -> None:
    """Stamp a unit that is up without having been started."""
    _stamp(unit, INACTIVE, ACTIVE)


def new_invocation() -> str:
    """A new invocation id (systemd.exec(5), $INVOCATION_ID)."""
    return os.urandom(16).hex()


def _stamp(unit: ManagedUnit, old: str, new: str) -> None:
    stamp = now_stamp()
    unit.stamps["StateChange"] = stamp
    if old in INACTIVE_OR_FAILED and new not in INACTIVE_OR_FAILED:
        unit.stamps["InactiveExit"] = stamp
    elif old not in INACTIVE_OR_FAILED and new in INACTIVE_OR_FAILED:
        unit.stamps["InactiveEnter"] = stamp
    if old not in ACTIVE_OR_RELOADING and new in ACTIVE_OR_RELOADING:
        unit.stamps["ActiveEnter"] = stamp
    elif old in ACTIVE_OR_RELOADING and new not in ACTIVE_OR_RELOADING:
        unit.stamps["ActiveExit"] = stamp
