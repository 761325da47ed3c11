"""How long a halt may take: as we were told, or by the defaults of container engines."""

from __future__ import annotations

import os

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

_DOCKER_USEC = 10_000_000
_KUBERNETES_USEC = 30_000_000

# Values of $container for engines that wait longer than anybody should rely on.
_PATIENT = ("lxc", "lxc-libvirt", "systemd-nspawn")

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
    exists: Callable[[str], bool],
    complain: Callable[[str], object],
) -> StopTime | None:
    """The time for the halt. None if nobody will kill us, so that the units' own timeouts are enough.

    It is the option --stop-timeout= (microseconds), else $SYSTEMCTL_STOP_TIMEOUT (a time span, plain numbers are
    seconds), else the engine's default.
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
    if "KUBERNETES_SERVICE_HOST" in environment:
        return StopTime(_KUBERNETES_USEC - _RESERVE_USEC, "Kubernetes")
    container = environment.get("container", "")
    if container in _PATIENT:
        return None
    if container or exists("/.dockerenv") or exists("/run/.containerenv"):
        return StopTime(_DOCKER_USEC - _RESERVE_USEC, "Podman" if container == "podman" else "Docker")
    return None


def told_or_guessed(
    option: int | None, is_pid1: bool, complain: Callable[[str], object] = lambda _text: None
) -> StopTime | None:
    """The time for the halt of this process."""
    return stop_time(option, os.environ, lambda path: is_pid1 and os.path.exists(path), complain)


def last_word_at(now: int, end: int) -> int:
    """When everybody is told who has not been yet, if all turns have come by now."""
    return max(now + (end - now) // 2, end - LAST_WORD_USEC)


def share_of_command(time: StopTime | None, unlimited: int) -> int:
    """How long a foreground command has to end before everything else is stopped: half of what there is.

    unlimited: what it has where a halt may take any time.
    """
    return unlimited if time is None else (time.kill_after or time.nears_after) // 2
