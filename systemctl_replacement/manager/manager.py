"""The manager: holds the parts together and says what a unit's change of state means for everything else."""

from __future__ import annotations

from systemctl_replacement.jobs import consequences
from systemctl_replacement.jobs.model import MODE_REPLACE, RESTART, START, STOP, UNSUPPORTED, Job, JobError
from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import Loop, now_stamp
from systemctl_replacement.manager import main_process
from systemctl_replacement.manager.conditions.check import Checker
from systemctl_replacement.manager.exec_spec import ExecutionContext
from systemctl_replacement.manager.halt import Halt
from systemctl_replacement.manager.jobs import job_messages, job_start, unavailable
from systemctl_replacement.manager.jobs.table import IN_PROGRESS, JobTable
from systemctl_replacement.manager.leftovers import Leftovers
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.manager.unit_driver import Driver
from systemctl_replacement.process.link import close_fds
from systemctl_replacement.supervision.console import Log
from systemctl_replacement.supervision.fd_store import FdStore
from systemctl_replacement.supervision.log_limits import LogLimits
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.unitfile import not_built
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.values import valid_descriptor_name
from systemctl_replacement.units import events
from systemctl_replacement.units.events import Event, Notified, ResetFailed
from systemctl_replacement.units.states import (
    ACTIVATING,
    ACTIVE_OR_RELOADING,
    DEACTIVATING,
    FAILED,
    INACTIVE,
    INACTIVE_OR_FAILED,
    SKIP_CONDITION,
)
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from systemctl_replacement.control.request import Request


