"""The units that the command line of init names: when all of them have ended, so does the container.

What became of each is kept in the record of the boot, which outlives a re-execution (and the unit, which may be
forgotten when it is down).
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import DONE, RESTART, SKIPPED, START
from systemctl_replacement.log_levels import LOG_NOTICE
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.halt.final_status import UNITS, status_of_units
from systemctl_replacement.units.states import FAILED, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from systemctl_replacement.manager.boot_progress import BootProgress
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.halt.halt import Halt
    from systemctl_replacement.manager.jobs.table import JobEnd, JobTable
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_change import UnitChange

_FAILURE = 1  # the status of an end that has none of its own


class NamedUnits:
    """Halts when every named unit is down and no job is left: none that would start one again, and none of what its
    end has started (OnFailure=, OnSuccess=). It is told what happens to units and jobs as an observer."""

    def __init__(self, core: Core, jobs: JobTable, halt: Halt, boot: BootProgress) -> None:
        self._core = core
        self._jobs = jobs
        self._halt = halt
        self._boot = boot
        self._looking = False

    @property
    def _ends(self) -> dict[str, list[int] | None]:
        """By name: [whether it failed, exit status, monotonic microseconds]; None for a unit that is still to end."""
        return self._boot.named

    def unit_changed(self, change: UnitChange) -> None:
        """A named unit has gone down, or comes up again."""
        if not self._ends or change.old == change.new:
            return
        if change.new not in INACTIVE_OR_FAILED:
            self._note(change.unit, None)
        elif not change.will_restart:
            failed = change.new == FAILED
            status = change.unit.kind.ended_with(change.unit.state)
            if failed and status <= 0:
                status = _FAILURE
            self._note(change.unit, [failed, max(status, 0), now_monotonic()])

    def job_ended(self, end: JobEnd) -> None:
        """The start of a named unit has come to nothing, because of a condition (which is no failure), say. How a unit
        that was started has ended is told afterwards."""
        if not self._ends or end.job.type not in (START, RESTART):
            return
        unit = self._core.registry.find(end.job.unit)
        if unit is not None and unit.active_state in INACTIVE_OR_FAILED:
            failed = end.result not in (DONE, SKIPPED)
            self._note(unit, [failed, _FAILURE if failed else 0, now_monotonic()])

    def no_job_is_left(self, _jobs: JobTable) -> None:
        if self._ends:
            self._look_soon()

    def isolated(self, _unit: str) -> None:
        """The container runs something else from now on, and does not end with what it was started for."""
        self._ends.clear()

    def _note(self, unit: ManagedUnit, end: list[int] | None) -> None:
        for name in self._ends:
            if self._core.registry.find(name) is unit:
                self._ends[name] = end
                self._look_soon()

    def _look_soon(self) -> None:
        """Look once all that has happened is dealt with: it may start one of them again."""
        if not self._looking:
            self._looking = True
            self._core.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        ends = {name: end for name, end in self._ends.items() if end is not None}
        if not ends or len(ends) < len(self._ends) or self._jobs.jobs or self._halt.requested:
            return
        told = ", ".join(f"{name} with status {status}" for name, (_failed, status, _when) in ends.items())
        self._core.log.manager(LOG_NOTICE, f"All that init was started for has ended: {told}.")
        self._halt.known[UNITS] = status_of_units(_all(ends.values()))
        self._halt.request("exit")


def _all(ends: Iterable[list[int]]) -> list[tuple[bool, int, int]]:
    return [(bool(failed), status, when) for failed, status, when in ends]
