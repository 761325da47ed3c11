"""The running manager as those see it who ask it something: its parts, and what can be said of the system as a whole.

The parts are made, and introduced to each other, in :mod:`.system`; none of them knows the manager.
"""

from __future__ import annotations

from systemctl_replacement.units.events import ResetFailed
from systemctl_replacement.units.states import ACTIVATING, ACTIVE_OR_RELOADING, DEACTIVATING, FAILED, INACTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.manager.boot_progress import BootProgress
    from systemctl_replacement.manager.bus.door import BusDoor
    from systemctl_replacement.manager.conditions.check import Checker
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.halt.halt import Halt
    from systemctl_replacement.manager.jobs.table import JobTable
    from systemctl_replacement.manager.leftovers import Leftovers
    from systemctl_replacement.manager.logs.logs import Logs
    from systemctl_replacement.manager.spec_of_unit import ExecDefaults
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_driver import Driver
    from systemctl_replacement.supervision.supervision import Processes
    from systemctl_replacement.unitfile.manager_config import ManagerConfig


class Manager:
    """One service manager."""

    def __init__(
        self,
        core: Core,
        boot: BootProgress,
        execution: ExecDefaults,
        leftovers: Leftovers,
        conditions: Checker,
        processes: Processes,
        driver: Driver,
        jobs: JobTable,
        halt: Halt,
        bus: BusDoor,
        logs: Logs,
    ) -> None:
        self.core = core
        self.log_unit = core.log_unit
        self.loop = core.loop
        self.log = core.log
        self.registry = core.registry
        self.boot = boot
        self.execution = execution
        self.leftovers = leftovers
        self.conditions = conditions
        self.processes = processes
        self.driver = driver
        self.jobs = jobs
        self.halt = halt
        self.bus = bus
        self.logs = logs

    @property
    def config(self) -> ManagerConfig:
        return self.core.config

    def failed_units(self) -> list[ManagedUnit]:
        return [unit for unit in self.registry if unit.active_state == FAILED]

    def system_state(self) -> str:
        """What `is-system-running` says."""
        if self.halt.under_way:
            return "stopping"
        if not self.boot.done:
            basic = self.registry.find("basic.target")
            return "starting" if basic is not None and basic.active_state in ACTIVE_OR_RELOADING else "initializing"
        for name in ("rescue.target", "emergency.target"):
            unit = self.registry.find(name)
            if unit is not None and unit.active_state in (*ACTIVE_OR_RELOADING, ACTIVATING):
                return "maintenance"
        return "degraded" if self.failed_units() else "running"

    def reset_failed(self, unit: ManagedUnit) -> None:
        """Forget a failure and the start limit."""
        unit.starts, unit.limit_hit = [], False
        self.driver.step(unit, ResetFailed())

    def units_at_work(self) -> list[ManagedUnit]:
        """The units because of which an on-demand manager has to stay: what runs or waits for
        something, and services that have failed."""
        return [
            unit
            for unit in self.registry
            if unit.tracking is not None
            or (unit.traits.keeps_manager and unit.active_state != INACTIVE)
            or unit.active_state == DEACTIVATING
        ]
