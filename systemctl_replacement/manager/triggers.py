"""What happens to one unit because of another: OnFailure= and OnSuccess=, BindsTo=, Upholds=, StopWhenUnneeded= and
what a unit that starts or stops by itself takes along (systemd.unit(5))."""

from __future__ import annotations

import errno
import os

from systemctl_replacement.jobs import consequences
from systemctl_replacement.jobs.model import MODE_REPLACE, RESTART, START, STOP, JobError
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_INFO
from systemctl_replacement.manager.unit import INVERSE
from systemctl_replacement.units.events import RestartRefused, Triggered, TriggeredChanged, TriggerRefused
from systemctl_replacement.units.states import FAILED, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobEnd, JobTable
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_change import UnitChange
    from systemctl_replacement.manager.unit_driver import Asked, Driver
    from systemctl_replacement.units.events import Trigger


class Triggers:
    """Enqueues jobs because of what happens to units. It is told of it as an observer."""

    def __init__(self, core: Core, jobs: JobTable, driver: Driver) -> None:
        self._core = core
        self._registry = core.registry
        self._jobs = jobs
        self._driver = driver
        self._to_tell: dict[tuple[str, str], None] = {}  # who triggers whom, of those whose change is still to be told

    # --- a change of state ---

    def start_others(self, change: UnitChange) -> None:
        """Enqueue what follows from a change nobody asked for, and what OnFailure= or OnSuccess= names."""
        unit = change.unit
        if change.old != change.new and change.progress.unexpected:
            for request in consequences.retroactive(self._jobs.view, unit.id, change.old, change.new):
                self._jobs.try_enqueue(request.unit, request.type, request.mode, "job")
        if not change.went_down:
            return
        self._registry.may_collect()
        if change.will_restart:
            return
        if change.new == FAILED:
            self.start_on_failure(unit)
        elif change.old not in INACTIVE_OR_FAILED:
            self._start_related(unit, "OnSuccess")

    def check_others(self, change: UnitChange) -> None:
        """Look at those whom the new state of a unit may concern, once all that has happened is dealt with."""
        unit, view = change.unit, self._jobs.view
        if change.came_up:
            for other in unit.related("Upholds"):
                self._soon(self._start_if_upheld, other)
        elif change.went_down:
            for other in unit.related("BoundBy"):
                self._soon(self._stop_if_bound, other)
            self._check_unneeded(unit)
            if consequences.upheld_by(view, unit.id) is not None:
                self._soon(self._start_if_upheld, unit.id)

    def _soon(self, look: Callable[[str], None], unit_id: str) -> None:
        self._core.call_soon(lambda: look(unit_id))

    def tell_triggering(self, change: UnitChange) -> None:
        """Tell the units that trigger this one (Triggers=)."""
        self._tell_triggering(change.unit)

    def _tell_triggering(self, unit: ManagedUnit) -> None:
        for other in unit.related("TriggeredBy"):
            if not self._to_tell:
                self._core.call_soon(self._tell_all)
            self._to_tell[other, unit.id] = None

    def _tell_all(self) -> None:
        waiting, self._to_tell = self._to_tell, {}
        for other, unit_id in waiting:
            self._core.loop.guard(self._tell_one, other, unit_id)

    def _tell_one(self, unit_id: str, triggered: str) -> None:
        unit = self._registry.find(unit_id)
        if unit is not None and unit.traits.triggers:
            self._driver.step(unit, TriggeredChanged(triggered))

    # --- other occasions ---

    def trigger(self, asked: Asked) -> None:
        """Start a unit because another one asks for it."""
        unit, action = asked.unit, asked.action
        try:
            refused = self._try_trigger(unit, action)
        except Exception as error:  # a defect of ours must not keep the unit waiting for ever
            self._core.report_exception(f"{action.unit}/{START}", error)
            refused = "Internal error"
        if refused:
            other = self._registry.find(action.unit)
            if other is not None:
                self._driver.ports.close(other)
        asked.answer = TriggerRefused(action.unit, refused) if refused else Triggered(action.unit)

    def _try_trigger(self, unit: ManagedUnit, action: Trigger) -> str:
        """Why a unit cannot be started, "" if it will be."""
        try:
            other = self._registry.get(action.unit)
            self._registry.unskip(other)  # whatever triggers it is not skipped
            if action.connection:
                self._hand_over(unit, action, other)
            job, _ = self._jobs.enqueue(other.id, START, MODE_REPLACE)
            self._jobs.tell_occasion(job.id, action.details)
        except JobError as error:
            return error.message
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _hand_over(self, unit: ManagedUnit, action: Trigger, other: ManagedUnit) -> None:
        """Give a connection to the unit that is to serve it. OSError."""
        if other.active_state not in INACTIVE_OR_FAILED:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self._driver.ports.hand_over(unit, action.connection, other)
        if other.file.load_state != "loaded":
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        other.peer = action.peer
        # For as long as both are there: neither keeps the other one in memory.
        for kind in ("Before", "Triggers"):
            unit.relate(kind, other.id)
            other.relate(INVERSE[kind], unit.id)

    def restart(self, unit: ManagedUnit) -> None:
        """RestartSec= is over. What was kept apart from the unit whose name it has is not started again."""
        if (
            self._registry.heir(unit) is not unit
            or self._jobs.try_enqueue(unit.id, RESTART, MODE_REPLACE, "restart job") is None
        ):
            self._core.call_soon(lambda: self._driver.step(unit, RestartRefused()))

    def job_ended(self, end: JobEnd) -> None:
        """Let those go that nobody needs any more."""
        unit = self._registry[end.job.unit]
        self._driver.ports.close(unit)
        self._tell_triggering(unit)
        self._check_unneeded(unit)

    def start_on_failure(self, unit: ManagedUnit) -> None:
        """Start what OnFailure= names."""
        self._start_related(unit, "OnFailure")

    def _start_related(self, unit: ManagedUnit, kind: str) -> None:
        others = unit.related(kind)
        if others:
            self._core.log_unit(unit.id, LOG_INFO, f"Triggering {kind}= dependencies.")
        mode = unit.get("Unit", f"{kind}JobMode")
        for other in others:
            self._jobs.try_enqueue(other, START, mode, f"{kind}= job")

    # --- looking at one unit ---

    def _check_unneeded(self, unit: ManagedUnit) -> None:
        for other in consequences.maybe_unneeded(self._jobs.view, unit.id):
            self._soon(self._stop_if_unneeded, other)

    def _stop_if_bound(self, unit_id: str) -> None:
        if self._registry.find(unit_id) is None:
            return
        culprit = consequences.bound_to_inactive(self._jobs.view, unit_id)
        if culprit is not None:
            self._core.log_unit(unit_id, LOG_INFO, f"Unit is bound to inactive unit {culprit}. Stopping, too.")
            self._jobs.try_enqueue(unit_id, STOP, MODE_REPLACE, "stop job")

    def _stop_if_unneeded(self, unit_id: str) -> None:
        if self._registry.find(unit_id) is not None and consequences.unneeded(self._jobs.view, unit_id):
            self._core.log_unit(unit_id, LOG_DEBUG, "Unit not needed anymore. Stopping.")
            self._jobs.try_enqueue(unit_id, STOP, "fail", "stop job")

    def _start_if_upheld(self, unit_id: str) -> None:
        if self._registry.find(unit_id) is None:
            return
        culprit = consequences.upheld_by(self._jobs.view, unit_id)
        if culprit is not None:
            self._core.log_unit(unit_id, LOG_INFO, f"Unit is upheld by active unit {culprit}. Starting.")
            self._jobs.try_enqueue(unit_id, START, "fail", "start job")
