"""Which other jobs a job needs: dependencies turned into candidates of a transaction.

The rules are those of systemd.unit(5) and of systemd's behaviour. Starting pulls in Requires= and BindsTo=, also Wants=
and Upholds= (whose failure does not matter), demands that Requisite= is active, and stops Conflicts=. Stopping a unit
stops what requires it, is bound to it or is part of it; restarting restarts those of them that run. Reloading passes on
to PropagatesReloadTo=.

What still runs under a name that is another unit's now is stopped as that, but never started: the other one is, and
makes it stop first, so that the two never become one program that runs twice.
"""

from __future__ import annotations

from systemctl_replacement.jobs.draft import Candidate, Draft
from systemctl_replacement.jobs.merge import collapse
from systemctl_replacement.jobs.model import (
    ACTIVE_OR_ACTIVATING_STATES,
    INACTIVE_STATES,
    NOP,
    RELOAD,
    RESTART,
    START,
    STOP,
    TRY_RELOAD,
    TRY_RESTART,
    VERIFY_ACTIVE,
    JobError,
    View,
)
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Optional

NOT_APPLICABLE = "org.freedesktop.systemd1.JobTypeNotApplicable"
NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
UNIT_MASKED = "org.freedesktop.systemd1.UnitMasked"
BAD_UNIT_SETTING = "org.freedesktop.systemd1.BadUnitSetting"
LOAD_FAILED = "org.freedesktop.systemd1.LoadFailed"

# It is normal to want a unit that does not exist, is masked or cannot do this: a debug line is enough.
_EXPECTED_OF_WANTED = (NO_SUCH_UNIT, UNIT_MASKED, NOT_APPLICABLE)

_PULLED_IN_HARD = (("Requires", START), ("BindsTo", START))
_PULLED_IN_SOFT = (("Wants", START), ("Upholds", START))
_STOP_PROPAGATES_TO = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo")

if TYPE_CHECKING:
    _Steps = Generator["_Steps", None, None]


def check_loaded(view: View, unit: str) -> None:
    """Raise systemd's error for a unit that could not be loaded."""
    state = view.load_state(unit)
    if state == "loaded":
        return
    if state == "not-found":
        raise JobError(NO_SUCH_UNIT, f"Unit {unit} not found.")
    if state == "masked":
        raise JobError(UNIT_MASKED, f"Unit {unit} is masked.")
    if state == "bad-setting":
        raise JobError(BAD_UNIT_SETTING, f"Unit {unit} has a bad unit file setting.")
    error = view.load_error(unit) or (
        LOAD_FAILED,
        f"Unit {unit} failed to load properly, please adjust/correct and reload service manager: Invalid argument",
    )
    raise JobError(*error)


def add_anchor(draft: Draft, unit: str, job_type: str, *, ignore_requirements: bool, ignore_order: bool) -> None:
    """Add the requested job and everything it needs. Raises JobError if something it cannot do without fails."""
    _run(_add(draft, unit, job_type, None, False, False, ignore_requirements, ignore_order))


def add_isolate_stops(draft: Draft) -> None:
    """Add a stop job for everything that runs and is not part of the transaction (mode isolate)."""
    view = draft.view
    wanted = set(draft.jobs)

    def kept(unit: str) -> bool:
        return view.ignore_on_isolate(unit) or unit in wanted

    for unit in list(view.units()):
        if _idle(view, unit) or kept(unit) or unit in draft.jobs:
            continue
        # A unit stays if what triggers it stays, such as the service of a socket.
        if any(kept(other) for other in view.dependencies(unit, "TriggeredBy")):
            continue
        _add_stop(draft, unit, "Cannot add isolate job, ignoring: %s")


def add_triggering_stops(draft: Draft, unit: str) -> None:
    """Add a stop job for the units that would start the stopped unit again (mode triggering)."""
    for trigger in draft.view.dependencies(unit, "TriggeredBy"):
        if not _idle(draft.view, trigger) and trigger not in draft.jobs:
            _add_stop(draft, trigger, "Cannot add triggered by job, ignoring: %s")


def _idle(view: View, unit: str) -> bool:
    return view.active_state(unit) in INACTIVE_STATES and view.job(unit) is None


