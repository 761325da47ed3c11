"""What a client may ask for: from the operation it names to a job type, or a refusal."""

from __future__ import annotations

from systemctl_replacement.jobs.merge import collapse
from systemctl_replacement.jobs.model import (
    RELOAD,
    RELOAD_OR_START,
    RESTART,
    START,
    STOP,
    TRY_RELOAD,
    TRY_RESTART,
    JobError,
    View,
)
from systemctl_replacement.jobs.pull import NO_SUCH_UNIT

ONLY_BY_DEPENDENCY = "org.freedesktop.systemd1.OnlyByDependency"

# Operation (named as in systemctl) → job type, and whether a unit that can reload is reloaded instead.
_OPERATIONS = {
    "start": (START, False),
    "stop": (STOP, False),
    "reload": (RELOAD, False),
    "restart": (RESTART, False),
    "try-restart": (TRY_RESTART, False),
    "reload-or-restart": (RESTART, True),
    "reload-or-try-restart": (TRY_RESTART, True),
}
OPERATIONS = tuple(_OPERATIONS)


def job_type(view: View, unit: str, operation: str) -> str:
    """The job type of an operation that a client asks for on a unit. Raises JobError where systemd refuses it."""
    type_, reload_if_possible = _OPERATIONS[operation]
    if reload_if_possible and view.can_reload(unit):
        type_ = RELOAD_OR_START if type_ == RESTART else TRY_RELOAD
    state = view.active_state(unit)
    if type_ == STOP and state == "inactive" and view.load_state(unit) in ("not-found", "error", "bad-setting"):
        raise JobError(NO_SUCH_UNIT, f"Unit {unit} not loaded.")
    restarts = type_ in (RESTART, TRY_RESTART)
    starts = type_ == START or restarts or (type_ == RELOAD_OR_START and collapse(type_, state) == START)
    stops = type_ == STOP or restarts
    if (starts and view.refuse_manual_start(unit)) or (stops and view.refuse_manual_stop(unit)):
        raise JobError(
            ONLY_BY_DEPENDENCY,
            f"Operation refused, unit {unit} may be requested by dependency only "
            "(it is configured to refuse manual start/stop).",
        )
    return type_
