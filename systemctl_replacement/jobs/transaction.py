"""From a request to a consistent set of jobs.

`build` collects the jobs that a request needs (pull.py), drops those that are redundant or that nobody needs, breaks
ordering loops at a job that is not essential, merges the jobs of each unit into one, checks that nothing irreversible
is undone, and says how the result changes the table of installed jobs. It changes nothing itself: the manager applies
the answer. The steps and their order are those of systemd 252, so that the same units survive the same conflict.
"""

from __future__ import annotations

from systemctl_replacement.jobs import pull
from systemctl_replacement.jobs.draft import Candidate, Draft
from systemctl_replacement.jobs.merge import (
    collapse,
    conflicting,
    joins_running,
    merge,
    merge_and_collapse,
    redundant,
)
from systemctl_replacement.jobs.model import (
    ACTIVE_OR_ACTIVATING_STATES,
    MODE_FAIL,
    MODE_FLUSH,
    MODE_IGNORE_DEPENDENCIES,
    MODE_IGNORE_REQUIREMENTS,
    MODE_ISOLATE,
    MODE_REPLACE,
    MODE_REPLACE_IRREVERSIBLY,
    MODE_TRIGGERING,
    MODES,
    NOP,
    RESTART,
    START,
    STOP,
    WAITING,
    Job,
    JobError,
    Transaction,
    View,
)
from systemctl_replacement.jobs.ordering import AFTER, BEFORE, find_cycle, goes_first
from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
NO_ISOLATION = "org.freedesktop.systemd1.NoIsolation"
DESTRUCTIVE = "org.freedesktop.systemd1.TransactionIsDestructive"
CONFLICTING = "org.freedesktop.systemd1.TransactionJobsConflicting"
CYCLIC = "org.freedesktop.systemd1.TransactionOrderIsCyclic"


def build(view: View, unit: str, job_type: str, mode: str = MODE_REPLACE, next_id: int = 1) -> Transaction:
    """The change of the job table that gives `unit` a job of `job_type` (any type, including compound ones).

    Raises JobError in systemd's words if the request is impossible. Its `log` has the lines to be logged all the same.
    """
    unit = view.canonical(unit)
    draft = Draft(view)
    try:
        _check_mode(view, unit, job_type, mode)
        pull.add_anchor(
            draft,
            unit,
            collapse(job_type, view.active_state(unit)),
            ignore_requirements=mode in (MODE_IGNORE_DEPENDENCIES, MODE_IGNORE_REQUIREMENTS),
            ignore_order=mode == MODE_IGNORE_DEPENDENCIES,
        )
        if mode == MODE_ISOLATE:
            pull.add_isolate_stops(draft)
        if mode == MODE_TRIGGERING:
            pull.add_triggering_stops(draft, unit)
        draft.mark_what_matters()
        if mode == MODE_FAIL:
            _minimise_impact(draft)
        _drop_redundant(draft)
        collect = mode != MODE_ISOLATE
        _break_cycles(draft, collect)
        _merge_all(draft, collect)
        _drop_redundant(draft)
        _refuse_destruction(draft, mode)
    except JobError as error:
        error.log = tuple(draft.log)
        raise
    return _install(draft, mode, next_id)


def _check_mode(view: View, unit: str, job_type: str, mode: str) -> None:
    if mode not in MODES:
        raise JobError(INVALID_ARGS, f"Job mode {mode} invalid")
    if mode == MODE_ISOLATE and job_type != START:
        raise JobError(INVALID_ARGS, "Isolate is only valid for start.")
    if mode == MODE_ISOLATE and not view.can_isolate(unit):
        raise JobError(NO_ISOLATION, "Operation refused, unit may not be isolated.")
    if mode == MODE_TRIGGERING and job_type != STOP:
        raise JobError(INVALID_ARGS, "--job-mode=triggering is only valid for stop.")


def _minimise_impact(draft: Draft) -> None:
    """Drop jobs that the anchor can do without and that would stop a running unit or reverse an installed job."""
    for candidates in list(draft.jobs.values()):
        for job in list(candidates):
            if job.matters or not draft.contains(job):
                continue
            stops = job.type == STOP and draft.view.active_state(job.unit) in ACTIVE_OR_ACTIVATING_STATES
            installed = draft.view.job(job.unit)
            if stops or (installed is not None and conflicting(job.type, installed.type)):
                draft.drop(job)


def _drop_redundant(draft: Draft) -> None:
    """Drop jobs that would change nothing. Jobs that only they pulled in become garbage."""
    for unit, candidates in list(draft.jobs.items()):
        state = draft.view.active_state(unit)
        installed = draft.view.job(unit)
        if all(
            job is not draft.anchor
            and redundant(job.type, state)
            and (installed is None or not conflicting(job.type, installed.type))
            for job in candidates
        ):
            for job in list(candidates):
                draft.remove(job)


def _break_cycles(draft: Draft, collect: bool) -> None:
    """Remove loops from the order of the jobs by dropping units that the anchor can do without.

    A restart is ordered like a stop until its stop is done, and like a start from then on, so both orders are checked.
    (systemd 252 only checks the first. Its jobs wait for each other forever if the second has a loop.)
    """
    for restarted in (False, True):
        acyclic: set[str] = set()
        while True:
            if collect:
                draft.collect_garbage()
            order = _Order(draft, restarted)
            loop = find_cycle(list(draft.jobs), order.successors, acyclic)
            if loop is None:
                break
            _break_cycle(draft, order, loop)


