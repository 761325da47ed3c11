"""How long a halt of the image may take, beside the time that it will have."""

from __future__ import annotations

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.jobs.turns import Stop, longest_chain
from systemctl_replacement.manager.halt import stop_budget
from systemctl_replacement.manager.halt.stop_time import VARIABLE, stop_time, who_kills
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from systemctl_replacement.check.image import Image
    from systemctl_replacement.manager.unit import ManagedUnit


@dataclass(frozen=True)
class StopNeed:
    """Times in microseconds. `chain`: the units that take longest one after the other, `usec` in all, if each needs its
    TimeoutStopSec=. `limit_usec`: what a halt has, 0 for as long as it takes. `told`: init was told so, it is no guess.
    """

    chain: tuple[str, ...]
    usec: int
    limit_usec: int
    told: bool


def check(
    image: Image, running: Iterable[ManagedUnit], told: int | None, environment: Mapping[str, str], has_command: bool
) -> tuple[StopNeed, list[Finding]]:
    """What the units that run need, and the warning that the boot will give. told: --stop-timeout=. has_command: there
    is a foreground command."""
    units = list(running)
    findings: list[Finding] = []
    known = {name: value for name, value in environment.items() if name == VARIABLE}
    time = stop_time(
        told,
        {**image.profile.environment, **known},
        image.profile.engine,
        lambda text: findings.append(Finding("configuration", "", text)),
    )
    if time is None:
        return StopNeed((), 0, 0, False), findings
    default = image.config.default_timeout_stop
    stops = {
        unit.id: Stop(stop_budget.counted(_need(unit), time, default), tuple(unit.related("Before"))) for unit in units
    }

    def raising(seconds: str) -> str:
        return stop_budget.raising(
            who_kills(image.profile.environment, image.profile.engine), told is not None, seconds
        )

    text = stop_budget.warning(stops, time, raising, has_command)
    if text:
        findings.append(Finding("stop-time", "", text))
    chain = tuple(longest_chain(stops))
    usec = min(sum(stops[name].need for name in chain), INFINITY)
    return StopNeed(chain, usec, time.usec if time.engine else time.kill_after, not time.engine), findings


def _need(unit: ManagedUnit) -> int:
    """What a unit may take to stop: nothing if no process of it is left to be stopped."""
    if not unit.traits.runs_processes:
        return 0
    has_ended = unit.own("Type") == "oneshot"
    if has_ended and not (unit.own("RemainAfterExit") and unit.kind.stop_takes_time(unit.config, unit.state)):
        return 0
    return unit.kind.stopping(unit.config)[0]
