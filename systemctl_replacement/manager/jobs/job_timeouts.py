"""Jobs that take too long: JobTimeoutSec=, JobRunningTimeoutSec= (systemd.unit(5)).

The job ends, while the unit goes on with what it does. A re-execution restarts the time.
"""

from __future__ import annotations

from systemctl_replacement.loop import Timer, now_monotonic
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.loop import Loop
    from systemctl_replacement.manager.unit import ManagedUnit


class JobTimeouts:
    """The timers of jobs by id. `expired` is called with the job's id."""

    def __init__(self, loop: Loop, expired: Callable[[int], object]) -> None:
        self._loop = loop
        self._expired = expired
        self._timers: dict[int, Timer] = {}

    def queued(self, job: Job, unit: ManagedUnit) -> None:
        """A job was installed, or merged into an installed one."""
        if job.id not in self._timers:
            self._limit(job.id, unit.get("Unit", "JobTimeoutSec"))

    def running(self, job: Job, unit: ManagedUnit) -> None:
        """A job begins. JobTimeoutSec= also limits the time that it runs, unless JobRunningTimeoutSec= does."""
        self._limit(job.id, unit.get("Unit", "JobRunningTimeoutSec"))

    def deadline(self, job_id: int) -> int | None:
        """When a job's time is over; None if it has as much as it likes."""
        timer = self._timers.get(job_id)
        return None if timer is None else timer.time

    def ended(self, job_id: int) -> None:
        timer = self._timers.pop(job_id, None)
        if timer is not None:
            timer.cancel()

    def _limit(self, job_id: int, usec: int) -> None:
        if usec == INFINITY:
            return
        at = now_monotonic() + usec
        before = self._timers.get(job_id)
        if before is not None and before.time <= at:
            return
        self.ended(job_id)
        self._timers[job_id] = self._loop.call_at(at, lambda: self._expire(job_id))

    def _expire(self, job_id: int) -> None:
        del self._timers[job_id]
        self._expired(job_id)
