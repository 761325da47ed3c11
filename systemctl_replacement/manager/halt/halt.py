"""The halt: from the request to the end of the manager, within the time that the container's engine allows.

The order comes from the jobs: the halt's target conflicts with everything, so every service is stopped in reverse start
order. How the time is kept is in :mod:`.time_shares`, whom the halt signals itself in :mod:`.signalling`. If we were
told how long a halt may take, what remains in the end is killed, early enough for its last lines to be shown. If we
only guess the time, nothing is killed except by its own timeout.
"""

from __future__ import annotations

from systemctl_replacement import syscalls
from systemctl_replacement.few_names import few
from systemctl_replacement.jobs.model import MODE_REPLACE, MODE_REPLACE_IRREVERSIBLY, START, STOP, JobError
from systemctl_replacement.log_levels import LOG_INFO, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import Timer, now_monotonic
from systemctl_replacement.manager.halt.account import HaltAccount
from systemctl_replacement.manager.halt.final_status import (
    ACTION,
    ASKED,
    FORCED,
    FORCED_STATUS,
    REBOOT,
    REBOOT_STATUS,
    final_status,
)
from systemctl_replacement.manager.halt.signalling import HaltSignals, is_up
from systemctl_replacement.manager.halt.stop_time import KILL_RESERVE_USEC, LAST_WORD_USEC, StopTime
from systemctl_replacement.manager.halt.time_shares import HaltTime
from systemctl_replacement.observers import Observers
from systemctl_replacement.units.states import ACTIVE, FAILED, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobTable
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_change import UnitChange
    from systemctl_replacement.manager.unit_driver import Driver
    from systemctl_replacement.supervision.supervision import Processes


# A second identical request counts if it comes at least this much later (Kubernetes sends SIGTERM right after a preStop
# hook).
REPEAT_USEC = 1_000_000

TARGETS = {
    "halt": "halt.target",
    "poweroff": "poweroff.target",
    "reboot": "reboot.target",
    "kexec": "kexec.target",
    "exit": "exit.target",
}


# What is kept over a re-execution of Halt itself.
_SAVED = ("requested", "known", "since", "by", "ends_at", "shortened")


