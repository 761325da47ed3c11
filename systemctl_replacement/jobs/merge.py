"""How two jobs for the same unit combine into one: the algebra of job types.

The rules are those of systemd 252: a fixed table says how two types merge; what a request means depends on the unit's
active state (`collapse`); a job that would change nothing is redundant.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import (
    ACTIVE_STATES,
    INACTIVE_OR_DEACTIVATING_STATES,
    INACTIVE_STATES,
    NOP,
    RELOAD,
    RELOAD_OR_START,
    RESTART,
    START,
    STOP,
    TRY_RELOAD,
    TRY_RESTART,
    VERIFY_ACTIVE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# Pairs that are missing here conflict, such as stop with everything else.
_MERGED = {
    frozenset({START, VERIFY_ACTIVE}): START,
    frozenset({START, RELOAD}): RELOAD_OR_START,
    frozenset({START, RESTART}): RESTART,
    frozenset({VERIFY_ACTIVE, RELOAD}): RELOAD,
    frozenset({VERIFY_ACTIVE, RESTART}): RESTART,
    frozenset({RELOAD, RESTART}): RESTART,
}


def merge(first: str, second: str) -> Optional[str]:
    """The type that does the work of both (possibly the compound reload-or-start), None if they conflict."""
    if first == second:
        return first
    return _MERGED.get(frozenset({first, second}))


def collapse(job_type: str, active_state: str) -> str:
    """The job type that a request means for a unit in this state. Installable types are returned unchanged."""
    if job_type == TRY_RESTART:
        return NOP if active_state in INACTIVE_OR_DEACTIVATING_STATES else RESTART
    if job_type == TRY_RELOAD:
        return RELOAD if active_state in ACTIVE_STATES else NOP
    if job_type == RELOAD_OR_START:
        return RELOAD if active_state in ACTIVE_STATES else START
    return job_type


def merge_and_collapse(first: str, second: str, active_state: str) -> Optional[str]:
    """`merge`, then `collapse`; None if the types conflict."""
    merged = merge(first, second)
    return None if merged is None else collapse(merged, active_state)


def conflicting(first: str, second: str) -> bool:
    """Whether one of the two jobs would undo the other."""
    return merge(first, second) is None


def superset(job_type: str, other: str) -> bool:
    """Whether a job of `job_type` does everything that one of type `other` would do."""
    return merge(job_type, other) == job_type


def redundant(job_type: str, active_state: str) -> bool:
    """Whether the job would change nothing for a unit in this state. Restarts always change something."""
    if job_type in (START, VERIFY_ACTIVE):
        return active_state in ACTIVE_STATES
    if job_type == STOP:
        return active_state in INACTIVE_STATES
    if job_type == RELOAD:
        return active_state == "reloading"
    return job_type == NOP


def joins_running(running: str, job_type: str) -> bool:
    """Whether a running job also serves a new request, without running again.

    A reload never does: the configuration may have changed since it was read.
    """
    return job_type != RELOAD and superset(running, job_type)
