"""How long a halt may take: as we were told, or by the defaults of container engines."""

from __future__ import annotations

from systemctl_replacement.manager.engine import reboot
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.values import INFINITY, format_time_span, parse_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "SYSTEMCTL_STOP_TIMEOUT"

# The engine kills when its time is over. Be done this much earlier if we guess it.
_RESERVE_USEC = 1_000_000

# SIGKILL, the end of everything after it, and the last lines take this much of the end.
KILL_RESERVE_USEC = 1_000_000

# How long those have who are told last.
LAST_WORD_USEC = 2_000_000

KUBERNETES, PODMAN, DOCKER = "Kubernetes", "Podman", "Docker"
_DOCKER_USEC = 10_000_000
_KUBERNETES_USEC = 30_000_000

# The time is nearly over when this part of it is left.
_LAST_PART = 3


@dataclass(frozen=True)
class StopTime:
    """The time for a halt in microseconds. `engine`: whose default it is, if we were not told."""

    usec: int
    engine: str = ""

    @property
    def kill_after(self) -> int:
        """How long after the beginning everything left is killed. 0 for never, unless we were told the time."""
        return 0 if self.engine else self.usec - self.reserve

    @property
    def reserve(self) -> int:
        """How much of a time that we were told is kept for SIGKILL and the last lines."""
        return min(KILL_RESERVE_USEC, self.usec // 2)

    @property
    def default(self) -> str:
        """The engine's time, without our reserve subtracted."""
        return format_time_span(self.usec + _RESERVE_USEC)

    @property
    def late_after(self) -> int:
        """How long after the beginning the time is nearly over."""
        return self.usec - self.usec // _LAST_PART

    @property
    def nears_after(self) -> int:
        """How long after the beginning a guessed time is nearly over. 0 if we do not guess."""
        return self.late_after if self.engine else 0


def stop_time(
    option: int | None,
    environment: Mapping[str, str],
    engine: str,
    complain: Callable[[str], object] = lambda _text: None,
) -> StopTime | None:
    """The time for the halt. None if nobody will kill us, so that the units' own timeouts are enough.

    It is the option --stop-timeout= (microseconds), else $SYSTEMCTL_STOP_TIMEOUT (a time span, plain numbers are
    seconds), else the default of the engine (as in pid1.container_engine).
    """
    if option is not None:
        return StopTime(option)
    told = environment.get(VARIABLE, "")
    if told:
        try:
            usec = parse_time_span(told)
        except ValueError:
            usec = 0
        if 0 < usec < INFINITY:
            return StopTime(usec)
        complain(f"${VARIABLE} is no time between 0 and infinity, ignoring: {told}")
    killer = who_kills(environment, engine)
    if not killer:
        return None
    return StopTime((_KUBERNETES_USEC if killer == KUBERNETES else _DOCKER_USEC) - _RESERVE_USEC, killer)


def who_kills(environment: Mapping[str, str], engine: str) -> str:
    """KUBERNETES, PODMAN or DOCKER: whose default is the time for a halt, "" if nobody is known to end one soon."""
    if "KUBERNETES_SERVICE_HOST" in environment:
        return KUBERNETES
    if not engine or reboot.understands(engine):  # those wait longer than anybody should rely on
        return ""
    return PODMAN if engine == "podman" else DOCKER


def last_word_at(now: int, end: int) -> int:
    """When everybody is told who has not been yet, if all turns have come by now."""
    return max(now + (end - now) // 2, end - LAST_WORD_USEC)


def share_of_command(time: StopTime | None, unlimited: int) -> int:
    """How long a foreground command has to end before everything else is stopped: half of what there is.

    unlimited: what it has where a halt may take any time.
    """
    return unlimited if time is None else (time.kill_after or time.nears_after) // 2
