"""The jobs in progress: installing transactions, running what may run, telling who waits how it ended.

The decisions are the job engine's (room jobs); this is the table they are about, and the queue.
"""

from __future__ import annotations

import _heapq as heapq  # without its twin in Python

from systemctl_replacement.jobs import outcome, transaction
from systemctl_replacement.jobs.merge import superset
from systemctl_replacement.jobs.model import (
    CANCELED,
    DONE,
    FAILED,
    INACTIVE_STATES,
    MODE_ISOLATE,
    NOP,
    RUNNING,
    START,
    TIMEOUT,
    WAITING,
    Job,
    JobError,
)
from systemctl_replacement.jobs.ordering import a_blocker, holds_back
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.loop import SLICE_USEC, now_monotonic
from systemctl_replacement.manager.jobs.job_timeouts import JobTimeouts
from systemctl_replacement.manager.jobs.job_view import UnitView, priority_of
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.observers import Observers
from systemctl_replacement.records import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    from systemctl_replacement.jobs.ordering import Priority
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.unit_change import UnitChange

    Finished = Callable[[Job, str], None]

# What performing a job answers besides a result: it goes on, or it has to wait for the unit to settle.
IN_PROGRESS = ""
AGAIN = "again"
# It is done, and there was nothing to do: nothing is said of it.
ALREADY = "already"


@dataclass(frozen=True)
class JobBegun:
    """A job goes on; before: the active state in which it has found its unit."""

    job: Job
    before: str


@dataclass(frozen=True)
class JobEnd:
    """A job has ended; already: there was nothing to do."""

    job: Job
    result: str
    already: bool


