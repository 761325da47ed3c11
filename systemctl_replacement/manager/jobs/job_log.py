"""The lines that say how a job begins and ends."""

from __future__ import annotations

from systemctl_replacement.jobs.model import DEPENDENCY, DONE, RESTART, START, STOP, TIMEOUT, VERIFY_ACTIVE
from systemctl_replacement.log_levels import LOG_INFO, LOG_NOTICE
from systemctl_replacement.manager.jobs import job_messages
from systemctl_replacement.units.states import ACTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.manager.boot_progress import BootProgress
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobBegun, JobEnd
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
        self._boot = boot

    def begun(self, begun: JobBegun) -> None:
        """The beginning of a job is logged if it takes a while."""
        job = begun.job
        unit = self._registry[job.unit]
        if unit.kind.starts_at_once(unit.config, unit.state):
            return  # systemd then says "Started" only
        if job.type in (STOP, RESTART) and begun.before != ACTIVE:
            return  # it says nothing of a start or a reload that is given up
        line = job_messages.message(unit.kind, unit.config, job.type, "", self._name(unit))
        if line is not None:
            said = self.status is not None and self.status.say_begun(job, unit)
            self._say(job, "", unit, line, said=said)

    def ended(self, end: JobEnd) -> None:
        """The end of a job is logged unless there was nothing to do."""
        job, unit = end.job, self._registry[end.job.unit]
        if end.already:
            return
        if job.type == START and end.result == DONE and not unit.condition_result:
            self._log_skipped(job, unit)
            return
        line = job_messages.message(unit.kind, unit.config, job.type, end.result, self._name(unit))
        if line is not None:
            said = self.status is not None and self.status.say_ended(job, unit, end.result)
            if job.type != VERIFY_ACTIVE:  # the log has what fails because of it
                self._say(job, end.result, unit, line, said=said)
        if end.result in (TIMEOUT, DEPENDENCY):
            text = f"{unit.id}: Job {unit.id}/{job.type} failed with result '{end.result}'."
            fields = (("JOB_TYPE", job.type), ("JOB_RESULT", end.result))
            if self._core.wants(unit, LOG_NOTICE):
                self._core.log.about(unit.id, LOG_NOTICE, text, news=False, fields=fields)

    def _say(
        self, job: Job, result: str, unit: ManagedUnit, line: tuple[int, str], news: bool = True, said: bool = False
    ) -> None:
        fields = tuple(job_messages.fields(job.id, job.type, result))
        self._core.log_about(unit.id, *line, news, fields, said=said)

    def _name(self, unit: ManagedUnit) -> str:
        return job_messages.unit_name(unit.id, unit.description, self._core.config.status_unit_format)

    def _log_skipped(self, job: Job, unit: ManagedUnit) -> None:
        name = self._name(unit)
        if unit.skipped:
            text = f"{name} is skipped in a container ({unit.skipped})."
            self._say(job, DONE, unit, (LOG_INFO, text), news=False)
            return
        # A boot sums up what it has skipped; but a container that was started for this unit may end with it.
        news = self._boot.done or not unit.names.isdisjoint(self._boot.named)
        text = job_messages.skipped(name, unit.get("Unit", "Conditions"), unit.condition_results)
        self._say(job, DONE, unit, (LOG_INFO, text), news)
