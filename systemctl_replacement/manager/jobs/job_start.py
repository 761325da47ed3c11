"""Beginning a job: what has to hold before a unit is started, stopped or reloaded (systemd.unit(5)).

Each function answers IN_PROGRESS, AGAIN, ALREADY or the result with which the job ends at once.
"""

from __future__ import annotations

from systemctl_replacement.jobs import model
from systemctl_replacement.jobs.model import Job
from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import now_monotonic, now_stamp
from systemctl_replacement.manager import own_user, unit_change
from systemctl_replacement.manager.conditions.check import Checker
from systemctl_replacement.manager.jobs.job_view import can_reload, can_start, can_stop
from systemctl_replacement.manager.jobs.table import AGAIN, ALREADY, IN_PROGRESS
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.observers import Observers
from systemctl_replacement.unitfile.directives.not_applied import not_applied
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.units.events import Reload, Start, StartLimitHit, Stop
from systemctl_replacement.units.ratelimit import below_limit
from systemctl_replacement.units.states import ACTIVATING, ACTIVE, ACTIVE_OR_RELOADING, INACTIVE_OR_FAILED, RELOADING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.spec_of_unit import ExecDefaults
    from systemctl_replacement.manager.unit_driver import Driver


# What a halt stops mounts by (systemd.special(7)).
_UNMOUNTING = "umount.target"


class JobStarter:
    """Begins jobs.

    limit_hit: told the unit that was started too often (StartLimitBurst=).
    """

    def __init__(self, core: Core, driver: Driver, conditions: Checker, execution: ExecDefaults) -> None:
        self.limit_hit: Observers[ManagedUnit] = Observers(core.loop.guard)
        self.registry = core.registry
        self.conditions = conditions
        self.execution = execution
        self.log_unit = core.log_unit
        self.step = driver.step
        self.refusal = driver.refusal
        self._core = core

    @property
    def config(self) -> ManagerConfig:
        return self._core.config

    def begin(self, job: Job) -> str:
        """Begin a job whose turn it is."""
        return _BEGIN[job.type](self, self.registry[job.unit])


def _start(starter: JobStarter, unit: ManagedUnit) -> str:
    active = unit.active_state
    if active in ACTIVE_OR_RELOADING:
        return ALREADY
    if unit.file.load_state != "loaded":
        return model.FAILED
    if unit.kind.must_settle(unit.state):
        return AGAIN
    if active != ACTIVATING:
        refused = _refuse(starter, unit)
        if refused:
            return refused
    if not can_start(unit):
        return model.UNSUPPORTED
    for other in unit.related("BindsTo"):
        if other in unit.related("After") and starter.registry[other].active_state not in ACTIVE_OR_RELOADING:
            starter.log_unit(unit.id, LOG_INFO, f"Bound to unit {other}, but unit isn't active.")
            return model.DEPENDENCY
    if active != ACTIVATING:
        refusal = starter.refusal(unit)
        if refusal:
            starter.log_unit(unit.id, LOG_ERR, refusal)
            return model.FAILED
        if unit.job is not None and not unit.activation_details:
            unit.activation_details = unit.job.details
        unit.invocation_id = unit_change.new_invocation()
        for warning in _what_is_not_applied(starter, unit):
            starter.log_unit(unit.id, LOG_WARNING, warning)
        starter.step(unit, Start())
    return IN_PROGRESS


def _what_is_not_applied(starter: JobStarter, unit: ManagedUnit) -> Iterator[str]:
    """What is logged of settings that have no effect."""
    missing = not_applied(unit.file)
    if missing:
        names = ", ".join(f"{name}=" for name in missing)
        yield f"Settings that are not applied here: {names}"
    ignored = starter.execution.ignored_identity(unit)
    if ignored:
        yield own_user.warning(starter.execution.own_name, ignored)
    ignored = starter.execution.ignored_owners(unit)
    if ignored:
        yield own_user.owner_warning(starter.execution.own_name, ignored)


def _refuse(starter: JobStarter, unit: ManagedUnit) -> str:
    """Why a unit must not be started, as the result of its job; "" if it may be."""
    unit.condition_result = not unit.skipped
    unit.stamps["Condition"] = now_stamp()
    if not unit.skipped:
        unit.condition_result, unit.condition_results = starter.conditions.hold(unit, "Conditions")
    if not unit.condition_result:
        return model.DONE
    unit.assert_result, unit.assert_results = starter.conditions.hold(unit, "Asserts")
    unit.stamps["Assert"] = now_stamp()
    if not unit.assert_result:
        starter.log_unit(unit.id, LOG_NOTICE, "Starting requested but asserts failed.")
        return model.ASSERT
    # Only starts that nothing else prevents count.
    if unit.traits.start_limited:
        interval = unit.get("Unit", "StartLimitIntervalSec")
        burst = unit.get("Unit", "StartLimitBurst")
        interval = starter.config.default_start_limit_interval if interval is None else interval
        burst = starter.config.default_start_limit_burst if burst is None else burst
        allowed, unit.starts = below_limit(unit.starts, now_monotonic(), interval, burst)
        unit.limit_hit = not allowed
        if not allowed:
            starter.step(unit, StartLimitHit())
            starter.limit_hit.tell(unit)
            return model.FAILED
    return ""


def _stop(starter: JobStarter, unit: ManagedUnit) -> str:
    if unit.active_state in INACTIVE_OR_FAILED:
        return ALREADY
    if not can_stop(unit):
        return model.UNSUPPORTED
    if unit.kind.is_foreign(unit.state) and _unmounts_all(starter, unit):
        return ALREADY
    starter.step(unit, Stop())
    return IN_PROGRESS


def _unmounts_all(starter: JobStarter, unit: ManagedUnit) -> bool:
    """Whether a unit is to stop because of a halt. What the engine has mounted goes with the container: it is not ours
    to unmount, and we could not in most."""
    other = starter.registry.find(_UNMOUNTING) if _UNMOUNTING in unit.related("Conflicts") else None
    return other is not None and other.job is not None and other.job.type == model.START


def _reload(starter: JobStarter, unit: ManagedUnit) -> str:
    if not can_reload(unit):
        return model.SKIPPED
    active = unit.active_state
    if active == RELOADING:
        return AGAIN
    if active != ACTIVE:
        starter.log_unit(unit.id, LOG_WARNING, "Unit cannot be reloaded because it is inactive.")
        return model.INVALID
    if unit.kind.can_reload(unit.config) is None:
        return model.DONE  # the units that it is passed on to have jobs of their own
    if not unit.traits.startable:
        return model.UNSUPPORTED
    starter.step(unit, Reload())
    return IN_PROGRESS


def _verify_active(starter: JobStarter, unit: ManagedUnit) -> str:
    active = unit.active_state
    if active in ACTIVE_OR_RELOADING:
        return ALREADY
    return AGAIN if active == ACTIVATING else model.SKIPPED


def _nothing(starter: JobStarter, unit: ManagedUnit) -> str:
    return model.DONE


_BEGIN: dict[str, Callable[[JobStarter, ManagedUnit], str]] = {
    model.START: _start,
    model.VERIFY_ACTIVE: _verify_active,
    model.STOP: _stop,
    model.RESTART: _stop,
    model.RELOAD: _reload,
    model.NOP: _nothing,
}
