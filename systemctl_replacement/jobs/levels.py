"""The levels of a stop order: the units that can be stopped at once, those that wait for them, and so on."""

from __future__ import annotations

from systemctl_replacement.jobs.model import RUNNING, STOP, Job, View
from systemctl_replacement.jobs.ordering import blockers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def stop_levels(view: View, takes_time: Callable[[str], bool]) -> list[list[Job]]:
    """The installed stop jobs by level, starting with those that nothing holds back.

    Only a unit that takes time to stop makes a level; a target between two services does not. Jobs after the last such
    unit are left out.
    """
    stops = {job.unit: job for job in view.jobs() if job.type == STOP}
    holding = {
        unit: [] if job.state == RUNNING else [other for other in blockers(view, job) if other in stops]
        for unit, job in stops.items()
    }
    waiting: dict[str, list[str]] = {}
    for unit, others in holding.items():
        for other in others:
            waiting.setdefault(other, []).append(unit)
    unknown = {unit: len(others) for unit, others in holding.items()}
    level = dict.fromkeys(stops, 0)
    settled = [unit for unit, count in unknown.items() if not count]
    for unit in settled:  # grows during the walk; a unit in a loop never gets in and counts as waiting for nobody
        for other in waiting.get(unit, ()):
            level[other] = max(level[other], level[unit] + takes_time(unit))
            unknown[other] -= 1
            if not unknown[other]:
                settled.append(other)
    last = max((level[unit] for unit in stops if takes_time(unit)), default=-1)
    levels: list[list[Job]] = [[] for _ in range(last + 1)]
    for unit, job in stops.items():
        if level[unit] <= last:
            levels[level[unit]].append(job)
    return levels
