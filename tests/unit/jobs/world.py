"""An in-memory View: units with dependencies, states and jobs, and a manager that runs the jobs to their end."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Optional

from systemctl_replacement.jobs import outcome, transaction
from systemctl_replacement.jobs.model import (
    CANCELED,
    DONE,
    FAILED,
    MODE_REPLACE,
    NOP,
    RELOAD,
    RESTART,
    RUNNING,
    SKIPPED,
    START,
    STOP,
    TRY_RELOAD,
    VERIFY_ACTIVE,
    Job,
    Transaction,
)
from systemctl_replacement.jobs.ordering import a_blocker

INVERSE = {
    "Requires": "RequiredBy",
    "Requisite": "RequisiteOf",
    "Wants": "WantedBy",
    "BindsTo": "BoundBy",
    "PartOf": "ConsistsOf",
    "Upholds": "UpheldBy",
    "Conflicts": "ConflictedBy",
    "Before": "After",
    "After": "Before",
    "PropagatesStopTo": "StopPropagatedFrom",
    "PropagatesReloadTo": "ReloadPropagatedFrom",
    "Triggers": "TriggeredBy",
    "OnFailure": "OnFailureOf",
    "OnSuccess": "OnSuccessOf",
}


class World:
    """Units exist by being mentioned: `World("a.service Wants b.service")`. "|" separates statements."""

    def __init__(self, *statements: str, active: str = "", **states: str) -> None:
        self.states: dict[str, str] = {}
        self.load: dict[str, str] = {}
        self.links: dict[tuple[str, str], list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.table: dict[str, Job] = {}
        self.nops: dict[str, Job] = {}
        self.reloadable: set[str] = set()
        self.isolatable: set[str] = set()
        self.kept: set[str] = set()
        self.heirs: dict[str, str] = {}
        self.perpetual: set[str] = set()
        self.refuse_start: set[str] = set()
        self.refuse_stop: set[str] = set()
        self.unneeded: set[str] = set()
        self.fails: set[tuple[str, str]] = set()
        self.finished: list[tuple[str, str, str]] = []
        self.order: list[str] = []
        self.next_id = 1
        for statement in statements:
            for one in statement.split("|"):
                unit, kind, *others = one.split()
                for other in others:
                    self.relate(unit, kind, other)
        for unit in active.split():
            self.states[unit] = "active"

    def relate(self, unit: str, kind: str, other: str) -> None:
        for name in (unit, other):
            self.states.setdefault(name, "inactive")
        for key, value in (((unit, kind), other), ((other, INVERSE[kind]), unit)):
            values = self.links.setdefault(key, [])
            if value not in values and unit != other:
                values.append(value)

    # The View protocol.
    def canonical(self, unit: str) -> str:
        return self.aliases.get(unit, unit)

    def heir(self, unit: str) -> str:
        return self.heirs.get(unit, unit)

    def kept_apart(self, unit: str) -> Collection[str]:
        return [other for other, heir in self.heirs.items() if heir == unit]

    def units(self) -> Iterable[str]:
        return self.states

    def load_state(self, unit: str) -> str:
        return self.load.get(unit, "loaded")

    def load_error(self, unit: str) -> Optional[tuple[str, str]]:
        return None

    def active_state(self, unit: str) -> str:
        return self.states.get(unit, "inactive")

    def dependencies(self, unit: str, kind: str) -> Collection[str]:
        return self.links.get((unit, kind), ())

    def job(self, unit: str) -> Optional[Job]:
        return self.table.get(unit)

    def nop_job(self, unit: str) -> Optional[Job]:
        return self.nops.get(unit)

    def jobs(self) -> Iterable[Job]:
        return [*self.table.values(), *self.nops.values()]

    def applicable(self, unit: str, job_type: str) -> bool:
        if job_type in (RELOAD, TRY_RELOAD):
            return self.can_reload(unit)
        return not (job_type == STOP and unit in self.perpetual)

    def can_reload(self, unit: str) -> bool:
        return unit in self.reloadable

    def can_isolate(self, unit: str) -> bool:
        return unit in self.isolatable

    def refuse_manual_start(self, unit: str) -> bool:
        return unit in self.refuse_start

    def refuse_manual_stop(self, unit: str) -> bool:
        return unit in self.refuse_stop

    def ignore_on_isolate(self, unit: str) -> bool:
        return unit in self.kept

    def stop_when_unneeded(self, unit: str) -> bool:
        return unit in self.unneeded

    # A small manager.
    def build(self, unit: str, job_type: str = START, mode: str = MODE_REPLACE) -> Transaction:
        return transaction.build(self, unit, job_type, mode, self.next_id)

    def plan(self, unit: str, job_type: str = START, mode: str = MODE_REPLACE) -> list[str]:
        """The jobs that a request installs, as sorted "unit/type"."""
        return sorted(f"{job.unit}/{job.type}" for job in self.build(unit, job_type, mode).install)

    def request(self, unit: str, job_type: str = START, mode: str = MODE_REPLACE) -> Transaction:
        """Install the jobs of a request."""
        answer = self.build(unit, job_type, mode)
        self.next_id = answer.next_id
        for job in answer.cancelled:
            self.finish(job, CANCELED, recursive=False)
        for job in answer.install:
            (self.nops if job.type == NOP else self.table)[job.unit] = job
        return answer

    def finish(self, job: Job, result: str, recursive: bool = True) -> None:
        """End a job, and do what follows from its end."""
        after = outcome.finish(self, job, result, recursive=recursive)
        for ended, how in after.finished:
            table = self.nops if ended.type == NOP else self.table
            del table[ended.unit]
            self.finished.append((ended.unit, ended.type, how))
        if after.again is not None:
            self.table[job.unit] = after.again

    def run(self) -> None:
        """Run all jobs to the end, one after the other. Raises AssertionError on a deadlock."""
        while self.table or self.nops:
            ready = [job for job in self.jobs() if a_blocker(self, job) is None]
            assert ready, f"deadlock: {sorted(map(str, self.jobs()))}"
            self.perform(ready[0])

    def perform(self, job: Job) -> None:
        """Do what a job asks of its unit."""
        (self.nops if job.type == NOP else self.table)[job.unit] = job = replace(job, state=RUNNING)
        self.order.append(f"{job.unit}/{job.type}")
        if (job.unit, job.type) in self.fails:
            self.states[job.unit] = "failed"
            self.finish(job, FAILED)
        elif job.type == VERIFY_ACTIVE:
            self.finish(job, DONE if self.states[job.unit] == "active" else SKIPPED)
        else:
            if job.type == START:
                self.states[job.unit] = "active"
            elif job.type in (STOP, RESTART):
                self.states[job.unit] = "inactive"
            self.finish(job, DONE)
