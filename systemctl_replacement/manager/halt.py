"""The halt: from the request to the end of the manager, within the time that the container's engine allows.

The order comes from the jobs: the halt's target conflicts with everything, so every service is stopped in reverse start
order. If we were told how long a halt may take, that time is divided among the levels of this order. When a level has
used up its share, the next one starts. When the last level is late, SIGTERM goes to what is in no level (units that no
job stops, processes that no unit stops), then to everybody who has had none, and what remains in the end is killed. If
we only guess the time, everybody gets SIGTERM when it is nearly over, whatever the order, and nothing is killed except
by its own timeout.

No process gets SIGTERM from us twice: to many programs a second one means to drop everything (process/told.py).
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.jobs.levels import stop_levels
from systemctl_replacement.jobs.model import MODE_REPLACE, MODE_REPLACE_IRREVERSIBLY, START, STOP, WAITING, JobError
from systemctl_replacement.log_levels import LOG_INFO, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import Timer, now_monotonic
from systemctl_replacement.manager.final_status import (
    ACTION,
    ASKED,
    FORCED,
    FORCED_STATUS,
    REBOOT,
    REBOOT_STATUS,
    final_status,
)
from systemctl_replacement.manager.remains import Remains
from systemctl_replacement.manager.stop_time import KILL_RESERVE_USEC, VARIABLE, StopTime, next_turn
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.observers import Observers
from systemctl_replacement.process import descendants
from systemctl_replacement.process.told import REMINDER
from systemctl_replacement.signals import SIGKILL, SIGTERM
from systemctl_replacement.units.events import SignalAll
from systemctl_replacement.units.states import ACTIVE, FAILED, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobTable
    from systemctl_replacement.manager.unit_change import UnitChange
    from systemctl_replacement.manager.unit_driver import Driver
    from systemctl_replacement.supervision.supervision import Processes


# A second identical request counts if it comes at least this much later (Kubernetes sends SIGTERM right after a preStop
# hook).
REPEAT_USEC = 1_000_000
_SHORT_TIMEOUT_USEC = 2_000_000

# How many units a line names.
_NAMES_SHOWN = 10

TARGETS = {
    "halt": "halt.target",
    "poweroff": "poweroff.target",
    "reboot": "reboot.target",
    "kexec": "kexec.target",
    "exit": "exit.target",
}


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
        self.begun: Observers[Halt] = Observers(core.loop.guard)  # told when the halt has been requested
        self.finished: Observers[int] = Observers(core.loop.guard)  # told the exit status that the manager ends with
        self.requested = ""  # halt, poweroff, reboot, kexec or exit
        self.known: dict[str, int] = {}  # what the exit status follows from (final_status.py)
        self.since = 0  # monotonic microseconds
        self.by = ""  # the signal that requested it
        self.ends_at = 0  # monotonic microseconds; 0: no limit
        self.shortened = False
        self.by_force = False
        self.beside: Callable[[], list[int]] = list  # processes outside of units that are to end with us, too
        self._core = core
        self._loop = core.loop
        self._log = core.log
        self._registry = core.registry
        self._jobs = jobs
        self._driver = driver
        self._processes = processes
        self._time = time
        self._every_process = every_process
        self._remains = Remains(core.loop, self._left_behind, core.log.manager, self._tell_unseen)
        self._deadline: Timer | None = None
        self._turn: Timer | None = None
        self._levels_before = 0  # the number of levels when the present share began
        self._stopping_rest = False

    @property
    def told(self) -> list[tuple[int, int]]:
        """(pid, start time) of the processes outside of units that have had SIGTERM."""
        return self._remains.told

    @told.setter
    def told(self, told: Iterable[tuple[int, int]]) -> None:
        self._remains.told = list(told)

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
        self._going(verb)
        self.by, self.since = by, since or now_monotonic()
        self._log.manager(LOG_INFO, f"Halting ({verb}{' by ' + by if by else ''}).")
        syscalls.raise_limit("NOFILE")  # somebody may have lowered it (prlimit(2))
        target = TARGETS[verb]
        try:
            self._jobs.enqueue(target, START, MODE_REPLACE_IRREVERSIBLY)
        except JobError as error:
            self._log.manager(LOG_WARNING, f"Cannot start {target}, stopping every unit instead: {error.message}")
            self._stop_all()
        if self._time is not None and self._time.kill_after:
            self._end_at(self.since + self._time.kill_after)
        self._keep_time()
        self._jobs.when_idle(self._stopped)
        self.begun.tell(self)

    def _ask(self, exit_status: int | None) -> None:
        if exit_status is not None:
            self.known[ASKED] = exit_status

    def _going(self, verb: str) -> None:
        """The halt is under way; the first request says to what end."""
        if not self.requested:
            self.requested = verb
            if verb in ("reboot", "kexec"):
                self.known[REBOOT] = REBOOT_STATUS

    def _end_at(self, time: int) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.ends_at = time
        self._deadline = self._loop.call_at(time, self._time_is_up)

    def go_on(self) -> None:
        """Continue a halt after a re-execution."""
        if self.ends_at:
            self._end_at(self.ends_at)
        if self.by_force:
            self._end_by_force()
            return
        self._keep_time()
        self._jobs.when_idle(self._stopped)

    # --- the time ---

    def _keep_time(self) -> None:
        if self.ends_at:
            self._begin_share()
        elif self._time is not None and self.by:
            # Due at once if it was due before a re-execution, which has put the jobs into their order again.
            self._turn = self._loop.call_at(self.since + self._time.nears_after, self._time_nears)

    def _levels(self) -> list[list[Job]]:
        return stop_levels(self._jobs.view, lambda unit: _takes_time(self._registry[unit]))

    def _begin_share(self) -> None:
        """Give the present level of the stop order its share of the remaining time."""
        self._levels_before = len(self._levels())
        shares = self._levels_before + (bool(self._without_stop_job()) or self._remains.any_left)
        at = next_turn(now_monotonic(), self.ends_at, shares)
        self._turn = self._loop.call_at(at, self._share_is_over)

    def _share_is_over(self) -> None:
        levels = self._levels()
        if not levels:
            self._tell_the_rest()
            return
        if len(levels) >= self._levels_before:  # as many as before: the first level is late
            late = self._names(levels[0])
            self._remind(levels[0])
            if len(levels) == 1:
                self._tell_the_rest()
                return
            early = self._names(levels[1])
            text = f"Still stopping: {late}. Stopping out of order, so that they get their share of the time: {early}."
            self._log.manager(LOG_WARNING, text)
            self._jobs.go_ahead(levels[1])
        self._core.call_soon(self._begin_share)  # once the jobs run

    def _time_nears(self) -> None:
        """Whoever stopped us may kill us soon: nobody should be killed without SIGTERM."""
        assert self._time is not None
        levels = self._levels()
        untold = [job for level in levels for job in level if job.state == WAITING]
        late = self._names(job for level in levels for job in level if job.state != WAITING)
        names = self._names(untold)
        if late or names:
            text = (
                f"{self._time.engine} allows {self._time.default} for a halt by default. If it waits longer, say so "
                f"with init --stop-timeout= or ${VARIABLE}."
                f"{' Still stopping: ' + late + '.' if late else ''}"
                f"{' Stopping out of order: ' + names + '.' if names else ''}"
            )
            self._log.manager(LOG_WARNING, text)
        for level in levels:
            self._remind(level)
        self._jobs.go_ahead([job for job in self._jobs.jobs.values() if job.type == STOP])
        self._stop_the_rest()

    def _stop_the_rest(self) -> None:
        """Stop the units that no job stops, and the processes that units have left behind."""
        for unit in () if self.by_force else self._without_stop_job():
            self._jobs.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")
        self._remains.terminate()

    def _tell_the_rest(self) -> None:
        """The last level of the stop order is late: stop everything else before the rest is killed."""
        self._stop_the_rest()
        at = max(next_turn(now_monotonic(), self.ends_at, 0), self.ends_at - _SHORT_TIMEOUT_USEC)
        self._turn = self._loop.call_at(at, self._tell_everybody)

    def _tell_everybody(self) -> None:
        """SIGTERM to each process that has had none, including the commands of ExecStop= and the like."""
        left = set(self._remains.terminate())
        for unit in self._registry:
            if unit.tracking is not None:
                self._loop.guard(self._tell_processes, unit.id, left)

    def _tell_processes(self, unit: str, left: set[int]) -> None:
        # The supervisor does not know whom we have signalled ourselves.
        spare = tuple(left.intersection(self._processes.reaper.pids(unit)))
        self._processes.signal_all(unit, SIGTERM, spare, True, False, REMINDER)

    def _remind(self, jobs: Iterable[Job]) -> None:
        """SIGTERM to services that have had none yet because their ExecStop= is running."""
        for unit in [self._registry[job.unit] for job in jobs]:
            self._loop.guard(self._remind_unit, unit)

    def _remind_unit(self, unit: ManagedUnit) -> None:
        processes = self._processes
        for action in unit.kind.remind(unit.config, unit.state):
            if isinstance(action, SignalAll):
                processes.signal_all(unit.id, action.signal, action.spare, action.cont, action.hup, REMINDER)
            else:
                processes.signal(unit.id, action.pids, action.signal, action.cont, action.hup, REMINDER)

    def _names(self, jobs: Iterable[Job]) -> str:
        return _listed(job.unit for job in jobs if _takes_time(self._registry[job.unit]))

    # --- stopping ---

    def _stop_all(self) -> None:
        for unit in self._registry:
            if _is_up(unit) and self._jobs.view.applicable(unit.id, STOP):
                self._jobs.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")

    def hurry(self) -> None:
        """The user is impatient: SIGTERM to what is left now, SIGKILL soon."""
        if self.shortened:
            return
        self.shortened = True
        self._log.manager(LOG_NOTICE, "Halt requested again, terminating remaining processes.")
        self._tell_everybody()
        self._stop_the_rest()
        self._end_at(now_monotonic() + _SHORT_TIMEOUT_USEC)

    def _time_is_up(self) -> None:
        # Neither processes that survive SIGKILL nor defects on the way may keep us.
        self._loop.call_at(now_monotonic() + KILL_RESERVE_USEC // 2, self.finish)
        self._killed()
        for step in (self._say_time_is_up, self._kill_everything, self._remains.kill):
            self._core.call_soon(step)

    def _say_time_is_up(self) -> None:
        names = _listed(unit.id for unit in self._registry if unit.tracking is not None and _is_up(unit))
        left = names or ("processes that no unit owns" if self._remains.any_left else "")
        killing = f", killing remaining processes: {left}" if left else "."
        self._log.manager(LOG_WARNING, f"Stop timeout reached{killing}")

    def _killed(self) -> None:
        self.known[FORCED] = FORCED_STATUS

    def _kill_everything(self) -> None:
        processes, guard = self._processes, self._loop.guard
        for unit in self._registry:
            if unit.tracking is not None:
                guard(processes.signal_all, unit.id, SIGKILL, (), False, False)
                for pid in processes.reaper.pids(unit.id):  # even if their supervisor does nothing
                    descendants.send(pid, SIGKILL)
        for pid in self.beside():
            descendants.send(pid, SIGKILL)

    def _without_stop_job(self) -> list[ManagedUnit]:
        """Units that run and that no job stops, because of DefaultDependencies=no; without those that the halt itself
        starts."""
        return [
            unit
            for unit in self._registry
            if unit.tracking is not None
            and _is_up(unit)
            and (unit.job is None or (unit.job.type != STOP and not unit.job.irreversible))
        ]

    def _stopped(self) -> None:
        """No job is left: the units that the halt affects are down. Stop the others, then end.

        Called for each reason to believe so.
        """
        if self._stopping_rest:
            return
        self._stopping_rest = True
        # systemd leaves them to systemd-shutdown, which sends them SIGTERM after everything else.
        for unit in self._without_stop_job():
            self._jobs.try_enqueue(unit.id, STOP, MODE_REPLACE, "stop job")
        self._jobs.when_idle(self._end_remains)

    def _end_remains(self) -> None:
        """Every unit is down. What they have left behind gets DefaultTimeoutStopSec= to end, as with
        systemd-shutdown."""
        self._remains.end(self._core.config.default_timeout_stop, KILL_RESERVE_USEC, self._killed, self.finish)

    def _left_behind(self) -> list[int]:
        """The processes that no unit is going to stop."""
        processes, reaper = self._processes, self._processes.reaper
        spared = {pid for unit in self._registry if unit.tracking is not None for pid in self._stopped_by(unit)}
        if self._every_process:
            syscalls.raise_limit("NOFILE")
            pids = [int(name) for name in descendants.with_reserve(os.listdir, "/proc") if name.isdigit()]
        else:
            pids = [pid for unit in processes.trackings for pid in reaper.pids(unit)] + self.beside()
        return [pid for pid in pids if pid not in spared and not processes.is_own(pid)]

    def _tell_unseen(self) -> bool:
        """SIGTERM to every process that there is, if we are PID 1 and cannot look at them. Our helpers ignore it."""
        if not self._every_process or os.getpid() != 1:
            return False
        try:
            os.kill(-1, SIGTERM)
        except OSError:
            return True  # there is nobody, or nobody whom we may signal
        return True

    def _stopped_by(self, unit: ManagedUnit) -> Iterable[int]:
        """The processes that their unit ends: it is being stopped, and its stop waits for them."""
        if self.by_force or not _is_up(unit):
            return ()
        pids = unit.kind.signalled(unit.config, unit.state)
        if pids is None:
            return self._processes.reaper.pids(unit.id)
        control = unit.roles.control
        return (*pids, control, *descendants.descendants(control)) if control else pids

    def finish(self) -> None:
        """Everything is down, or time is up: end the manager."""
        for timer in (self._deadline, self._turn):
            if timer is not None:
                timer.cancel()
        self._deadline = self._turn = None
        self.finished.tell(self.status)

    def force(self, verb: str, exit_status: int | None = None) -> None:
        """End without stopping units (`--force`): every process gets SIGTERM instead."""
        self._ask(exit_status)
        self._going(verb)
        if self.by_force:
            return
        self.by_force = self._stopping_rest = True
        if self._turn is not None:
            self._turn.cancel()
        self._log.manager(LOG_INFO, f"Ending by force ({verb}).")
        if self._time is not None and self._time.kill_after and not self.ends_at:
            self._end_at(now_monotonic() + self._time.kill_after)
        self._end_by_force()

    def _end_by_force(self) -> None:
        self._driver.frozen = True
        self._end_remains()

    def immediate(self, verb: str, exit_status: int | None = None) -> None:
        """Kill everything and end (`--force --force`)."""
        self._ask(exit_status)
        self._going(verb)
        self._kill_everything()
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
        elif force == "force" and self.under_way and not self._levels():  # everything is down
            self._going(verb)
            self._core.call_soon(self._stopped)  # after the jobs that this unit's end lets run
        elif force == "force":
            self.force(verb)
        else:
            self._core.log_unit(unit.id, LOG_NOTICE, f"Acting on {setting}={action}.")
            self.request(verb)


def _is_up(unit: ManagedUnit) -> bool:
    return unit.active_state not in INACTIVE_OR_FAILED


def _listed(units: Iterable[str]) -> str:
    names = sorted(units)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _takes_time(unit: ManagedUnit) -> bool:
    """Whether stopping a unit takes more than saying so."""
    return unit.tracking is not None or unit.kind.stop_takes_time(unit.config)
