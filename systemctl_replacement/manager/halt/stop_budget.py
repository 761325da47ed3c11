"""Whether a halt in order fits into its time: one warning at boot, while there is time to give it more."""

from __future__ import annotations

from systemctl_replacement.few_names import few
from systemctl_replacement.jobs.turns import Stop, longest_chain
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.manager.halt.account import took
from systemctl_replacement.manager.halt.signalling import is_up
from systemctl_replacement.manager.halt.stop_time import (
    DOCKER,
    KILL_RESERVE_USEC,
    KUBERNETES,
    PODMAN,
    VARIABLE,
    StopTime,
    share_of_command,
)
from systemctl_replacement.manager.halt.time_shares import need
from systemctl_replacement.unitfile.values import INFINITY, USEC_PER_SEC, format_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from systemctl_replacement.manager.boot_progress import BootProgress
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.unit import ManagedUnit

# Where the boot's record has what was said last.
_SAID = "stop_warning"


class StopBudget:
    """Compares what the stops may take, one after the other, with what there is."""

    def __init__(
        self, core: Core, boot: BootProgress, time: StopTime | None, by_option: bool, killer: str, has_command: bool
    ) -> None:
        """by_option: the time was told by an option of the command line, and is to be changed there. killer: as of
        stop_time.who_kills. has_command: a foreground command has its share of the time first."""
        self._core = core
        self._boot = boot
        self._time = time
        self._by_option = by_option
        self._killer = killer
        self._has_command = has_command

    def look(self, _news: object = None) -> None:
        """Warn, unless that was said already."""
        if self._time is None or not self._boot.done:
            return
        text = warning(
            self._stops(),
            self._time,
            lambda seconds: raising(self._killer, self._by_option, seconds),
            self._has_command,
        )
        if text and text != self._boot.record.get(_SAID):
            self._core.log.manager(LOG_WARNING, text)
        self._boot.record[_SAID] = text

    def _stops(self) -> dict[str, Stop]:
        """What runs now would be stopped in the reverse of the order in which it was started."""
        units = [unit for unit in self._core.registry if is_up(unit)]
        return {unit.id: Stop(self._need(unit), tuple(unit.related("Before"))) for unit in units}

    def _need(self, unit: ManagedUnit) -> int:
        assert self._time is not None
        return counted(need(unit), self._time, self._core.config.default_timeout_stop)


def counted(usec: int, time: StopTime, default: int) -> int:
    """How much of a unit's TimeoutStopSec= counts. default: DefaultTimeoutStopSec=.

    Only what can be granted: no time would be enough for infinity, and the end of the halt names who was killed. With a
    guess only what somebody has set, or every container would be warned of the default.
    """
    return 0 if usec == INFINITY or (time.engine and usec == default) else usec


def warning(stops: Mapping[str, Stop], time: StopTime, raising: Callable[[str], str], has_command: bool = False) -> str:
    """What to say of stops that may take longer than there is time, "" if they fit. raising: how to give them more, so
    many seconds. has_command: a foreground command has its share first."""
    chain = longest_chain(stops)
    total = sum(stops[unit].need for unit in chain)
    has = time.usec if time.engine else time.kill_after
    share = share_of_command(time, 0) if has_command else 0
    if total <= has - share:
        return ""
    units = few(f"{unit} ({format_time_span(stops[unit].need)})" for unit in chain)
    needed = 2 * total if has_command else total  # of a time that is told the command has half
    seconds = str(-(-(needed + KILL_RESERVE_USEC) // USEC_PER_SEC))
    guessed = f", as {time.engine} does by default" if time.engine else ""
    first = f", {took(share)} of it for the foreground command" if share else ""
    return (
        f"Stopping units in order may take {format_time_span(total)}: {units}. "
        f"The halt has {format_time_span(has)}{guessed}{first}. To give it more: {raising(seconds)}."
    )


_FOR_THE_ENGINE = {
    KUBERNETES: "terminationGracePeriodSeconds: ",
    PODMAN: "podman run --stop-timeout=",
    DOCKER: "docker run --stop-timeout=",
}


def raising(killer: str, by_option: bool, seconds: str) -> str:
    """What to write to give a halt more time, for the engine and for init (docs/container.md). killer: as of
    stop_time.who_kills."""
    init = f"{'init --stop-timeout' if by_option else VARIABLE}={seconds}"
    return f"{_FOR_THE_ENGINE[killer]}{seconds}, and {init}" if killer else init
