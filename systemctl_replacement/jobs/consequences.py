"""Jobs that nobody asked for: they follow from a unit's change of state.

A unit that came up or went down without a job takes its dependencies along (retroactively). A unit is stopped when
nobody needs it (StopWhenUnneeded=) or when what it is bound to is gone (BindsTo=), and started when an active unit
upholds it (Upholds=). The manager asks these questions when states change, and enqueues the answers.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import (
    ACTIVE_OR_ACTIVATING_STATES,
    ACTIVE_STATES,
    INACTIVE_OR_DEACTIVATING_STATES,
    INACTIVE_STATES,
    MODE_FAIL,
    MODE_REPLACE,
    START,
    STOP,
    View,
)
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_PINNED_BY = ("RequiredBy", "RequisiteOf", "WantedBy", "BoundBy", "UpheldBy")
_PINS = ("Requires", "Requisite", "Wants", "BindsTo", "Upholds")


@dataclass(frozen=True)
class Consequence:
    """A job to enqueue. A failure to do so is only worth a log line."""

    unit: str
    type: str
    mode: str


def retroactive(view: View, unit: str, old_state: str, new_state: str) -> list[Consequence]:
    """The jobs that follow from a change of active state without a job."""
    consequences: list[Consequence] = []
    if old_state in INACTIVE_STATES and new_state in ACTIVE_OR_ACTIVATING_STATES:
        after = view.dependencies(unit, "After")
        for kind, mode in (
            ("Requires", MODE_REPLACE),
            ("BindsTo", MODE_REPLACE),
            ("Upholds", MODE_REPLACE),
            ("Wants", MODE_FAIL),
        ):
            for other in view.dependencies(unit, kind):
                # A unit that should have been up earlier is not started afterwards.
                if other not in after and view.active_state(other) not in ACTIVE_OR_ACTIVATING_STATES:
                    consequences.append(Consequence(other, START, mode))
        consequences += _stops(view, unit, ("Conflicts", "ConflictedBy"))
    elif old_state in ACTIVE_OR_ACTIVATING_STATES and new_state in INACTIVE_OR_DEACTIVATING_STATES:
        consequences += _stops(view, unit, ("BoundBy", "PropagatesStopTo"))
    return list(dict.fromkeys(consequences))


def _stops(view: View, unit: str, kinds: tuple[str, ...]) -> list[Consequence]:
    return [
        Consequence(other, STOP, MODE_REPLACE)
        for kind in kinds
        for other in view.dependencies(unit, kind)
        if view.active_state(other) not in INACTIVE_OR_DEACTIVATING_STATES
    ]


def maybe_unneeded(view: View, unit: str) -> list[str]:
    """The units to ask `unneeded` about when `unit` has gone down or its job has ended."""
    others = dict.fromkeys(other for kind in _PINS for other in view.dependencies(unit, kind))
    return [other for other in (unit, *others) if view.stop_when_unneeded(other)]


def unneeded(view: View, unit: str) -> bool:
    """Whether StopWhenUnneeded= asks to stop the unit (mode fail)."""
    if not view.stop_when_unneeded(unit) or view.active_state(unit) != "active" or view.job(unit) is not None:
        return False
    return all(
        view.job(other) is None and view.active_state(other) in INACTIVE_STATES
        for kind in _PINNED_BY
        for other in view.dependencies(unit, kind)
    )


def bound_to_inactive(view: View, unit: str) -> Optional[str]:
    """The inactive unit that this one is bound to (BindsTo=), so that it is to be stopped (mode replace)."""
    if view.active_state(unit) != "active" or view.job(unit) is not None:
        return None
    for other in view.dependencies(unit, "BindsTo"):
        if view.job(other) is None and view.active_state(other) in INACTIVE_STATES:
            return other
    return None


def upheld_by(view: View, unit: str) -> Optional[str]:
    """The active unit whose Upholds= asks to start this one (mode fail)."""
    if view.active_state(unit) not in INACTIVE_STATES or view.job(unit) is not None:
        return None
    for other in view.dependencies(unit, "UpheldBy"):
        if view.job(other) is None and view.active_state(other) in ACTIVE_STATES:
            return other
    return None