class JobTable:
    """All installed jobs, by id; each is also `job` or `nop_job` of its unit.

    begin: starts, stops or reloads the unit of a job; it answers IN_PROGRESS, AGAIN, ALREADY or the result that the job
    ends with at once.
    """

    def __init__(self, core: Core, begin: Callable[[Job], str]) -> None:
        guard = core.loop.guard
        self.queued: Observers[Job] = Observers(guard)
        self.begun: Observers[JobBegun] = Observers(guard)
        self.ended: Observers[JobEnd] = Observers(guard)
        self.emptied: Observers[JobTable] = Observers(guard)  # no job is left
        self.isolated: Observers[str] = Observers(guard)  # this unit is to run instead of everything else
        self.failed: Observers[ManagedUnit] = Observers(guard)  # what OnFailure= names is to be started
        self.timed_out: Observers[ManagedUnit] = Observers(guard)
        self.jobs: dict[int, Job] = {}
        self.next_id = 1
        self.holders: list[Callable[[], bool]] = []  # as long as one says so no job begins; then `let_run`
        self.view = UnitView(core.registry, self.jobs)
        self._core = core
        self._registry = core.registry
        self._begin = begin
        self._waiters: dict[int, list[Finished]] = {}
        self._idle_waiters: list[Callable[[], object]] = []
        self._queue: list[tuple[Priority, int]] = []  # a heap: those that may be able to run, by priority
        self._queued: set[int] = set()  # ids of jobs in it
        self._ahead: set[int] = set()  # ids of jobs that wait for nobody
        self._held: dict[int, tuple[str, str]] = {}  # by id: whom a job was seen to wait for, and by which order
        self._scheduled = False
        self._timeouts = JobTimeouts(core.loop, self._expired)

    def __len__(self) -> int:
        return len(self.jobs)

    # --- requests ---

    def enqueue(self, unit: str, job_type: str, mode: str) -> tuple[Job, tuple[Job, ...]]:
        """Install the jobs for a request: the one that answers it, and all of them. Raises JobError."""
        try:
            change = transaction.build(self.view, unit, job_type, mode, self.next_id)
        except JobError as error:
            self._log(error.log)
            raise
        self._log(change.log)
        self.next_id = change.next_id
        for job in change.cancelled:
            if job.id in self.jobs:
                self.finish(self.jobs[job.id], CANCELED, recursive=False)
        for job in change.install:
            self._install(job)
        if mode == MODE_ISOLATE:
            self.isolated.tell(unit)
        return change.anchor, change.install

    def tell_occasion(self, job_id: int, details: tuple[str, ...]) -> None:
        """Say why a job was enqueued, unless that has been said of it."""
        job = self.jobs.get(job_id)
        if job is not None and details and not job.details:
            self._replace(replace(job, details=details))

    def try_enqueue(self, unit: str, job_type: str, mode: str, why: str) -> Job | None:
        """Enqueue a job that nobody has asked for by hand; a failure is logged. A halt, say, does so for many units."""
        try:
            return self.enqueue(unit, job_type, mode)[0]
        except JobError as error:
            self._core.log_unit(unit, LOG_WARNING, f"Failed to enqueue {why}: {error.message}")
        except Exception as error:
            self._core.report_exception(f"{unit}/{job_type}", error)
        return None

    def cancel(self, job_id: int) -> bool:
        """`systemctl cancel`: end a job, and those that depend on it; False if there is no such job."""
        job = self.jobs.get(job_id)
        if job is None:
            return False
        self.finish(job, CANCELED)
        return True

    def when_finished(self, job_id: int, callback: Finished) -> None:
        self._waiters.setdefault(job_id, []).append(callback)

    def when_idle(self, callback: Callable[[], object]) -> None:
        """Call back once, as soon as no job is left."""
        if self.jobs:
            self._idle_waiters.append(callback)
        else:
            self._core.call_soon(callback)

    def _install(self, job: Job) -> None:
        unit = self._registry[job.unit]
        self.jobs[job.id] = job
        if job.type == NOP:
            unit.nop_job = job
        else:
            unit.job = job
        self._timeouts.queued(job, unit)
        self.queued.tell(job)
        if job.state == WAITING:
            self._want(job)

    # --- running ---

    def wake(self, unit: ManagedUnit) -> None:
        """The unit has changed: its job may be able to run now."""
        if unit.job is not None and unit.job.state == WAITING:
            self._want(unit.job)

    def go_ahead(self, jobs: Iterable[Job]) -> None:
        """Let jobs run although others hold them back. Whoever waits for them goes on waiting."""
        for job in jobs:
            if job.id in self.jobs and job.state == WAITING:
                self._ahead.add(job.id)
                self._want(job)

    def _want(self, job: Job) -> None:
        if job.id not in self._queued:
            self._queued.add(job.id)
            heapq.heappush(self._queue, (priority_of(self._registry[job.unit]), job.id))
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._core.call_soon(self._dispatch)

    def let_run(self) -> None:
        """Nothing holds the jobs any more."""
        self._schedule()

    def _dispatch(self) -> None:
        self._scheduled = False
        if any(holds() for holds in self.holders):
            return
        end = now_monotonic() + SLICE_USEC
        while self._queue:
            if now_monotonic() > end:
                self._schedule()
                return
            job_id = heapq.heappop(self._queue)[1]
            self._queued.discard(job_id)
            job = self.jobs.get(job_id)
            if job is not None and job.state == WAITING:
                self._core.loop.guard(self._run_if_ready, job)

    def _run_if_ready(self, job: Job) -> None:
        if self._may_run(job):
            self._run(job)

    def _may_run(self, job: Job) -> bool:
        """A target that waits for thousands is woken by the end of each: look at all of them only when the one that it
        was last seen to wait for is done."""
        if job.id in self._ahead:
            return True
        held = self._held.get(job.id)
        if held is None or not holds_back(self.view, job, *held):
            held = a_blocker(self.view, job)
            if held is None:
                return True
            self._held[job.id] = held
        return False

    def _run(self, job: Job) -> None:
        unit = self._registry[job.unit]
        heir = self._registry.heir(unit)
        if heir is not unit and job.type == START and unit.active_state in INACTIVE_STATES:
            self.hand_over(unit, heir)  # its name became another unit's while the job waited for its stop
            return
        before = unit.active_state
        self._replace(replace(job, state=RUNNING))
        self._timeouts.running(job, unit)
        try:
            result = self._begin(self.jobs[job.id])
        except Exception as error:
            # A defect of ours costs the unit it was met in.
            self._core.report_exception(f"{job.unit}/{job.type}", error)
            result = FAILED
        now = self.jobs.get(job.id)
        if now is None:
            return
        if result == AGAIN:
            self._replace(replace(now, state=WAITING))
        elif result == ALREADY:
            self.finish(now, DONE, already=True)
        elif result != IN_PROGRESS:
            self.finish(now, result)
        elif now.type == job.type:
            self.begun.tell(JobBegun(now, before))

    def _replace(self, job: Job) -> None:
        self.jobs[job.id] = job
        unit = self._registry[job.unit]
        if job.type == NOP:
            unit.nop_job = job
        else:
            unit.job = job

    # --- ending ---

    def finish(self, job: Job, result: str, recursive: bool = True, *, already: bool = False) -> None:
        """End a job, and those that fail because of it. already: there was nothing to do."""
        ending = outcome.finish(self.view, job, result, recursive=recursive)
        for ended, _how in ending.finished:
            self._remove(ended)
        if ending.again is not None:
            self.ended.tell(JobEnd(job, result, already))
            self._install(ending.again)
        for unit_id in ending.wake:
            unit = self._registry.find(unit_id)
            if unit is not None:
                self.wake(unit)
        guard = self._core.loop.guard
        for ended, how in ending.finished:
            self.ended.tell(JobEnd(ended, how, already and ended.id == job.id))
            for callback in self._waiters.pop(ended.id, ()):
                guard(callback, ended, how)
        for unit_id in ending.on_failure:
            unit = self._registry.find(unit_id)
            if unit is not None:
                self.failed.tell(unit)
        if not self.jobs:
            self.emptied.tell(self)
            waiters, self._idle_waiters = self._idle_waiters, []
            for waiter in waiters:
                self._core.call_soon(waiter)

    def _expired(self, job_id: int) -> None:
        job = self.jobs[job_id]
        self._core.log_unit(job.unit, LOG_WARNING, f"Job {job.unit}/{job.type} timed out.")
        self.finish(job, TIMEOUT)
        unit = self._registry.find(job.unit)
        if unit is not None:
            self.timed_out.tell(unit)

    def deadline(self, job_id: int) -> int | None:
        """When a job ends because it has taken too long (monotonic microseconds); None: never."""
        return self._timeouts.deadline(job_id)

    def answer_all(self, result: str) -> None:
        """Answer everybody who still waits: the manager ends."""
        waiters, self._waiters = self._waiters, {}
        for job_id, callbacks in waiters.items():
            job = self.jobs.get(job_id)
            if job is not None:
                for callback in callbacks:
                    self._core.loop.guard(callback, job, result)

    def _remove(self, job: Job) -> None:
        self.jobs.pop(job.id, None)
        self._ahead.discard(job.id)
        self._held.pop(job.id, None)
        self._timeouts.ended(job.id)
        unit = self._registry[job.unit]
        if job.type == NOP:
            unit.nop_job = None
        else:
            unit.job = None
        self._registry.may_collect()

    def unit_changed(self, change: UnitChange) -> None:
        """End the unit's job if its new state does."""
        job: Job | None = change.unit.job
        if job is None:
            return
        if job.state == WAITING:
            self.wake(change.unit)
        if change.progress.result is not None:
            self.finish(job, change.progress.result)

    def _log(self, lines: tuple[tuple[str, int, str], ...]) -> None:
        for unit, level, message in lines:
            self._core.log_unit(unit, level, message, False)  # the job's own last line says how it ended

    def restore(self, job: Job) -> None:
        """Take over a job from before a re-execution."""
        self._install(job)

    # --- units that become others ---

    def rename(self, old: str, new: str) -> None:
        """A unit has another id."""
        for job in [job for job in self.jobs.values() if job.unit == old]:
            self._replace(replace(job, unit=new))
        self._look_again()

    def hand_over(self, unit: ManagedUnit, heir: ManagedUnit) -> None:
        """A unit's name is another's from now on, which gets its jobs. Where that has one already, whoever waits for
        the same goes on waiting; any other job is cancelled."""
        for job, taken in ((unit.job, heir.job), (unit.nop_job, heir.nop_job)):
            if job is None:
                continue
            if taken is not None and not superset(taken.type, job.type):
                self.finish(job, CANCELED, recursive=False)
                continue
            waiters = self._waiters.pop(job.id, [])
            self._remove(job)
            if taken is None:
                taken = replace(job, unit=heir.id, state=WAITING)
                self._install(taken)
            self._waiters.setdefault(taken.id, []).extend(waiters)
        self._look_again()

    def _look_again(self) -> None:
        """What was noted of waiting jobs names units by what they were called."""
        self._held.clear()
        queue = [self.jobs[job_id] for job_id in self._queued if job_id in self.jobs]
        self._queue = [(priority_of(self._registry[job.unit]), job.id) for job in queue]
        self._queued = {job.id for job in queue}
        heapq.heapify(self._queue)
