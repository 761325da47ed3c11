"""The halt: from the request to the end of the manager, within the time that the container's engine leaves us.

The order is the job engine's: the target of the halt conflicts with everything, so that every service is stopped in
reverse start order. What is left when the time is up is killed.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import MODE_REPLACE, MODE_REPLACE_IRREVERSIBLY, START, STOP, JobError
from systemctl_replacement.manager.loop import Timer, now_monotonic
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.units.states import ACTIVE, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Callable

    from systemctl_replacement.manager.manager import Manager

LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO = 3, 4, 5, 6
SIGTERM, SIGKILL = 15, 9

# Exit statuses of PID 1 (docs/container.md): 124 as timeout(1), processes had to be killed; 133 as systemd-nspawn's
# reboot.
FORCED_STATUS = 124
REBOOT_STATUS = 133

# The engine sends SIGKILL when its timeout is over: be done this much earlier, and kill this much before being done.
RESERVE_USEC = 1_000_000
KILL_RESERVE_USEC = 1_000_000

DOCKER_TIMEOUT_USEC = 10_000_000
KUBERNETES_TIMEOUT_USEC = 30_000_000

# A second identical request at least this much later is meant (Kubernetes sends SIGTERM right after a preStop hook).
_REPEAT_USEC = 1_000_000
_SHORT_TIMEOUT_USEC = 2_000_000

TARGETS = {
    "halt": "halt.target",
    "poweroff": "poweroff.target",
    "reboot": "reboot.target",
    "kexec": "kexec.target",
    "exit": "exit.target",
}


def stop_timeout(option: int | None, environment: Mapping[str, str], exists: Callable[[str], bool]) -> int | None:
    """How long the halt may take, microseconds; None: as long as the units' own timeouts.

    option: --stop-timeout=, microseconds; else $SYSTEMCTL_STOP_TIMEOUT in seconds; else what the engine's default is.
    """
    if option is not None:
        return option
    told = environment.get("SYSTEMCTL_STOP_TIMEOUT", "")
    if told.isascii() and told.isdigit():
        return int(told) * 1_000_000
    if "KUBERNETES_SERVICE_HOST" in environment:
        return KUBERNETES_TIMEOUT_USEC - RESERVE_USEC
    if environment.get("container") or exists("/.dockerenv") or exists("/run/.containerenv"):
        return DOCKER_TIMEOUT_USEC - RESERVE_USEC
    return None


class Halt:
    """A halt, once it is requested."""

    def __init__(self, manager: Manager, timeout: int | None, finish: Callable[[int], None]) -> None:
        self.requested = ""  # halt, poweroff, reboot, kexec or exit
        self.exit_status: int | None = None  # `systemctl exit N`
        self.action_status: int | None = None  # SuccessActionExitStatus=, FailureActionExitStatus=
        self.forced = False
        self.since = 0  # monotonic microseconds
        self.by = ""  # the signal that asked for it
        self.ends_at = 0  # monotonic microseconds; 0: when everything is stopped, however long that takes
        self.shortened = False
        self._manager = manager
        self._timeout = timeout
        self._finish = finish
        self._deadline: Timer | None = None
        self._stopping_rest = False

    @property
    def status(self) -> int:
        """The exit status of the manager."""
        if self.exit_status is not None:
            return self.exit_status
        if self.action_status is not None:
            return self.action_status
        if self.forced:
            return FORCED_STATUS
        return REBOOT_STATUS if self.requested in ("reboot", "kexec") else 0

    @property
    def under_way(self) -> bool:
        """Whether the system goes down: a halt was requested, or one of its targets was started like any unit."""
        shutdown = self._manager.registry.find("shutdown.target")
        going = shutdown is not None and (shutdown.active_state == ACTIVE or shutdown.job is not None)
        return bool(self.requested) or going

    def request(self, verb: str, by: str = "", exit_status: int | None = None) -> None:
        """Begin the halt; asked for again by the same signal a while later, hurry."""
        if exit_status is not None:
            self.exit_status = exit_status
        if self.requested:
            if by and by == self.by and now_monotonic() - self.since >= _REPEAT_USEC:
                self.hurry()
            return
        manager = self._manager
        self.requested, self.by, self.since = verb, by, now_monotonic()
        manager.log.manager(LOG_INFO, f"Halting ({verb}{' by ' + by if by else ''}).")
        if self._timeout is not None:
            self._end_at(now_monotonic() + max(self._timeout - KILL_RESERVE_USEC, self._timeout // 2))
        target = TARGETS[verb]
        try:
            manager.jobs.enqueue(target, START, MODE_REPLACE_IRREVERSIBLY)
        except JobError as error:
            manager.log.manager(LOG_WARNING, f"Cannot start {target}, stopping every unit instead: {error.message}")
            self._stop_all()
        manager.jobs.when_idle(self._stopped)

    def _end_at(self, time: int) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.ends_at = time
        self._deadline = self._manager.loop.call_at(time, self._time_is_up)

    def go_on(self) -> None:
        """Take up a halt where the manager before a re-execution left it."""
        if self.ends_at:
            self._end_at(self.ends_at)
        self._manager.jobs.when_idle(self._stopped)

    def _stop_all(self) -> None:
        for unit in self._manager.registry:
            if unit.active_state not in INACTIVE_OR_FAILED:
                self._manager.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")

    def hurry(self) -> None:
        """The user is impatient: SIGTERM to what is left now, SIGKILL soon."""
        if self.shortened:
            return
        self.shortened = True
        manager = self._manager
        manager.log.manager(LOG_NOTICE, "Asked again to halt: terminating what is left.")
        self._signal_everything(SIGTERM)
        self._end_at(now_monotonic() + _SHORT_TIMEOUT_USEC)

    def _time_is_up(self) -> None:
        self.forced = True
        left = [unit.id for unit in self._manager.registry if unit.tracking is not None]
        self._manager.log.manager(LOG_WARNING, f"The time to halt is over, killing what is left: {', '.join(left)}")
        self._signal_everything(SIGKILL)
        # What survives SIGKILL must not keep us.
        self._manager.loop.call_at(now_monotonic() + KILL_RESERVE_USEC // 2, self.finish)

    def _signal_everything(self, signal: int) -> None:
        for unit in self._manager.registry:
            if unit.tracking is not None:
                self._manager.processes.signal_all(unit.id, signal, (), signal != SIGKILL, False)

    def _stopped(self) -> None:
        """No job is left: the units that the halt has anything to do with are down. Stop the others, then end.

        Called for each reason to believe so.
        """
        if self._stopping_rest:
            return
        left = [
            unit
            for unit in self._manager.registry
            if unit.tracking is not None and unit.job is None and unit.active_state not in INACTIVE_OR_FAILED
        ]
        if not left:
            self.finish()
            return
        # DefaultDependencies=no: nothing orders or stops them. Under systemd they get their SIGTERM from what ends the
        # machine after everything else.
        self._stopping_rest = True
        for unit in left:
            self._manager.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")
        self._manager.jobs.when_idle(self.finish)

    def finish(self) -> None:
        """Everything is down, or must be: end the manager."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._finish(self.status)

    def immediate(self, verb: str, exit_status: int | None = None) -> None:
        """Kill everything and end, without stopping any unit (`--force`)."""
        self.requested = self.requested or verb
        if exit_status is not None:
            self.exit_status = exit_status
        self._signal_everything(SIGKILL)
        self.finish()

    def unit_action(self, unit: ManagedUnit, setting: str) -> None:
        """SuccessAction=, FailureAction= or StartLimitAction= of a unit (systemd.unit(5)); the last has no status."""
        action = unit.get("Unit", setting) or "none"
        verb, _, force = action.partition("-")
        if action == "none" or verb not in TARGETS:
            return
        limited = setting == "StartLimitAction"
        status = -1 if limited else unit.get("Unit", f"{setting}ExitStatus")
        if status < 0 and not limited and unit.type == "service":
            main = unit.service.main_status
            if main.code == "exited":
                status = main.status
            elif main.code in ("killed", "dumped"):
                status = 255  # there is none to pass on, and it must not look like success
        if status >= 0 and verb == "exit":
            self.action_status = status
        if force == "immediate":
            self.immediate(verb)
        elif force == "force" and self.under_way:
            self.requested = self.requested or verb
            self._manager.call_soon(self._stopped)  # after the jobs that this unit's end lets run
        elif force == "force":
            self.immediate(verb)
        else:
            self._manager.log_unit(unit.id, LOG_NOTICE, f"Acting on {setting}={action}.")
            self.request(verb)
