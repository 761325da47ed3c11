"""The lines that say how a job begins and ends."""

from __future__ import annotations

from systemctl_replacement.jobs.model import RESTART, START, STOP
from systemctl_replacement.log_levels import LOG_INFO
from systemctl_replacement.manager.jobs import job_messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.manager.boot_progress import BootProgress
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobEnd
    from systemctl_replacement.manager.status_lines import StatusLines
    from systemctl_replacement.manager.unit import ManagedUnit


class JobLog:
    """Told of jobs as an observer.

    status: where it is said as a status line that a job has begun or ended, the container's output needs no other.
    """

    def __init__(self, core: Core, boot: BootProgress) -> None:
        self.status: StatusLines | None = None
        self._core = core
        self._registry = core.registry
        self._log = core.log
        self._boot = boot

    def begun(self, job: Job) -> None:
        """The beginning of a job is logged if it takes a while."""
        unit = self._registry[job.unit]
        if unit.kind.starts_at_once(unit.config, unit.state):
            return  # systemd then says "Started" only
        if job.type in (STOP, RESTART) and not _was_up(unit):
            return  # it says nothing of a start that is given up
        line = job_messages.message(unit.kind, unit.config, job.type, "", self._name(unit))
        if line is not None:
            said = self.status is not None and self.status.say_begun(job, unit)
            self._log.about(unit.id, line[0], line[1], unit.invocation_id, unit.traits.prominent, said)

    def ended(self, end: JobEnd) -> None:
        """The end of a job is logged unless there was nothing to do."""
        job, unit = end.job, self._registry[end.job.unit]
        if end.already:
            return
        if job.type == START and end.result == "done" and not unit.condition_result:
            self._log_skipped(unit)
            return
        line = job_messages.message(unit.kind, unit.config, job.type, end.result, self._name(unit))
        if line is not None:
            said = self.status is not None and self.status.say_ended(job, unit, end.result)
            self._log.about(unit.id, line[0], line[1], unit.invocation_id, unit.traits.prominent, said)

    def _name(self, unit: ManagedUnit) -> str:
        return job_messages.unit_name(unit.id, unit.description, self._core.config.status_unit_format)

    def _log_skipped(self, unit: ManagedUnit) -> None:
        if unit.skipped:
            text = f"{self._name(unit)} is skipped in a container ({unit.skipped})."
            self._log.about(unit.id, LOG_INFO, text, news=False)
            return
        conditions = unit.get("Unit", "Conditions")
        failed = next((c for c, met in zip(conditions, unit.condition_results) if met < 0 and not c.trigger), None)
        if failed is None:
            text = "because no trigger condition checks were met."
        else:
            sign = ("|" if failed.trigger else "") + ("!" if failed.negate else "")
            text = f"because of an unmet condition check (Condition{failed.kind}={sign}{failed.parameter})."
        # A boot sums up what it has skipped; but a container that was started for this unit may end with it.
        news = unit.traits.prominent and (self._boot.done or not unit.names.isdisjoint(self._boot.named))
        self._log.about(unit.id, LOG_INFO, f"{self._name(unit)} was skipped {text}", news=news)


def _was_up(unit: ManagedUnit) -> bool:
    """Whether a unit that is going down has been up since it was started."""
    never = (0, 0)
    return unit.stamps.get("ActiveEnter", never)[1] >= unit.stamps.get("InactiveExit", never)[1]
