"""The units as the job engine sees them (jobs.model.View)."""

from __future__ import annotations

from systemctl_replacement.jobs.model import RELOAD, RESTART, STOP, Job
from systemctl_replacement.jobs.ordering import Priority, priority
from systemctl_replacement.manager.registry import PERPETUAL, Registry
from systemctl_replacement.manager.unit import ManagedUnit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def can_reload(unit: ManagedUnit) -> bool:
    """CanReload=: the unit has a way to reload its configuration."""
    can = unit.kind.can_reload(unit.config)
    return bool(unit.related("PropagatesReloadTo")) if can is None else can


def can_start(unit: ManagedUnit) -> bool:
    """CanStart= without RefuseManualStart=."""
    return unit.file.load_state == "loaded" and unit.traits.startable


def can_stop(unit: ManagedUnit) -> bool:
    """CanStop= without RefuseManualStop=. Units that mirror the kernel (mounts, devices) are not ours to stop."""
    return unit.id not in PERPETUAL and unit.traits.stoppable


def ignore_on_isolate(unit: ManagedUnit) -> bool:
    """IgnoreOnIsolate=, with its default by unit type."""
    configured = unit.file.settings.get(("Unit", "IgnoreOnIsolate"))
    return not unit.traits.stopped_by_isolate if configured is None else bool(configured)


# The default of CPUWeight= (systemd.resource-control(5)).
_DEFAULT_CPU_WEIGHT = 100


def priority_of(unit: ManagedUnit) -> Priority:
    """The place of the unit's job among jobs that nothing orders."""
    cpu_weight = unit.file.settings.get((unit.section, "CPUWeight"))
    nice = unit.file.settings.get((unit.section, "Nice")) or 0
    return priority(unit.id, unit.type, _DEFAULT_CPU_WEIGHT if cpu_weight is None else cpu_weight, nice)


class UnitView:
    """Answers from the registry and the job table."""

    def __init__(self, registry: Registry, jobs: dict[int, Job]) -> None:
        self._registry = registry
        self._jobs = jobs

    def canonical(self, unit: str) -> str:
        return self._registry.get(unit).id

    def heir(self, unit: str) -> str:
        return self._registry.heir(self._registry.known(unit)).id

    def kept_apart(self, unit: str) -> Collection[str]:
        return [other for other, name in self._registry.apart.items() if name == unit]

    def units(self) -> Iterable[str]:
        return [unit.id for unit in self._registry]

    def load_state(self, unit: str) -> str:
        return self._registry.known(unit).file.load_state

    def load_error(self, unit: str) -> tuple[str, str] | None:
        return self._registry.known(unit).file.load_error

    def active_state(self, unit: str) -> str:
        return self._registry.known(unit).active_state

    def dependencies(self, unit: str, kind: str) -> Collection[str]:
        return self._registry.known(unit).related(kind).keys()

    def job(self, unit: str) -> Job | None:
        return self._registry.known(unit).job

    def nop_job(self, unit: str) -> Job | None:
        return self._registry.known(unit).nop_job

    def jobs(self) -> Iterable[Job]:
        return list(self._jobs.values())

    def applicable(self, unit: str, job_type: str) -> bool:
        found = self._registry.known(unit)
        if job_type == STOP:
            return found.id not in PERPETUAL
        if job_type == RESTART:
            return can_stop(found) and can_start(found)
        return can_reload(found) if job_type == RELOAD else True

    def can_reload(self, unit: str) -> bool:
        return can_reload(self._registry.known(unit))

    def can_isolate(self, unit: str) -> bool:
        return bool(self._registry.known(unit).get("Unit", "AllowIsolate"))

    def refuse_manual_start(self, unit: str) -> bool:
        return bool(self._registry.known(unit).get("Unit", "RefuseManualStart"))

    def refuse_manual_stop(self, unit: str) -> bool:
        return bool(self._registry.known(unit).get("Unit", "RefuseManualStop"))

    def ignore_on_isolate(self, unit: str) -> bool:
        return ignore_on_isolate(self._registry.known(unit))

    def stop_when_unneeded(self, unit: str) -> bool:
        return bool(self._registry.known(unit).get("Unit", "StopWhenUnneeded"))
