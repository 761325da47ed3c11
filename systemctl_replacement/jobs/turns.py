"""Stops in order and in time: when it is a unit's turn, whether or not those that go first are done. Pure.

A halt of limited time has to stop unit after unit, and some may take all the time there is. Each has its share of it:

- Where all stops of a chain fit, each unit has the time that it may take at most (TimeoutStopSec=), and the order is
  kept.
- Where they do not, the units of a chain share the time equally, except that none has more than it may take.
- What counts for a unit is the longest chain that it is in. What it neither waits for nor holds back does not matter.
- What one does not use goes to those behind it: turns are worked out anew when one has come, unless that takes too much
  of the time.

So `turns` looks for the largest cap, for each unit, with which the chain through it fits. It tries a few caps for all
units at once, in two walks over the order, and takes the line between two of them for what lies between. That this is
fair can be proved: along any step of the order the way up to a unit grows, and the way from it on shrinks, at least by
the unit's share, with every cap and so with all in between (tests/unit/jobs/test_turns.py).
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import STOP
from systemctl_replacement.jobs.ordering import blockers
from systemctl_replacement.records import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from systemctl_replacement.jobs.model import Job, View

# The caps that are tried, in parts of the whole time: none, and from 1/256 on by steps of the square root of two.
_CAPS = (0.0, *(2 ** (step / 2 - 8) for step in range(17)))


@dataclass(frozen=True)
class Stop:
    """The stop of a unit. `need`: how long it may take, in microseconds; 0: it only has a place in the order. `behind`:
    the units that go first. `since`: when it began (monotonic microseconds), None: it has not."""

    need: int
    behind: tuple[str, ...] = ()
    since: int | None = None


@dataclass(frozen=True)
class Turns:
    """When it is the turn, at the latest, of each unit that waits for others, and of everything that is in no order
    (`rest`). Monotonic microseconds."""

    units: dict[str, int]
    rest: int


def stops_of(view: View, need: Callable[[str], int], since: Callable[[Job], int | None]) -> dict[str, Stop]:
    """The installed stop jobs as stops."""
    jobs = {job.unit: job for job in view.jobs() if job.type == STOP}
    stops = {}
    for unit, job in jobs.items():
        begun = since(job)
        behind = tuple(other for other in blockers(view, job) if other in jobs) if begun is None else ()
        stops[unit] = Stop(need(unit), behind, begun)
    return stops


def in_order(stops: Mapping[str, Stop]) -> list[tuple[str, list[str]]]:
    """Each unit with those that it waits for, which come before it. In a loop whoever is named first waits for
    nobody."""
    holding = {
        unit: [other for other in stop.behind if other in stops] if stop.since is None else []
        for unit, stop in stops.items()
    }
    held: dict[str, list[str]] = {}
    for unit, others in holding.items():
        for other in others:
            held.setdefault(other, []).append(unit)
    unknown = {unit: len(others) for unit, others in holding.items()}
    settled = [unit for unit, count in unknown.items() if not count]
    for unit in settled:  # grows during the walk
        for other in held.get(unit, ()):
            unknown[other] -= 1
            if not unknown[other]:
                settled.append(other)
    done = dict.fromkeys(settled)
    order = [(unit, holding[unit]) for unit in settled]
    for unit in stops:
        if unit not in done:
            order.append((unit, [other for other in holding[unit] if other in done]))
            done[unit] = None
    return order


def longest_chain(stops: Mapping[str, Stop]) -> list[str]:
    """The units that take the longest to be stopped one after the other, in order."""
    total: dict[str, int] = {}
    first: dict[str, str] = {}  # which of those that it waits for is done last
    for unit, others in in_order(stops):
        last = max(others, key=lambda other: total[other], default="")
        if last:
            first[unit] = last
        total[unit] = stops[unit].need + total.get(last, 0)
    chain = []
    unit = max(total, key=lambda unit: total[unit], default="")
    while unit:
        if stops[unit].need:
            chain.append(unit)
        unit = first.get(unit, "")
    return chain[::-1]


def turns(stops: Mapping[str, Stop], rest: int, begin: int, now: int, end: int) -> Turns:
    """Everybody's turn in a time from `begin` to `end`. rest: how long everything that is in no order may take, which
    comes last."""
    caps = [int(part * (end - begin)) for part in _CAPS]
    order = in_order(stops)
    # With each cap: when a unit is done if everybody takes all of its share; how long it and those behind it take.
    done: dict[str, list[int]] = {}
    begins: dict[str, list[int]] = {}
    for unit, others in order:
        stop = stops[unit]
        since = now if stop.since is None else stop.since
        begins[unit] = _longest([done[other] for other in others]) if others else [since] * len(caps)
        done[unit] = [at + min(stop.need, cap) for at, cap in zip(begins[unit], caps)]
    share = [min(rest, cap) for cap in caps]
    behind: dict[str, list[list[int]]] = {}  # how long those that wait for a unit, and those behind them, take
    left: dict[str, list[int]] = {}  # and with the unit itself
    for unit, others in reversed(order):
        need = stops[unit].need
        after = _longest(behind.pop(unit, [share]))
        left[unit] = [min(need, cap) + then for cap, then in zip(caps, after)]
        for other in others:
            behind.setdefault(other, []).append(left[unit])
    found = {unit: _turn(begins[unit], left[unit], end) for unit, others in order if others}
    return Turns(found, _turn(_longest(list(done.values()) or [[now] * len(caps)]), share, end))


def _longest(times: list[list[int]]) -> list[int]:
    """The maximum with each cap."""
    return list(map(max, *times)) if len(times) > 1 else times[0]


def _turn(begins: list[int], left: list[int], end: int) -> int:
    """The latest time to begin, with the largest cap that fits."""
    last = len(begins) - 1
    if begins[last] + left[last] <= end:
        return end - left[last]
    fits = next(place for place in range(last - 1, -1, -1) if not place or begins[place] + left[place] <= end)
    room = max(end - begins[fits] - left[fits], 0)
    step = begins[fits + 1] + left[fits + 1] - begins[fits] - left[fits]
    return begins[fits] + (begins[fits + 1] - begins[fits]) * room // step


def come(stops: Mapping[str, Stop], rest: int, begin: int, now: int, end: int) -> tuple[list[str], Turns]:
    """The units whose turn has come by now, in order, and the turns of the others. Who looks late finds several of a
    chain at once: turns are worked out only once, which takes long enough where an order is long."""
    when = turns(stops, rest, begin, now, end)
    ready = [unit for unit, at in when.units.items() if at <= now]
    return ready, replace(when, units={unit: at for unit, at in when.units.items() if at > now})


def holding_up(stops: Mapping[str, Stop], units: Iterable[str]) -> list[str]:
    """Those whose stop is under way, and for which any of `units` still waits."""
    late: dict[str, None] = {}
    seen = set()
    pending = list(units)
    while pending:
        for other in stops[pending.pop()].behind:
            if other not in stops or other in seen:
                continue
            seen.add(other)
            if stops[other].since is None:
                pending.append(other)
            else:
                late[other] = None
    return list(late)