class Halt:
    """The halt, which begins when it is requested."""

    def __init__(
        self,
        core: Core,
        jobs: JobTable,
        driver: Driver,
        processes: Processes,
        time: StopTime | None,
        every_process: bool,
    ) -> None:
        """every_process: all processes that we see end with us (as PID 1), not only those of our units."""
        self.begun: Observers[str] = Observers(core.loop.guard)  # told what was requested: halt, poweroff …
        self.finished: Observers[int] = Observers(core.loop.guard)  # told the exit status that the manager ends with
        self.requested = ""  # halt, poweroff, reboot, kexec or exit
        self.known: dict[str, int] = {}  # what the exit status follows from (final_status.py)
        self.since = 0  # monotonic microseconds
        self.by = ""  # the signal that requested it
        self.ends_at = 0  # monotonic microseconds; 0: no limit
        self.shortened = False
        self._core = core
        self._loop = core.loop
        self._log = core.log
        self._registry = core.registry
        self._jobs = jobs
        self._driver = driver
        self._time = time
        self._signals = HaltSignals(core, jobs, processes, every_process)
        self._remains = self._signals.remains
        self.account = HaltAccount(core.registry, lambda: self.since)
        self._turns = HaltTime(core, jobs, self._signals, self.account)
        self._deadline: Timer | None = None
        self._stopping_rest = False
        self._is_over = False

    def saved(self) -> dict[str, Any]:
        """All that is known of the halt, as plain data, for a re-execution."""
        fields = {name: getattr(self, name) for name in _SAVED}
        return {**fields, "by_force": self.by_force, "told": self._remains.told, "stops": self.account.saved}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up the halt of the manager before, if there is one; what is missing has its default."""
        for name in _SAVED:
            setattr(self, name, saved.get(name, getattr(self, name)))
        self._signals.by_force = saved.get("by_force", False)
        self._remains.told = list(saved.get("told", ()))
        if "stops" in saved:
            self.account.restore(saved["stops"])
        if self.requested:
            self._go_on()

    def note_told(self, told: Iterable[tuple[int, int]]) -> None:
        """(pid, start time) of processes outside of units that have had SIGTERM."""
        self._remains.told = [*self._remains.told, *told]

    def takes_along(self, find: Callable[[], list[int]]) -> None:
        """Processes outside of units, which `find` finds, are to end with us, too."""
        self._signals.beside = find

    @property
    def by_force(self) -> bool:
        """Whether units are not stopped."""
        return self._signals.by_force

    @property
    def gone_by(self) -> int:
        """When the manager should have ended, at the latest, its last lines shown (monotonic microseconds); 0: nobody
        is going to kill it."""
        return self.ends_at + self._reserve - self._reserve // 4 if self.ends_at else 0

    @property
    def _reserve(self) -> int:
        """How much of the time for the halt is kept for SIGKILL and the last lines."""
        return self._time.reserve if self._time is not None else KILL_RESERVE_USEC

    def asked_by(self, pid: int) -> None:
        """A client's process has requested a halt and gets its answer: it is spared SIGTERM while it ends."""
        self._remains.spare(pid)

    def is_spared(self, pid: int, start: int) -> bool:
        """Whether a process is such a client, which is to be left alone for now. start: when it began, in ticks."""
        return self._remains.is_spared(pid, start)

    @property
    def status(self) -> int:
        """The exit status of the manager."""
        return final_status(self.known)

    @property
    def under_way(self) -> bool:
        """Whether the system is going down: a halt was requested, or one of its targets started like any unit."""
        shutdown = self._registry.find("shutdown.target")
        going = shutdown is not None and (shutdown.active_state == ACTIVE or shutdown.job is not None)
        return bool(self.requested) or going

    def request(self, verb: str, by: str = "", exit_status: int | None = None, since: int = 0) -> None:
        """Begin the halt. If the same signal requests it again a while later, hurry.

        since: when its time began, if that is not now.
        """
        self._ask(exit_status)
        if self.requested:
            if by and not self.by:  # the engine's clock starts now, not at a client's request
                self.by, self.since = by, now_monotonic()
                if not self.ends_at and not self.by_force:
                    self._keep_time()
            elif by and by == self.by and now_monotonic() - self.since >= REPEAT_USEC:
                self.hurry()
            return
        self.by, self.since = by, since or now_monotonic()
        if self._time is not None and self._time.kill_after:
            self._end_at(self.since + self._time.kill_after)
        self._going(verb)
        self._log.manager(LOG_INFO, f"Halting ({verb}{' by ' + by if by else ''}).")
        syscalls.raise_limit("NOFILE")  # somebody may have lowered it (prlimit(2))
        target = TARGETS[verb]
        try:
            self._jobs.enqueue(target, START, MODE_REPLACE_IRREVERSIBLY)
        except JobError as error:
            self._log.manager(LOG_WARNING, f"Cannot start {target}, stopping every unit instead: {error.message}")
            self._stop_all()
        self._keep_time()
        self._jobs.when_idle(self._stopped)

    def _ask(self, exit_status: int | None) -> None:
        if exit_status is not None:
            self.known[ASKED] = exit_status

    def _going(self, verb: str) -> None:
        """The halt is under way; the first request says to what end."""
        if not self.requested:
            self.requested = verb
            self.since = self.since or now_monotonic()
            if verb in ("reboot", "kexec"):
                self.known[REBOOT] = REBOOT_STATUS
            self.begun.tell(verb)

    def _end_at(self, time: int) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.ends_at = time
        self._deadline = self._loop.call_at(time, self._time_is_up)

    def _go_on(self) -> None:
        if self.ends_at:
            self._end_at(self.ends_at)
        if self.by_force:
            self._end_by_force()
            return
        self._keep_time()
        self._jobs.when_idle(self._stopped)

    def _keep_time(self) -> None:
        if self.ends_at:
            self._turns.share(self.since, self.ends_at)
        elif self._time is not None and self.by:
            self._turns.guess(self._time, self.since)

    # --- stopping ---

    def _stop_all(self) -> None:
        for unit in self._registry:
            if is_up(unit) and self._jobs.view.applicable(unit.id, STOP):
                self._jobs.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")

    def hurry(self) -> None:
        """The user is impatient: SIGTERM to what is left now, SIGKILL soon."""
        if self.shortened:
            return
        self.shortened = True
        self._log.manager(LOG_NOTICE, "Halt requested again, terminating remaining processes.")
        self._signals.tell_everybody()
        self._signals.stop_the_rest()
        end = now_monotonic() + LAST_WORD_USEC
        self._end_at(min(end, self.ends_at) if self.ends_at else end)

    def _time_is_up(self) -> None:
        # Neither processes that survive SIGKILL nor defects on the way may keep us.
        self._loop.call_at(now_monotonic() + self._reserve // 2, self.finish)
        self._killed()
        for step in (
            self._say_time_is_up,
            self._signals.wake_helpers,
            self._signals.kill_everything,
            self._remains.kill,
        ):
            self._core.call_soon(step)

    def _say_time_is_up(self) -> None:
        units = self._signals.up()
        for unit in units:
            self.account.killing(unit)
        left = few(sorted(units)) or ("processes that no unit owns" if self._remains.any_left else "")
        killing = f", killing remaining processes: {left}" if left else "."
        self._log.manager(LOG_WARNING, f"Stop timeout reached{killing}")

    def _killed(self) -> None:
        self.known[FORCED] = FORCED_STATUS

    def _stopped(self) -> None:
        """No job is left: the units that the halt affects are down. Stop the others, then end.

        Called for each reason to believe so.
        """
        if self._stopping_rest:
            return
        self._stopping_rest = True
        self._signals.stop_units_without_job()
        self._jobs.when_idle(self._end_remains)

    def _end_remains(self) -> None:
        """Every unit is down. What they have left behind gets DefaultTimeoutStopSec= to end, as with
        systemd-shutdown."""
        self._remains.end(self._core.config.default_timeout_stop, KILL_RESERVE_USEC, self._killed, self.finish)

    def finish(self) -> None:
        """Everything is down, or time is up: end the manager. It may be called for each of these reasons."""
        if self._is_over:
            return
        self._is_over = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._turns.over()
        self._say_how_long_it_took()
        self.finished.tell(self.status)

    def _say_how_long_it_took(self) -> None:
        killed, text = self.account.summary(self._time.usec if self._time is not None else 0)
        if text:
            self._log.manager(LOG_WARNING if killed else LOG_NOTICE, text)

    def force(self, verb: str, exit_status: int | None = None) -> None:
        """End without stopping units (`--force`): every process gets SIGTERM instead."""
        self._ask(exit_status)
        if self.by_force:
            return
        if self._time is not None and self._time.kill_after and not self.ends_at:
            self._end_at(now_monotonic() + self._time.kill_after)
        is_in_order = self._everything_is_down  # as systemd-halt.service asks for it
        self._going(verb)
        self._signals.by_force = self._stopping_rest = True
        self._turns.over()
        if not is_in_order:
            self._log.manager(LOG_INFO, f"Ending by force ({verb}).")
        self._end_by_force()

    def _end_by_force(self) -> None:
        self._driver.frozen = True
        self._end_remains()

    @property
    def _everything_is_down(self) -> bool:
        return self.under_way and not self._turns.stops_left

    def immediate(self, verb: str, exit_status: int | None = None) -> None:
        """Kill everything and end (`--force --force`)."""
        self._ask(exit_status)
        self._going(verb)
        self._signals.kill_everything()
        self._signals.kill_beside()
        self.finish()

    # --- what units ask for ---

    def unit_changed(self, change: UnitChange) -> None:
        """FailureAction= and SuccessAction= of a unit that has gone down."""
        if change.went_down and change.new == FAILED:
            self._unit_action(change.unit, "FailureAction")
        elif change.went_down and change.old not in INACTIVE_OR_FAILED:
            self._unit_action(change.unit, "SuccessAction")

    def job_timed_out(self, unit: ManagedUnit) -> None:
        self._unit_action(unit, "JobTimeoutAction")

    def start_limit_hit(self, unit: ManagedUnit) -> None:
        self._unit_action(unit, "StartLimitAction")

    def _unit_action(self, unit: ManagedUnit, setting: str) -> None:
        """SuccessAction= or FailureAction=; or StartLimitAction= or JobTimeoutAction=, which have no exit status."""
        action = unit.get("Unit", setting)
        verb, _, force = action.partition("-")
        if action == "none" or verb not in TARGETS:
            return
        has_status = setting in ("SuccessAction", "FailureAction")
        status = unit.get("Unit", f"{setting}ExitStatus") if has_status else -1
        if status < 0 and has_status:
            status = unit.kind.exit_status(unit.state)
        if status >= 0 and verb == "exit":
            self.known[ACTION] = status
        if force == "immediate":
            self.immediate(verb)
        elif force == "force" and self._everything_is_down:
            self._going(verb)
            self._core.call_soon(self._stopped)  # after the jobs that this unit's end lets run
        elif force == "force":
            self.force(verb)
        else:
            self._core.log_unit(unit.id, LOG_NOTICE, f"Acting on {setting}={action}.")
            self.request(verb)
