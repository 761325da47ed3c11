"""How long a halt of the image may take, beside the time that it will have."""

from __future__ import annotations

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.manager.stop_time import VARIABLE, stop_time
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.values import INFINITY, format_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from systemctl_replacement.check.image import Image
    from systemctl_replacement.manager.unit import ManagedUnit

_ACCURACY_USEC = 1_000_000


@dataclass(frozen=True)
class StopTime:
    """Times in microseconds. `chain`: the units that take longest one after the other, `usec` in all, if each needs its
    TimeoutStopSec=. `limit_usec`: what a halt has, 0 for as long as it takes. `told`: init was told so, it is no guess.
    """

    chain: tuple[str, ...]
    usec: int
    limit_usec: int
    told: bool
    problems: tuple[str, ...] = ()


def of(image: Image, running: Iterable[ManagedUnit], told: int | None, environment: Mapping[str, str]) -> StopTime:
    """For the units that run. told: --stop-timeout=."""
    units = {unit.id: unit for unit in running}
    needs = {name: _need(unit) for name, unit in units.items()}
    chain = _longest_chain(
        needs, {name: [other for other in unit.related("Before") if other in units] for name, unit in units.items()}
    )
    known = {name: value for name, value in environment.items() if name == VARIABLE}
    problems: list[str] = []
    limit = stop_time(told, {**image.profile.environment, **known}, lambda path: False, problems.append)
    return StopTime(
        chain,
        min(sum(needs[name] for name in chain), INFINITY),
        limit.usec if limit is not None else 0,
        limit is not None and not limit.engine,
        tuple(problems),
    )


def _longest_chain(needs: Mapping[str, int], behind: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The units that take longest one after the other, in the order in which they are stopped. behind: those that a
    unit waits for."""
    left = {unit: len(others) for unit, others in behind.items()}
    total = dict(needs)
    first: dict[str, str] = {}
    held: dict[str, list[str]] = {}
    for unit, others in behind.items():
        for other in others:
            held.setdefault(other, []).append(unit)
    settled = [unit for unit, count in left.items() if not count]
    for unit in settled:  # grows during the walk
        for other in held.get(unit, ()):
            if total[unit] + needs[other] > total[other]:
                total[other], first[other] = total[unit] + needs[other], unit
            left[other] -= 1
            if not left[other]:
                settled.append(other)
    chain = [max(settled, key=lambda unit: total[unit])] if settled else []
    while chain and chain[-1] in first:
        chain.append(first[chain[-1]])
    return tuple(unit for unit in reversed(chain) if needs[unit])


def _need(unit: ManagedUnit) -> int:
    """What a unit may take to stop: nothing if no process of it is left to be stopped."""
    if not unit.traits.runs_processes:
        return 0
    has_ended = unit.own("Type") == "oneshot"
    if has_ended and not (unit.own("RemainAfterExit") and unit.kind.stop_takes_time(unit.config)):
        return 0
    return unit.kind.stopping(unit.config)[0]


def findings(stop: StopTime) -> Iterator[Finding]:
    """Whether the time is enough."""
    for text in stop.problems:
        yield Finding("configuration", "", text)
    if stop.limit_usec and stop.usec > stop.limit_usec:
        needed = "any time" if stop.usec == INFINITY else format_time_span(stop.usec, _ACCURACY_USEC)
        text = (
            f"A halt may take {needed} ({', '.join(stop.chain)}), and has {format_time_span(stop.limit_usec)}. "
            f"Give it more with the engine's stop timeout and ${VARIABLE}, or less to them with TimeoutStopSec=."
        )
        yield Finding("stop-time", "", text)
