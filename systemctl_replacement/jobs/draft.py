"""A transaction under construction: candidate jobs, and which of them pulled in which.

This is the one mutable structure of the job engine, private to it. A candidate is dropped together with those that
cannot do without it; candidates that nobody pulls in any more are garbage. All walks are iterative, so that a long
chain of units cannot hit the recursion limit.
"""

from __future__ import annotations

from systemctl_replacement.jobs.merge import merge_and_collapse
from systemctl_replacement.jobs.model import LogLine, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class Candidate:
    """A job that may become part of the transaction. Several may exist for one unit until they are merged."""

    __slots__ = ("ignore_order", "matters", "pulled_by", "pulls", "type", "unit")

    def __init__(self, unit: str, job_type: str) -> None:
        self.unit = unit
        self.type = job_type
        self.ignore_order = False
        self.matters = False
        """Whether the anchor fails without this job."""
        self.pulls: dict[Candidate, JobDependency] = {}
        self.pulled_by: dict[Candidate, JobDependency] = {}

    def conflicted(self) -> bool:
        """Whether another job demands this (stop) job because of Conflicts=."""
        return any(link.conflicts for link in self.pulled_by.values())

    def __repr__(self) -> str:
        return f"{self.unit}/{self.type}"


class JobDependency:
    """Why a candidate was pulled in: the other one fails without it (matters), or conflicts with its unit."""

    __slots__ = ("conflicts", "matters")

    def __init__(self) -> None:
        self.matters = False
        self.conflicts = False


class Draft:
    """The candidates, by unit, and the anchor: the job that was asked for."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.jobs: dict[str, list[Candidate]] = {}
        self.anchor: Optional[Candidate] = None
        self.log: list[LogLine] = []
        self.deleted: list[str] = []
        """The units that were dropped to break an ordering cycle."""
        self._released: list[Candidate] = []
        """Candidates that have lost someone who pulled them in."""

    def add(self, unit: str, job_type: str) -> tuple[Candidate, bool]:
        """The candidate of this type for the unit, and whether it is new."""
        candidates = self.jobs.setdefault(unit, [])
        for candidate in candidates:
            if candidate.type == job_type:
                return candidate, False
        candidate = Candidate(unit, job_type)
        candidates.insert(0, candidate)
        return candidate, True

    def link(self, by: Optional[Candidate], job: Candidate, *, matters: bool, conflicts: bool) -> None:
        """Record that `by` pulled in `job`. Without `by`, `job` is the anchor."""
        if by is None:
            self.anchor = job
            return
        link = by.pulls.get(job)
        if link is None:
            link = by.pulls[job] = job.pulled_by[by] = JobDependency()
        link.matters |= matters
        link.conflicts |= conflicts

    def remove(self, job: Candidate) -> None:
        """Take one candidate out."""
        candidates = self.jobs[job.unit]
        candidates.remove(job)
        if not candidates:
            del self.jobs[job.unit]
        for other in job.pulled_by:
            del other.pulls[job]
        for other in job.pulls:
            del other.pulled_by[job]
        self._released.extend(job.pulls)
        job.pulls.clear()
        job.pulled_by.clear()

    def contains(self, job: Candidate) -> bool:
        return job in self.jobs.get(job.unit, ())

    def drop(self, job: Candidate) -> None:
        """Take a candidate out together with everything that cannot do without it."""
        pending = [job]
        while pending:
            dropped = pending.pop()
            if not self.contains(dropped):
                continue
            pending.extend(other for other, link in dropped.pulled_by.items() if link.matters)
            self.remove(dropped)

    def drop_unit(self, unit: str) -> None:
        """Take all candidates of a unit out together with everything that cannot do without them."""
        for job in list(self.jobs.get(unit, ())):
            self.drop(job)

    def collect_garbage(self) -> None:
        """Take out candidates that nobody pulls in any more."""
        while self._released:
            job = self._released.pop()
            if job is not self.anchor and not job.pulled_by and self.contains(job):
                self.remove(job)

    def mark_what_matters(self) -> None:
        """Set `matters` on everything the anchor cannot do without."""
        assert self.anchor is not None
        pending = [self.anchor]
        while pending:
            job = pending.pop()
            if not job.matters:
                job.matters = True
                pending.extend(other for other, link in job.pulls.items() if link.matters)

    def unit_matters(self, unit: str) -> bool:
        """Whether the anchor cannot do without one of the unit's candidates."""
        return any(job.matters for job in self.jobs.get(unit, ()))

    def merged_type(self, unit: str) -> Optional[str]:
        """The type that all candidates of the unit merge into; None if they conflict."""
        state = self.view.active_state(unit)
        merged: Optional[str] = None
        for job in self.jobs[unit]:
            merged = job.type if merged is None else merge_and_collapse(merged, job.type, state)
            if merged is None:
                return None
        return merged

    def absorb(self, job: Candidate, other: Candidate, job_type: str) -> None:
        """Merge `other`, a candidate for the same unit, into `job`, which gets the given type."""
        job.type = job_type
        job.matters |= other.matters
        job.ignore_order |= other.ignore_order
        for puller, link in list(other.pulled_by.items()):
            if puller is not job:
                self.link(puller, job, matters=link.matters, conflicts=link.conflicts)
        for pulled, link in list(other.pulls.items()):
            if pulled is not job:
                self.link(job, pulled, matters=link.matters, conflicts=link.conflicts)
        self.remove(other)