def _break_cycle(draft: Draft, order: _Order, loop: list[str]) -> None:
    names = [f"{unit}/{order.types[unit]}" for unit in loop]
    first = loop[-1]
    what = "ordering cycle"
    for name in names:
        draft.log.append((first, LOG_WARNING, f"Found {what} on {name}"))
        what = "dependency"
    for unit, name in zip(loop, names):
        if unit in draft.jobs and not draft.unit_matters(unit):
            message = f"Job {name} deleted to break ordering cycle starting with {names[-1]}"
            draft.log.append((first, LOG_ERR, message))
            draft.deleted.append(unit)
            draft.drop_unit(unit)
            return
    draft.log.append((first, LOG_ERR, f"Unable to break cycle starting with {names[-1]}"))
    raise JobError(CYCLIC, "Transaction order is cyclic. See system logs for details.")


class _Order:
    """The order of execution between the units of a draft and those that have installed jobs."""

    def __init__(self, draft: Draft, restarted: bool) -> None:
        self._draft = draft
        self._restarted = restarted
        self.types: dict[str, Optional[str]] = {}
        """Type of each unit's job as it will be installed, None for a unit without one. Filled on demand."""

    def _type(self, unit: str) -> Optional[str]:
        if unit not in self.types:
            self.types[unit] = self._look_up(unit)
        return self.types[unit]

    def _look_up(self, unit: str) -> Optional[str]:
        installed = self._draft.view.job(unit)
        type_ = installed.type if installed is not None and not installed.ignore_order else None
        candidates = self._draft.jobs.get(unit)
        if candidates:
            if any(job.ignore_order for job in candidates):
                return None
            ours = self._draft.merged_type(unit) or candidates[0].type
            state = self._draft.view.active_state(unit)
            type_ = ours if type_ is None else merge_and_collapse(type_, ours, state) or ours
        return START if self._restarted and type_ == RESTART else type_

    def successors(self, unit: str) -> list[str]:
        """The units whose jobs have to wait for this unit's job."""
        type_ = self._type(unit)
        if type_ is None:
            return []
        found = []
        for kind in (BEFORE, AFTER):
            for other in self._draft.view.dependencies(unit, kind):
                other_type = self._type(other)
                if other_type is not None and other != unit and goes_first(type_, other_type, kind):
                    found.append(other)
        return found


def _merge_all(draft: Draft, collect: bool) -> None:
    """Leave one job per unit. Of two jobs that conflict, one that the anchor can do without is dropped."""
    for unit in list(draft.jobs):
        while unit in draft.jobs and draft.merged_type(unit) is None:
            draft.drop(_least_important(draft, unit))
            if collect:
                draft.collect_garbage()
    for unit, candidates in list(draft.jobs.items()):
        merged = draft.merged_type(unit)
        assert merged is not None
        kept = draft.anchor if draft.anchor in candidates else candidates[0]
        assert kept is not None
        for job in list(candidates):
            if job is not kept:
                draft.absorb(kept, job, merged)


def _least_important(draft: Draft, unit: str) -> Candidate:
    """Which of two conflicting jobs of the unit to drop. Raises JobError if the anchor needs both."""
    candidates = draft.jobs[unit]
    for index, job in enumerate(candidates):
        for other in candidates[index + 1 :]:
            if not conflicting(job.type, other.type):
                continue
            if job.matters and other.matters:
                raise JobError(
                    CONFLICTING,
                    f"Transaction contains conflicting jobs '{job.type}' and '{other.type}' for {unit}. "
                    "Probably contradicting requirement dependencies configured.",
                )
            if job.matters != other.matters:
                return other if job.matters else job
            # Prefer the start, unless a wanted unit conflicts with this one.
            stop, start = (job, other) if job.type == STOP else (other, job)
            return start if stop.conflicted() else stop
    raise AssertionError(f"jobs {candidates} do not merge, yet none conflict")


def _refuse_destruction(draft: Draft, mode: str) -> None:
    assert draft.anchor is not None
    for unit, (job,) in draft.jobs.items():
        installed = draft.view.job(unit)
        if installed is None or job.type == NOP or not (mode == MODE_FAIL or installed.irreversible):
            continue
        if conflicting(installed.type, job.type):
            raise JobError(
                DESTRUCTIVE,
                f"Transaction for {draft.anchor.unit}/{draft.anchor.type} is destructive ({unit} has "
                f"'{installed.type}' job queued, but '{job.type}' is included in transaction).",
            )


def _install(draft: Draft, mode: str, next_id: int) -> Transaction:
    assert draft.anchor is not None
    view = draft.view
    cancelled: list[Job] = []
    install: list[Job] = []
    anchor: Optional[Job] = None
    if mode in (MODE_ISOLATE, MODE_FLUSH):
        cancelled += [job for job in view.jobs() if job.unit not in draft.jobs and not view.ignore_on_isolate(job.unit)]
    for unit, (candidate,) in draft.jobs.items():
        job = Job(next_id, unit, candidate.type, WAITING, mode == MODE_REPLACE_IRREVERSIBLY, candidate.ignore_order)
        installed = view.nop_job(unit) if candidate.type == NOP else view.job(unit)
        if installed is not None and merge(installed.type, job.type) is not None:
            job = _join(installed, job, view.active_state(unit))
        else:
            next_id += 1
            if installed is not None:
                cancelled.append(installed)
        install.append(job)
        if candidate is draft.anchor:
            anchor = job
    assert anchor is not None
    return Transaction(anchor, tuple(install), tuple(cancelled), next_id, tuple(draft.log), tuple(draft.deleted))


def _join(installed: Job, job: Job, active_state: str) -> Job:
    """The installed job after a new one was merged into it: same id, run again unless it already serves both."""
    merged = merge_and_collapse(installed.type, job.type, active_state)
    assert merged is not None
    return replace(
        installed,
        type=merged,
        state=installed.state if joins_running(installed.type, job.type) else WAITING,
        irreversible=installed.irreversible or job.irreversible,
        ignore_order=installed.ignore_order or job.ignore_order,
    )
