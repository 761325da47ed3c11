"""Which job goes first: After= and Before= applied to jobs, and the search for loops in that order.

Ordering exists between jobs only, never against states: a unit without a job holds nobody back. A stop (also as the
first half of a restart) goes before everything else. Two starts follow After=/Before=, two stops go in the reverse
order (systemd.unit(5), "Before=, After="). Among jobs without any order `priority` decides.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import NOP, RESTART, STOP, Job, View
from systemctl_replacement.unitfile.names import UNIT_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

AFTER = "After"
BEFORE = "Before"

_STOPPING = (STOP, RESTART)

_RANK = {type_: -place for place, type_ in enumerate(UNIT_TYPES)}

Priority = tuple[int, int, int, str]


def priority(unit: str, type_: str, cpu_weight: int, nice: int) -> Priority:
    """The place of a unit's job among those that may run now. The smallest goes first, as in systemd's run queue.

    It decides whether a unit is started before a requirement that fails at once, if the two are not ordered.
    """
    return _RANK[type_], -cpu_weight, nice, unit


def goes_first(type_: str, other: str, kind: str) -> bool:
    """Whether a job of `type_` runs before one of type `other`, whose unit is in the `kind` list of the first one's.

    Of two jobs for ordered units exactly one goes first, unless one of them is a nop job.
    """
    if NOP in (type_, other):
        return False
    if kind == BEFORE:
        return other not in _STOPPING
    return type_ in _STOPPING


def blockers(view: View, job: Job) -> list[str]:
    """The units whose installed jobs must end before this job may run."""
    if job.ignore_order or job.type == NOP:
        return []
    return [
        unit
        for kind in (AFTER, BEFORE)
        for unit in view.dependencies(job.unit, kind)
        if holds_back(view, job, unit, kind)
    ]


def holds_back(view: View, job: Job, unit: str, kind: str) -> bool:
    """Whether the job of `unit`, which is in the `kind` list of this job's unit, must end before this job may run."""
    other = view.job(unit)
    if (
        unit not in view.dependencies(job.unit, kind)
        or other is None
        or other.ignore_order
        or unit == job.unit
        or other.type == NOP
    ):
        return False
    return not goes_first(job.type, other.type, kind)


def a_blocker(view: View, job: Job) -> Optional[tuple[str, str]]:
    """One of the blockers and the list (`AFTER` or `BEFORE`) it is in, None if the job may run.

    It is the last one: a unit that is listed later usually ends later, so that the next search comes later too.
    """
    if job.ignore_order or job.type == NOP:
        return None
    for kind in (AFTER, BEFORE):
        for unit in reversed(list(view.dependencies(job.unit, kind))):
            if holds_back(view, job, unit, kind):
                return unit, kind
    return None


def find_cycle(roots: list[str], successors: Callable[[str], list[str]], acyclic: set[str]) -> Optional[list[str]]:
    """The first loop on a walk from the roots: its units from the one that closes the loop back to where it began.

    `acyclic` collects the units from which no loop can be reached. It stays valid while edges are only removed, so the
    search can continue after a loop has been broken.
    """
    for root in roots:
        if root in acyclic:
            continue
        path = [root]
        position = {root: 0}
        pending = [iter(successors(root))]
        while path:
            unit = next(pending[-1], None)
            if unit is None:
                pending.pop()
                finished = path.pop()
                del position[finished]
                acyclic.add(finished)
            elif unit in position:
                return path[position[unit] :][::-1]
            elif unit not in acyclic:
                position[unit] = len(path)
                path.append(unit)
                pending.append(iter(successors(unit)))
    return None
