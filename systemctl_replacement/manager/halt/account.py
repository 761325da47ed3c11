"""How long the stops of a halt took, and who had to be killed: what the log says at its end."""

from __future__ import annotations

from systemctl_replacement.few_names import few
from systemctl_replacement.jobs.model import STOP
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.unitfile.values import format_time_span
from systemctl_replacement.units.states import FAILED, TIMEOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.manager.jobs.table import JobBegun, JobEnd
    from systemctl_replacement.manager.registry import Registry

# A stop that takes this long is worth a line: as long as systemd waits before it shows what a halt is waiting for.
SLOW_USEC = 5_000_000
# Unless the time for the halt is so short that this part of it is less.
_SLOW_PART = 3

_ACCURACY_USEC = 100_000


def took(usec: int) -> str:
    """How long something took, as the log says it."""
    return format_time_span(usec, _ACCURACY_USEC)


class HaltAccount:
    """Told of jobs as an observer. Times are monotonic microseconds.

    since: when the halt began, 0 without a halt.
    """

    def __init__(self, registry: Registry, since: Callable[[], int]) -> None:
        self._registry = registry
        self._since = since
        self._began: dict[int, int] = {}  # when stops began, by the id of the job
        self._stops: dict[str, tuple[int, bool]] = {}  # unit -> (how long its stop took, whether it was killed)

    @property
    def saved(self) -> dict[str, Any]:
        """As plain data, for a re-execution."""
        return {"began": list(self._began.items()), "stops": [[unit, *stop] for unit, stop in self._stops.items()]}

    def restore(self, saved: dict[str, Any]) -> None:
        self._began = dict(saved["began"])
        self._stops = {unit: (usec, killed) for unit, usec, killed in saved["stops"]}

    def begun(self, begun: JobBegun) -> None:
        """A job has begun."""
        if begun.job.type == STOP:
            self._began.setdefault(begun.job.id, now_monotonic())

    def since(self, job: Job) -> int | None:
        """When a stop began, or the halt if that was later; None: it has not begun."""
        began = self._began.get(job.id)
        return None if began is None else max(began, self._since())

    def ended(self, end: JobEnd) -> None:
        """A job has ended."""
        began = self.since(end.job)
        self._began.pop(end.job.id, None)
        if began is None or not self._since():
            return
        unit = self._registry.find(end.job.unit)
        killed = unit is not None and unit.active_state == FAILED and unit.kind.result(unit.state) == TIMEOUT
        self._note(end.job.unit, now_monotonic() - began, killed)

    def killing(self, unit: str) -> None:
        """A unit's processes are killed because the time is over."""
        found = self._registry.find(unit)
        job = found.job if found is not None else None
        began = self.since(job) if job is not None else None
        self._note(unit, now_monotonic() - (self._since() if began is None else began), True)

    def _note(self, unit: str, usec: int, killed: bool) -> None:
        known = self._stops.get(unit)
        if known is None or not known[1]:  # what was killed ends a moment later
            self._stops[unit] = (usec, killed)

    def summary(self, time: int) -> tuple[bool, str]:
        """Whether anybody was killed, and what to say at the end, "" if nothing took long. time: what the halt had, 0
        if there was no limit."""
        return summary(now_monotonic() - self._since(), self._stops, time)


def summary(usec: int, stops: dict[str, tuple[int, bool]], time: int) -> tuple[bool, str]:
    """The same for a halt that took `usec`, with the stops as (how long it took, whether it was killed)."""
    slow_usec = min(SLOW_USEC, time // _SLOW_PART) if time else SLOW_USEC
    by_time = sorted(stops.items(), key=lambda stop: (-stop[1][0], stop[0]))
    killed = [f"{unit} (after {took(usec)})" for unit, (usec, killed) in by_time if killed]
    slow = [f"{unit} ({took(usec)})" for unit, (usec, killed) in by_time if usec >= slow_usec and not killed]
    parts = _parts((("Killed", killed), ("Slow to stop", slow)))
    return bool(killed), f"The halt took {took(usec)}. {' '.join(parts)}" if parts else ""


def _parts(lists: Sequence[tuple[str, list[str]]]) -> list[str]:
    return [f"{what}: {few(names)}." for what, names in lists if names]