def _add_stop(draft: Draft, unit: str, complaint: str) -> None:
    try:
        _run(_add(draft, unit, STOP, draft.anchor, True, False, False, False))
    except JobError as error:
        draft.log.append((unit, LOG_WARNING, complaint % error.message))


def _run(steps: _Steps) -> None:
    """Run steps that wait for other steps: recursion that does not use the interpreter's stack."""
    stack = [steps]
    raised: Optional[JobError] = None
    while stack:
        try:
            if raised is None:
                stack.append(next(stack[-1]))
            else:
                error, raised = raised, None
                stack.append(stack[-1].throw(error))
        except StopIteration:
            stack.pop()
        except JobError as error:
            stack.pop()
            raised = error
    if raised is not None:
        raise raised


def _add(
    draft: Draft,
    unit: str,
    job_type: str,
    by: Optional[Candidate],
    matters: bool,
    conflicts: bool,
    ignore_requirements: bool,
    ignore_order: bool,
) -> _Steps:
    view = draft.view
    if job_type in (START, RESTART, VERIFY_ACTIVE):
        unit = view.heir(unit)
    # There is nothing to do for a nop job, not even for a masked unit: a try-restart of one succeeds.
    if job_type != STOP and not (job_type == NOP and view.load_state(unit) == "masked"):
        check_loaded(view, unit)
    if not view.applicable(unit, job_type):
        raise JobError(NOT_APPLICABLE, f"Job type {job_type} is not applicable for unit {unit}.")
    job, new = draft.add(unit, job_type)
    job.ignore_order |= ignore_order
    draft.link(by, job, matters=matters, conflicts=conflicts)
    begins = job_type == RESTART or (job_type == START and view.active_state(unit) not in ACTIVE_OR_ACTIVATING_STATES)
    superseded = view.kept_apart(unit) if new and begins else ()
    for other in superseded:
        yield _add(draft, other, STOP, job, True, False, True, ignore_order)
    if not new or ignore_requirements or job_type == NOP:
        return

    def hard(other: str, other_type: str, conflicting: bool = False) -> _Steps:
        try:
            yield _add(draft, other, other_type, job, True, conflicting, False, ignore_order)
        except JobError as error:
            if error.name != NOT_APPLICABLE:
                raise

    def soft(other: str, other_type: str, complaint: str, expected: tuple[str, ...] = ()) -> _Steps:
        try:
            yield _add(draft, other, other_type, job, False, False, False, ignore_order)
        except JobError as error:
            level = LOG_DEBUG if error.name in expected else LOG_WARNING
            draft.log.append((other, level, complaint % error.message))

    if job_type in (START, RESTART):
        for kind, type_ in _PULLED_IN_HARD:
            for other in view.dependencies(unit, kind):
                yield hard(other, type_)
        for kind, type_ in _PULLED_IN_SOFT:
            for other in view.dependencies(unit, kind):
                yield soft(other, type_, "Cannot add dependency job, ignoring: %s", _EXPECTED_OF_WANTED)
        for other in view.dependencies(unit, "Requisite"):
            yield hard(other, VERIFY_ACTIVE)
        for other in view.dependencies(unit, "Conflicts"):
            yield hard(other, STOP, True)
        for other in view.dependencies(unit, "ConflictedBy"):
            # A halt conflicts with everything; a unit that cannot be stopped does not run.
            yield soft(other, STOP, "Cannot add dependency job, ignoring: %s", (NOT_APPLICABLE,))
    if job_type in (STOP, RESTART):
        # Restarting a unit must not start units that need it and do not run.
        passed_on = TRY_RESTART if job_type == RESTART else STOP
        for kind in _STOP_PROPAGATES_TO:
            for name in (unit, *superseded):
                for other in view.dependencies(name, kind):
                    other_type = collapse(passed_on, view.active_state(other))
                    if other_type != NOP:
                        yield hard(other, other_type)
    if job_type == RELOAD:
        for other in view.dependencies(unit, "PropagatesReloadTo"):
            other_type = collapse(TRY_RELOAD, view.active_state(other))
            if other_type != NOP:
                yield soft(other, other_type, "Cannot add dependency reload job, ignoring: %s")
