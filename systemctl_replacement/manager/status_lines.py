"""Shows status lines on the container's output: told of jobs, it says how they begin and end while the system starts or
stops, and that something is going on when that takes long.

What the lines say is decided in :mod:`.status_line_text`. Imported when status lines are wanted.
"""

from __future__ import annotations

import os

from systemctl_replacement.jobs.model import FAILED, RELOAD, RUNNING, START
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager import status_line_text
from systemctl_replacement.manager.jobs import job_messages
from systemctl_replacement.manager.status_line_text import AUTO, SHOWS_ALL, TEMPORARY, Screen, Waiting
from systemctl_replacement.terminal_settings import colors_asked_for, is_term_dumb, unicode_wanted
from systemctl_replacement.units.events import Elapsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Callable

    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.loop import Timer
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobEnd, JobTable
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.supervision.console import ConsoleHandle

# How long nothing may end before a line says that something is going on; where nothing is shown yet; and how often that
# line moves. It stays with one job for so many steps.
_FIRST_USEC = 2_000_000
_QUIET_USEC = 25_000_000
_PERIOD_USEC = 333_333
_STEPS_PER_JOB = 3

_DEFAULT_COLUMNS = 80


class StatusLines:
    """Its mode, one of those of :mod:`.status_line_text`, is `log.status_lines`."""

    def __init__(
        self,
        core: Core,
        jobs: JobTable,
        console: ConsoleHandle,
        may_show: Callable[[], bool],
        is_taken: Callable[[], bool],
    ) -> None:
        """may_show: whether the system is starting or stopping; is_taken: whether a foreground command has the
        terminal."""
        self._core = core
        self._jobs = jobs
        self._console = console
        self._may_show = may_show
        self._is_taken = is_taken
        # A terminal that can do more than print lines: what is written there can be taken back.
        self._can_erase = console.is_tty and not is_term_dumb()
        asked = colors_asked_for()
        self._colors = self._can_erase if asked is None else asked
        self._ellipsis = "…" if unicode_wanted() else "..."
        self._since: dict[int, int] = {}  # when jobs were queued, by id
        self._timer: Timer | None = None
        self._step = 0
        for job in jobs.jobs.values():
            self._queued(job)
        jobs.queued.add(self._queued)
        jobs.begun.add(lambda _job: self._watch())
        jobs.ended.add(self._ended)
        jobs.emptied.add(self._no_job_is_left)

    @property
    def _mode(self) -> str:
        return self._core.log.status_lines

    def set_mode(self, mode: str) -> None:
        self._core.log.status_lines = mode
        self._rest()
        self._watch()

    def welcome(self, os_release: Mapping[str, str]) -> None:
        """The system begins to start."""
        if self._mode in SHOWS_ALL:
            self._print(status_line_text.welcome(self._screen(), os_release))

    # --- jobs ---

    def say_begun(self, job: Job, unit: ManagedUnit) -> bool:
        """A job has begun that takes a while. Returns whether a line says so."""
        message = self._message(job, unit, "")
        if not message or job.type == RELOAD or not self._shows(False):
            return False
        self._print(status_line_text.begun(self._screen(), message))
        return True

    def say_ended(self, job: Job, unit: ManagedUnit, result: str) -> bool:
        """A job has ended that had something to do. Returns whether a line says so."""
        message = self._message(job, unit, result)
        if not message or job.type == RELOAD or not self._shows(result != "done"):
            return False
        line = status_line_text.ended(self._screen(), result, message)
        if not line:
            return False
        self._print(line)
        if job.type == START and result == FAILED and self._shows(False):
            self._print(status_line_text.see_status(self._screen(), unit.id))
        return True

    def _message(self, job: Job, unit: ManagedUnit, result: str) -> str:
        highlight = status_line_text.NAME_COLORS if self._colors else ("", "")
        name = job_messages.unit_name(unit.id, status_line_text.one_line(unit.description), self._format, highlight)
        line = job_messages.message(unit.kind, unit.config, job.type, result, name)
        return line[1] if line is not None else ""

    @property
    def _format(self) -> str:
        return self._core.config.status_unit_format

    def _shows(self, is_failure: bool) -> bool:
        return status_line_text.may_show(self._mode, is_failure) and self._may_show()

    def _screen(self) -> Screen:
        columns = 0
        if self._can_erase:
            try:
                columns = os.get_terminal_size(self._console.stdout).columns or _DEFAULT_COLUMNS
            except OSError:
                columns = _DEFAULT_COLUMNS
        return Screen(self._colors, columns, self._ellipsis)

    def _print(self, line: str) -> None:
        self._console.print(f"{line}\n")

    # --- what takes long ---

    def _queued(self, job: Job) -> None:
        self._since.setdefault(job.id, now_monotonic())
        if job.state == RUNNING:  # since before a re-execution
            self._watch()

    def _ended(self, end: JobEnd) -> None:
        """Something has happened: what is still going on has time until it is said."""
        if end.job.id not in self._jobs.jobs:
            self._since.pop(end.job.id, None)
        if self._timer is not None:
            self._rest()
            self._watch()

    def _no_job_is_left(self, _jobs: object) -> None:
        self._rest()
        if self._mode == TEMPORARY:
            self._core.log.status_lines = AUTO

    def end(self, _status: int) -> None:
        """The manager ends: nothing moves any more."""
        self._may_show = bool
        self._rest()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """Look after a while, if there may be something to say."""
        wanted = self._mode == AUTO or (self._mode in SHOWS_ALL and self._can_erase)
        if self._timer is None and wanted and self._may_show():
            after = _QUIET_USEC if self._mode == AUTO else _FIRST_USEC
            self._timer = self._core.loop.call_at(now_monotonic() + after, self._say_what_goes_on)

    def _say_what_goes_on(self) -> None:
        self._timer = None
        running = [job for job in self._jobs.jobs.values() if job.state == RUNNING]
        if not running or not self._may_show():
            return
        if self._mode == AUTO:
            self._core.log.status_lines = TEMPORARY
        if self._mode not in SHOWS_ALL or not self._can_erase:
            return
        self._timer = self._core.loop.call_at(now_monotonic() + _PERIOD_USEC, self._say_what_goes_on)
        if not self._is_taken() and not any(map(_uses_terminal, self._core.registry)):
            number = self._step // _STEPS_PER_JOB % len(running)
            waiting = self._waiting(running[number])
            screen, step = self._screen(), self._step
            line = status_line_text.in_progress(screen, step, number + 1, len(running), waiting, self._format)
            self._console.print_for_now(f"{line}\n")
            self._step += 1

    def _waiting(self, job: Job) -> Waiting:
        unit = self._core.registry[job.unit]
        since = self._since[job.id]
        ends = [at for at, event in unit.kind.deadlines(unit.state) if isinstance(event, Elapsed)]
        limit = self._jobs.deadline(job.id)
        if limit is not None:
            ends.append(limit)
        name = unit.description if self._format == job_messages.DESCRIPTION else unit.id
        status = unit.kind.status_text(unit.state)
        return Waiting(name, job.type, now_monotonic() - since, min(ends) - since if ends else None, status)


def _uses_terminal(unit: ManagedUnit) -> bool:
    """Whether a service talks to somebody on the terminal, who is not to be disturbed by what moves there."""
    streams = ("StandardInput", "StandardOutput", "StandardError") if unit.tracking is not None else ()
    return any(str(unit.own(stream)).startswith("tty") for stream in streams)