class Manager:
    """One service manager. The parts are made by `system.py` and put in here."""

    registry: Registry
    jobs: JobTable
    processes: Processes
    driver: Driver
    execution: ExecutionContext
    leftovers: Leftovers
    conditions: Checker
    halt: Halt

    def __init__(self, loop: Loop, log: Log, config: ManagerConfig) -> None:
        self.loop = loop
        self.log = log
        self.config = config
        self.boot: dict[str, Any] = {}  # id, and the stamps start and finish
        self.booted = False  # the jobs of the boot are done
        self.boot_waiters: list[Request] = []
        self.calls_waiting_inactive: list[Callable[[], object]] = []
        self.limits = LogLimits(loop)

    # --- small services for the parts ---

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.loop.call_soon(callback)

    def when_no_jobs(self, callback: Callable[[], object]) -> None:
        """Call back when all jobs but those that wait for this are done (Type=idle)."""
        self.jobs.when_idle(callback)

    def log_unit(self, unit: str, level: int, message: str, news: bool = True) -> None:
        """A line about a unit, or about none (""); news: for the container's output, too, if the unit is prominent."""
        if not unit:
            self.log.manager(level, message)
            return
        found = self.registry.find(unit)
        invocation_id = found.invocation_id if found is not None else ""
        self.log.unit(unit, level, message, invocation_id, news and traits_of(unit).prominent)

    def log_heard(self, unit: str, level: int, message: str, news: bool = True) -> None:
        """A line about what a service says of itself, which can be as much as it likes."""
        self.limits.log(unit, level, message, lambda level, text: self.log_unit(unit, level, text, news))

    def report_exception(self, where: str, error: BaseException) -> None:
        """A defect of ours costs what it happened in, never the manager: it is logged with its traceback, but not
        without end, whoever has found out how to meet it."""
        if not self.limits.admits(("defect", where), self.log.manager):
            return
        try:
            import traceback  # with all it imports; meant never to be needed

            text = "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
        except Exception:  # without descriptors or memory there is no importing
            text = f"{type(error).__name__}: {error}"
        self.log.manager(LOG_ERR, f"Internal error in {where}:")
        for line in text.split("\n"):
            self.log.manager(LOG_ERR, line)

    # --- events and jobs ---

    def step(self, unit: ManagedUnit, event: Event) -> None:
        self.driver.step(unit, event)

    def unit_event(self, unit_id: str, event: Event) -> None:
        """Something happened to a process of a unit. A defect met here must not cost what has arrived with it."""
        unit = self.registry.find(unit_id)
        if unit is None or not unit.traits.runs_processes:
            return
        try:
            if isinstance(event, Notified):
                event = main_process.notified(self.processes, unit, event, self.log_heard)
                if event.fields.get("FDSTOREREMOVE") == "1":
                    self._remove_stored(unit, event.fields.get("FDNAME", ""))
            self.driver.step(unit, event)
        except Exception as error:
            self.report_exception(unit_id, error)

    def store_of(self, unit: ManagedUnit) -> FdStore:
        """The descriptor store of a unit."""
        if unit.fd_store is None:
            unit.fd_store = FdStore(self.loop)
        return unit.fd_store

    def store_descriptors(self, unit_id: str, fields: dict[str, str], fds: list[int]) -> None:
        """A notification with descriptors: FDSTORE=1 has them kept, anything else lets them go."""
        unit = self.registry.find(unit_id)
        if unit is None or not unit.traits.runs_processes or fields.get("FDSTORE") != "1":
            close_fds(fds)
            return
        name = fields.get("FDNAME", "")
        if "FDNAME" in fields and not (name and valid_descriptor_name(name)):
            self.log_heard(unit_id, LOG_WARNING, "Passed FDNAME= name is invalid, ignoring.")
            name = ""
        limit = unit.get("Service", "FileDescriptorStoreMax") or 0
        refused = self.store_of(unit).add(name, fds, fields.get("FDPOLL") != "0", limit)
        if refused:
            message = f"Cannot store more fds than FileDescriptorStoreMax={limit}, closing remaining."
            self.log_heard(unit_id, LOG_WARNING, message)

    def _remove_stored(self, unit: ManagedUnit, name: str) -> None:
        if not name or not valid_descriptor_name(name):
            message = "FDSTOREREMOVE=1 requested, but no valid file descriptor name passed, ignoring."
            self.log_heard(unit.id, LOG_WARNING, message)
        elif unit.fd_store is not None:
            unit.fd_store.remove(name)

    def perform(self, job: Job) -> str:
        """Begin a job; its beginning is logged if it takes a while."""
        unit = self.registry[job.unit]
        result = job_start.perform(self, job)
        now = self.jobs.jobs.get(job.id)
        if result == IN_PROGRESS and now is not None and now.type == job.type and not _is_immediate(unit):
            line = job_messages.message(unit.kind, unit.config, job.type, "", unit.status_name)
            if line is not None:
                self.log.about(unit.id, line[0], line[1], unit.invocation_id, unit.traits.prominent)
        return result

    def job_finished(self, job: Job, result: str, already: bool) -> None:
        """Log the end of a job, unless there was nothing to do, and let those go that nobody needs any more."""
        unit = self.registry[job.unit]
        if job.type == START and result == "done" and not unit.condition_result and not already:
            self._log_skipped(unit)
        else:
            line = job_messages.message(unit.kind, unit.config, job.type, result, unit.status_name)
            if line is not None and not already:
                reason = unavailable.explain(self.registry, unit, result)
                text = f"{line[1][:-1]}: {reason}." if reason else line[1]
                shown = unit.traits.prominent or bool(reason)
                self.log.about(unit.id, line[0], text, unit.invocation_id, shown)
        if result == UNSUPPORTED and job.type == START and not_built.reason(unit.type):
            self.step(unit, events.NotBuilt())
        for other in consequences.maybe_unneeded(self.jobs.view, unit.id):
            self.call_soon(lambda other=other: self._stop_if_unneeded(other))  # type: ignore[misc]

    def _log_skipped(self, unit: ManagedUnit) -> None:
        if unit.skipped:
            text = f"{unit.status_name} is skipped in a container ({unit.skipped})."
            self.log.about(unit.id, LOG_INFO, text, news=False)
            return
        conditions = unit.get("Unit", "Conditions") or ()
        failed = next((c for c, met in zip(conditions, unit.condition_results) if met < 0 and not c.trigger), None)
        if failed is None:
            text = "because no trigger condition checks were met."
        else:
            sign = ("|" if failed.trigger else "") + ("!" if failed.negate else "")
            text = f"because of an unmet condition check (Condition{failed.kind}={sign}{failed.parameter})."
        news = self.booted and unit.traits.prominent  # a boot sums up what it has skipped
        self.log.about(unit.id, LOG_INFO, f"{unit.status_name} was skipped {text}", news=news)

    def try_enqueue(self, unit_id: str, job_type: str, mode: str, why: str) -> Job | None:
        """Enqueue a job nobody asked for by hand; failing to is a log line. A halt, say, does so for many units."""
        try:
            return self.jobs.enqueue(unit_id, job_type, mode)[0]
        except JobError as error:
            self.log_unit(unit_id, LOG_WARNING, f"Failed to enqueue {why}: {error.message}")
        except Exception as error:
            self.report_exception(f"{unit_id}/{job_type}", error)
        return None

    def enqueue_restart(self, unit: ManagedUnit) -> None:
        """RestartSec= is over."""
        if self.try_enqueue(unit.id, RESTART, MODE_REPLACE, "restart job") is None:
            self.call_soon(lambda: self.step(unit, events.RestartRefused()))

    # --- changes of state ---

    def unit_changed(self, unit: ManagedUnit, old: str, changed: events.Changed) -> None:
        """A unit entered a (sub-)state: stamps, its job, and everything that hangs on it."""
        new = changed.active
        if changed.result == SKIP_CONDITION:
            unit.condition_result = False  # ExecCondition= counts like the others
        if old != new:
            self._stamp(unit, old, new)
        unexpected = self.jobs.state_changed(unit, new, not changed.reload_failed)
        if old == new:
            return
        if unexpected:
            for request in consequences.retroactive(self.jobs.view, unit.id, old, new):
                self.try_enqueue(request.unit, request.type, request.mode, "job")
        if new in INACTIVE_OR_FAILED:
            self._went_down(unit, old, new, changed.will_restart)
        elif new in ACTIVE_OR_RELOADING and old not in ACTIVE_OR_RELOADING:
            self._came_up(unit)

    def _stamp(self, unit: ManagedUnit, old: str, new: str) -> None:
        stamp = now_stamp()
        unit.stamps["StateChange"] = stamp
        if old in INACTIVE_OR_FAILED and new not in INACTIVE_OR_FAILED:
            unit.stamps["InactiveExit"] = stamp
        elif old not in INACTIVE_OR_FAILED and new in INACTIVE_OR_FAILED:
            unit.stamps["InactiveEnter"] = stamp
        if old not in ACTIVE_OR_RELOADING and new in ACTIVE_OR_RELOADING:
            unit.stamps["ActiveEnter"] = stamp
        elif old in ACTIVE_OR_RELOADING and new not in ACTIVE_OR_RELOADING:
            unit.stamps["ActiveExit"] = stamp

    def _went_down(self, unit: ManagedUnit, old: str, new: str, will_restart: bool) -> None:
        self.registry.may_collect()
        if new == FAILED:
            if not will_restart:
                self.start_on_failure(unit)
            self.halt.unit_action(unit, "FailureAction")
        elif old not in INACTIVE_OR_FAILED:
            if not will_restart:
                self._start_related(unit, "OnSuccess")
            self.halt.unit_action(unit, "SuccessAction")
        view = self.jobs.view
        for other in unit.related("BoundBy"):
            self.call_soon(lambda other=other: self._stop_if_bound(other))  # type: ignore[misc]
        for other in consequences.maybe_unneeded(view, unit.id):
            self.call_soon(lambda other=other: self._stop_if_unneeded(other))  # type: ignore[misc]
        if consequences.upheld_by(view, unit.id) is not None:
            self.call_soon(lambda: self._start_if_upheld(unit.id))
        for waiting in list(self.calls_waiting_inactive):
            self.loop.guard(waiting)

    def _came_up(self, unit: ManagedUnit) -> None:
        for other in unit.related("Upholds"):
            self.call_soon(lambda other=other: self._start_if_upheld(other))  # type: ignore[misc]

    def job_timed_out(self, unit: ManagedUnit) -> None:
        self.halt.unit_action(unit, "JobTimeoutAction")

    def start_on_failure(self, unit: ManagedUnit) -> None:
        """Start what OnFailure= names."""
        self._start_related(unit, "OnFailure")

    def _start_related(self, unit: ManagedUnit, kind: str) -> None:
        others = unit.related(kind)
        if others:
            self.log_unit(unit.id, LOG_INFO, f"Triggering {kind}= dependencies.")
        mode = unit.get("Unit", f"{kind}JobMode") or (MODE_REPLACE if kind == "OnFailure" else "fail")
        for other in others:
            self.try_enqueue(other, START, mode, f"{kind}= job")

    def _stop_if_bound(self, unit_id: str) -> None:
        if self.registry.find(unit_id) is None:
            return
        culprit = consequences.bound_to_inactive(self.jobs.view, unit_id)
        if culprit is not None:
            self.log_unit(unit_id, LOG_INFO, f"Unit is bound to inactive unit {culprit}. Stopping, too.")
            self.try_enqueue(unit_id, STOP, MODE_REPLACE, "stop job")

    def _stop_if_unneeded(self, unit_id: str) -> None:
        if self.registry.find(unit_id) is not None and consequences.unneeded(self.jobs.view, unit_id):
            self.log_unit(unit_id, LOG_INFO, "Unit not needed anymore. Stopping.")
            self.try_enqueue(unit_id, STOP, "fail", "stop job")

    def _start_if_upheld(self, unit_id: str) -> None:
        if self.registry.find(unit_id) is None:
            return
        culprit = consequences.upheld_by(self.jobs.view, unit_id)
        if culprit is not None:
            self.log_unit(unit_id, LOG_INFO, f"Unit is upheld by active unit {culprit}. Starting.")
            self.try_enqueue(unit_id, START, "fail", "start job")

    # --- the system as a whole ---

    def failed_units(self) -> list[ManagedUnit]:
        return [unit for unit in self.registry if unit.active_state == FAILED]

    def system_state(self) -> str:
        """What `is-system-running` says."""
        if self.halt.under_way:
            return "stopping"
        if not self.booted:
            basic = self.registry.find("basic.target")
            return "starting" if basic is not None and basic.active_state in ACTIVE_OR_RELOADING else "initializing"
        for name in ("rescue.target", "emergency.target"):
            unit = self.registry.find(name)
            if unit is not None and unit.active_state in (*ACTIVE_OR_RELOADING, ACTIVATING):
                return "maintenance"
        return "degraded" if self.failed_units() else "running"

    def boot_finished(self) -> None:
        """No job of the boot is left."""
        self.booted = True
        requests, self.boot_waiters = self.boot_waiters, []
        for request in requests:
            request.on_cancel = None
            self.loop.guard(lambda request=request: request.reply(state=self.system_state()))

    def reset_failed(self, unit: ManagedUnit) -> None:
        """Forget a failure and the start limit."""
        unit.starts = []
        self.step(unit, ResetFailed())

    def units_at_work(self) -> list[ManagedUnit]:
        """The units because of which an on-demand manager has to stay: services that are not down and tidy."""
        return [
            unit
            for unit in self.registry
            if unit.tracking is not None
            or (unit.traits.keeps_manager and unit.active_state != INACTIVE)
            or unit.active_state == DEACTIVATING
        ]


def _is_immediate(unit: ManagedUnit) -> bool:
    """Whether a start is over as soon as the process exists: systemd then says "Started" only."""
    return unit.kind.starts_at_once(unit.config, unit.state)
