"""How a job ends, and what its end does to other jobs.

`result_of_state` derives a job's result from the state that its unit has reached. `finish` says which other jobs end
with it. The rules are those of systemd 252: jobs of units that need one that failed to start fail with "dependency"; a
restart whose stop is done goes on as a start.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import (
    ACTIVE_STATES,
    DEPENDENCY,
    DONE,
    FAILED,
    INACTIVE_STATES,
    RELOAD,
    RESTART,
    RUNNING,
    START,
    STOP,
    TIMEOUT,
    VERIFY_ACTIVE,
    WAITING,
    Job,
    View,
)
from systemctl_replacement.records import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

_FAIL_WITH_START = ("RequiredBy", "RequisiteOf", "BoundBy")
_FAIL_WITH_STOP = ("ConflictedBy",)
_FAIL_WITHOUT_ACTIVE = ("RequisiteOf",)


@dataclass(frozen=True)
class Ending:
    """What the end of a job changes. Take `finished` out of the job table in this order, then install `again`."""

    finished: tuple[tuple[Job, str], ...]
    """(job, result) of the job itself, unless it goes on as `again`, and of those that fail with it."""
    again: Optional[Job]
    """The start job as which a restart goes on when its stop is done, with the same id."""
    on_failure: tuple[str, ...]
    """Units whose OnFailure= is to be started because their jobs ended as timeout or dependency. (In a unit that enters
    the state "failed" this state triggers OnFailure=, not the job.)"""
    wake: tuple[str, ...]
    """Units whose jobs may be able to run now."""


@dataclass(frozen=True)
class Progress:
    """What a unit's new active state means for its job."""

    result: Optional[str]
    """The job's result if the state ends it, otherwise None."""
    unexpected: bool
    """Whether no job asked for this change of state, so that `consequences.retroactive` applies."""


def finish(view: View, job: Job, result: str, *, recursive: bool = True) -> Ending:
    """What happens when `job` ends with `result`. `recursive` is false for a job that another replaces (canceled)."""
    if result == DONE and job.type == RESTART:
        again = replace(job, type=START, state=WAITING)
        return Ending((), again, (), (job.unit, *_ordered_with_jobs(view, job.unit, set())))
    finished = [(job, result)]
    reported: list[tuple[Job, str]] = []
    gone = {job.unit}
    # Depth first, without using the interpreter's stack.
    path = [(job, result, _failing_with(view, job, result) if recursive else iter(()))]
    while path:
        ended, how, others = path[-1]
        other = next((other for other in others if other.unit not in gone), None)
        if other is None:
            path.pop()
            reported.append((ended, how))
        else:
            gone.add(other.unit)
            finished.append((other, DEPENDENCY))
            path.append((other, DEPENDENCY, _failing_with(view, other, DEPENDENCY)))
    # As in systemd, the furthest down the chain are reported first.
    reported = [(ended, how) for ended, how in reported if how in (TIMEOUT, DEPENDENCY)]
    wake: dict[str, None] = {}
    for ended, _ in finished:
        wake.update(dict.fromkeys(_ordered_with_jobs(view, ended.unit, gone)))
    return Ending(tuple(finished), None, tuple(ended.unit for ended, _ in reported), tuple(wake))


def _failing_with(view: View, job: Job, result: str) -> Iterator[Job]:
    for kind in _fails_with(view, job, result):
        for unit in view.dependencies(job.unit, kind):
            other = view.job(unit)
            if other is not None and other.type in (START, VERIFY_ACTIVE):
                yield other


def _fails_with(view: View, job: Job, result: str) -> tuple[str, ...]:
    if result != DONE:
        if job.type in (START, VERIFY_ACTIVE):
            return _FAIL_WITH_START
        return _FAIL_WITH_STOP if job.type == STOP else ()
    # An unmet condition ends a start job as done, but Requisite= asks for an active unit.
    if job.type in (START, RELOAD) and view.active_state(job.unit) not in ACTIVE_STATES:
        return _FAIL_WITHOUT_ACTIVE
    return ()


def _ordered_with_jobs(view: View, unit: str, gone: set[str]) -> list[str]:
    return [
        other
        for kind in ("After", "Before")
        for other in view.dependencies(unit, kind)
        if other not in gone and view.job(other) is not None
    ]


def result_of_state(job: Job, active_state: str, reload_succeeded: bool = True) -> Progress:
    """What the unit's new active state means for its job, which is not a nop job."""
    running = job.state == RUNNING
    broken = FAILED if active_state == "failed" else DONE
    if job.type in (START, VERIFY_ACTIVE):
        if active_state in ACTIVE_STATES:
            return Progress(DONE, False)
        if running and active_state != "activating":
            return Progress(broken if active_state in INACTIVE_STATES else None, True)
    elif job.type == RELOAD:
        if running and active_state == "active":
            return Progress(DONE if reload_succeeded else FAILED, False)
        if running and active_state not in ("activating", "reloading"):
            return Progress(broken if active_state in INACTIVE_STATES else None, True)
    elif job.type in (STOP, RESTART):
        if active_state in INACTIVE_STATES:
            return Progress(DONE, False)
        if running and active_state != "deactivating":
            return Progress(FAILED, True)
    return Progress(None, False)
