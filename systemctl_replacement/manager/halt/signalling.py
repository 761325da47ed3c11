"""Whom a halt signals beside the stops of units: units that no job stops, what units have left behind, and those whose
stop has not signalled them when time is short.

No process gets SIGTERM from us twice: to many programs a second one means to drop everything (process/told.py).
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.jobs.model import MODE_REPLACE, STOP
from systemctl_replacement.manager.halt.remains import Remains
from systemctl_replacement.process import descendants
from systemctl_replacement.process.told import REMINDER
from systemctl_replacement.signals import SIGCONT, SIGKILL, SIGTERM
from systemctl_replacement.units.events import SignalAll
from systemctl_replacement.units.states import INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobTable
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.supervision.supervision import Processes


def is_up(unit: ManagedUnit) -> bool:
    """Whether there is anything to stop."""
    return unit.active_state not in INACTIVE_OR_FAILED


class HaltSignals:
    """Sends the signals of a halt that are not part of a unit's stop.

    every_process: all processes that we see end with us (as PID 1), not only those of our units.
    """

    def __init__(self, core: Core, jobs: JobTable, processes: Processes, every_process: bool) -> None:
        self.by_force = False  # units are not stopped: all their processes are left behind
        self.beside: Callable[[], list[int]] = list  # processes outside of units that are to end with us, too
        self.remains = Remains(core.loop, self._left_behind, core.log.manager, self._tell_unseen)
        self._guard = core.loop.guard
        self._registry = core.registry
        self._jobs = jobs
        self._processes = processes
        self._every_process = every_process

    # --- in time ---

    def stop_units_without_job(self) -> None:
        """Stop the units that no job stops. systemd leaves them to systemd-shutdown, which sends them SIGTERM after
        everything else."""
        for unit in self._without_stop_job():
            self._jobs.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")

    def stop_the_rest(self) -> None:
        """Stop the units that no job stops, and the processes that units have left behind."""
        if not self.by_force:
            self.stop_units_without_job()
        self.remains.terminate()

    @property
    def any_rest(self) -> bool:
        """Whether there is anything that the stop jobs do not stop."""
        return bool(self._without_stop_job()) or self.remains.any_left

    def _without_stop_job(self) -> list[ManagedUnit]:
        """Units that run and that no job stops, because of DefaultDependencies=no; without those that the halt itself
        starts."""
        return [
            unit
            for unit in self._registry
            if unit.tracking is not None
            and is_up(unit)
            and (unit.job is None or (unit.job.type != STOP and not unit.job.irreversible))
        ]

    def remind(self, units: Iterable[str]) -> None:
        """SIGTERM to services that have had none yet because their ExecStop= is running."""
        for unit in [self._registry[name] for name in units]:
            self._guard(self._remind_unit, unit)

    def _remind_unit(self, unit: ManagedUnit) -> None:
        processes = self._processes
        for action in unit.kind.remind(unit.config, unit.state):
            if isinstance(action, SignalAll):
                processes.signal_all(unit.id, action.signal, action.spare, action.cont, action.hup, REMINDER)
            else:
                processes.signal(unit.id, action.pids, action.signal, action.cont, action.hup, REMINDER)

    def tell_everybody(self) -> None:
        """SIGTERM to each process that has had none, including the commands of ExecStop= and the like."""
        left = set(self.remains.terminate())
        for unit in self._registry:
            if unit.tracking is not None:
                self._guard(self._tell_processes, unit.id, left)

    def _tell_processes(self, unit: str, left: set[int]) -> None:
        # The supervisor does not know whom we have signalled ourselves.
        spare = tuple(left.intersection(self._processes.reaper.pids(unit)))
        self._processes.signal_all(unit, SIGTERM, spare, True, False, REMINDER)

    # --- at the end ---

    def up(self) -> list[str]:
        """The units that still run processes."""
        return [unit.id for unit in self._registry if unit.tracking is not None and is_up(unit)]

    def kill_everything(self) -> None:
        """SIGKILL to the processes of all units."""
        processes = self._processes
        for unit in self._registry:
            if unit.tracking is not None:
                self._guard(processes.signal_all, unit.id, SIGKILL, (), False, False)
                for pid in processes.reaper.pids(unit.id):  # even if their supervisor does nothing
                    descendants.send(pid, SIGKILL)

    def kill_beside(self) -> None:
        """SIGKILL to the processes outside of units that are to end with us."""
        for pid in self.beside():
            descendants.send(pid, SIGKILL)

    def wake_helpers(self) -> None:
        """There is no time left to find out which of our helpers somebody has stopped."""
        processes = self._processes
        for pid in (*processes.helpers.pids, *(tracking.supervisor for tracking in processes.trackings.values())):
            if pid:
                descendants.send(pid, SIGCONT)

    # --- what is left behind ---

    def _left_behind(self) -> list[int]:
        """The processes that no unit is going to stop."""
        processes, reaper = self._processes, self._processes.reaper
        spared = {pid for unit in self._registry if unit.tracking is not None for pid in self._stopped_by(unit)}
        if self._every_process:
            syscalls.raise_limit("NOFILE")
            pids = [int(name) for name in descendants.with_reserve(os.listdir, "/proc") if name.isdigit()]
        else:
            pids = [pid for unit in processes.trackings for pid in reaper.pids(unit)] + self.beside()
        return [pid for pid in pids if pid not in spared and not processes.is_own(pid)]

    def _stopped_by(self, unit: ManagedUnit) -> Iterable[int]:
        """The processes that their unit ends: it is being stopped, and its stop waits for them."""
        if self.by_force or not is_up(unit):
            return ()
        pids = unit.kind.signalled(unit.config, unit.state)
        if pids is None:
            return self._processes.reaper.pids(unit.id)
        control = unit.roles.control
        return (*pids, control, *descendants.descendants(control)) if control else pids

    def _tell_unseen(self) -> bool:
        """SIGTERM to every process that there is, if we are PID 1 and cannot look at them. Our helpers ignore it."""
        if not self._every_process or os.getpid() != 1:
            return False
        try:
            os.kill(-1, SIGTERM)
        except OSError:
            return True  # there is nobody, or nobody whom we may signal
        return True
