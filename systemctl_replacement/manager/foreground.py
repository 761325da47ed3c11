"""`init -- COMMAND`: when the command runs, which signals it gets, and what its end means for the container.

It is no unit: it is the manager's own child (process/foreground.py), as the child of tini and dumb-init is theirs.
"""

from __future__ import annotations

import os

from systemctl_replacement import signals
from systemctl_replacement.jobs.model import CANCELED, DONE, START
from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.halt.final_status import COMMAND, FORCED, REFUSED
from systemctl_replacement.manager.halt.halt import REPEAT_USEC
from systemctl_replacement.manager.options import RUNNING
from systemctl_replacement.process import descendants, foreground
from systemctl_replacement.records import dataclass, fields, replace
from systemctl_replacement.signals import SIGCONT, SIGHUP, SIGINT, SIGPWR, SIGQUIT, SIGRTMIN, SIGTERM
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.states import ACTIVE_OR_RELOADING
from systemctl_replacement.wait_status import decode_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from systemctl_replacement.loop import Timer
    from systemctl_replacement.manager.boot_progress import BootProgress
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.halt.halt import Halt
    from systemctl_replacement.manager.jobs.table import JobEnd, JobTable
    from systemctl_replacement.supervision.supervision import Processes

# They ask the command to end, and the container to halt when it has not.
ENDING = (SIGTERM, SIGINT)
# They do so before the command runs: what it would get, and what halts where nobody gets it.
_ENDING_EARLY = (*ENDING, SIGQUIT)

# tini leaves these to the kernel: whoever has caused them gets them.
_FAULTS = tuple(signals.number(name) for name in ("ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV", "SYS"))
_KEPT = (*_FAULTS, signals.SIGCHLD, signals.SIGKILL, signals.SIGSTOP, SIGPWR, *ENDING)
# SIGRTMIN+n that mean nothing to systemd (systemd(1), "Signals").
_FREE = (*range(7, 13), *range(17, 20), 30)
PASSED = frozenset((*(n for n in range(1, 32) if n not in _KEPT), *(SIGRTMIN + n for n in _FREE)))
"""Signals that the command gets and that mean nothing to the manager while it runs."""


def exit_status(wait_status: int) -> int:
    """The container's exit status for a command that has ended: its own, or 128 and the signal."""
    code, number = decode_status(wait_status)
    return number if code == "exited" else 128 + number


@dataclass(frozen=True)
class Command:
    """What is known of a command. Times are monotonic microseconds, 0 for none; `told` holds (pid, start time)."""

    pid: int  # 0 once it has ended
    go: int  # the descriptor that lets it run, -1 once it does
    place: str
    name: str
    to_group: bool
    waits: tuple[str, ...] = ()
    took_terminal: bool = False
    by: str = ""  # the first signal that asked it to end
    since: int = 0  # when that came
    until: int = 0  # and until when it has time
    told: tuple[tuple[int, int], ...] = ()  # those that have had SIGTERM

    def saved(self) -> dict[str, Any]:
        """It as plain data, which JSON can hold."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def begun(forked: tuple[int, int, str], command: Sequence[str], waits: Sequence[str], to_group: bool) -> dict[str, Any]:
    """A command that waits, as plain data. forked: what foreground.fork() has returned."""
    pid, go, place = forked
    return Command(pid, go, place, command[0], to_group, tuple(waits)).saved()


def found_again(pid: int, to_group: bool) -> dict[str, Any]:
    """What is still known of a command that the manager before has run, whose state is lost. If it has waited, its
    process ends by itself."""
    return Command(pid, -1, foreground.ALONE, descendants.name(pid), to_group).saved()


def _restored(saved: dict[str, Any]) -> Command:
    """The command of a manager before; what is not known of it any more is left out."""
    known = {field.name: saved[field.name] for field in fields(Command) if field.name in saved}
    told = tuple([(pid, start) for pid, start in saved.get("told", ())])
    return Command(**{**known, "waits": tuple(saved.get("waits", ())), "told": told})


class Foreground:
    """The command. What is known of it is in the boot's record as well, for a re-execution."""

    def __init__(
        self,
        saved: dict[str, Any],
        core: Core,
        jobs: JobTable,
        halt: Halt,
        processes: Processes,
        boot: BootProgress,
        share: Callable[[], int],
    ) -> None:
        """share: how long it has to end before the rest is halted, INFINITY for as long as it likes."""
        self._command = _restored(saved)
        self._core = core
        self._jobs = jobs
        self._halt = halt
        self._processes = processes
        self._boot = boot
        self._share = share
        self._turn: Timer | None = None
        halt.begun.add(lambda _verb: self._halt_begins())
        halt.takes_along(self._outside_of_units)
        jobs.ended.add(self._job_ended)
        boot.ended.add(lambda _boot: self._go_on_waiting({RUNNING}))
        if self._pid:
            processes.reaper.awaited[self._pid] = self._ended
        if self._command.until:
            self._wait_until(self._command.until)

    def _set(self, **changes: Any) -> None:
        self._command = replace(self._command, **changes)
        self._boot.record["foreground"] = self._command.saved()

    @property
    def _pid(self) -> int:
        return self._command.pid

    @property
    def runs(self) -> bool:
        """Whether the command has begun and not ended."""
        return bool(self._pid) and not self._waits

    @property
    def _waits(self) -> bool:
        return self._command.go >= 0

    def _log(self, level: int, text: str) -> None:
        self._core.log.manager(level, text)

    # --- beginning ---

    def look(self) -> None:
        """Run the command if nothing is left to wait for; the jobs of the boot are queued, or were restored."""
        there = {RUNNING} if self._boot.done else set()
        for name in self._command.waits:
            if name != RUNNING:
                unit = self._core.registry.get(name)
                if unit.active_state in ACTIVE_OR_RELOADING:
                    there.add(name)
                elif unit.job is None:
                    self._give_up(name)
                    return
        self._go_on_waiting(there)

    def _job_ended(self, end: JobEnd) -> None:
        names = [name for name in self._command.waits if name != RUNNING]
        ended = {name for name in names if self._core.registry.get(name).id == end.job.unit}
        if not ended:
            return
        if end.job.type != START or end.result == CANCELED:
            self._core.call_soon(self.look)  # a restart, say, whose start is to come
        elif end.result == DONE:  # even if nothing runs, because of a condition
            self._go_on_waiting(ended)
        else:
            self._give_up(end.job.unit)

    def _go_on_waiting(self, there: set[str]) -> None:
        self._set(waits=tuple([name for name in self._command.waits if name not in there]))
        command = self._command
        if not command.waits and self._waits and not self._halt.requested:
            self._set(go=-1)
            self._set(took_terminal=foreground.let_run(command.pid, command.go, command.place))

    def _give_up(self, unit: str) -> None:
        if not self._halt.requested:
            self._dismiss(f"{unit} could not be started")
            self._halt.known[REFUSED] = 1
            self._halt.request("exit")

    def _dismiss(self, why: str) -> None:
        """It waits, and will never run: its process ends when its pipe is closed, and its status means nothing."""
        command = self._command
        self._log(LOG_ERR, f"Not running {command.name}: {why}.")
        os.close(command.go)
        del self._processes.reaper.awaited[command.pid]
        self._set(go=-1, pid=0, waits=())

    # --- signals ---

    def takes(self, number: int) -> bool:
        """Whether the command gets a signal and the manager does nothing about it."""
        if self._waits:
            return number in _ENDING_EARLY and self._end_without_it(number)
        if not self.runs:
            return False
        if number in PASSED:
            self._pass_on(number)
        elif number in ENDING and not self._halt.requested:
            self._ask_to_end(number)
        else:
            return False
        return True

    def _end_without_it(self, number: int) -> bool:
        """End as the command would by a signal that has come before it ran."""
        by = f"SIG{signals.name(number)}"
        self._dismiss(f"{by} came first")
        self._halt.known[COMMAND] = 128 + number
        self._halt.request("exit", by)
        return True

    def _pass_on(self, number: int) -> None:
        foreground.pass_on(self._pid, number, self._command.to_group)
        if number in foreground.STOPPING:
            foreground.stop_who_does_not_heed(self._addressed(), number)

    def _addressed(self) -> list[int]:
        """Whom signals go to."""
        return foreground.group(self._pid, self._outside_of_units()) if self._command.to_group else [self._pid]

    def _ask_to_end(self, number: int) -> None:
        command, now, by = self._command, now_monotonic(), f"SIG{signals.name(number)}"
        addressed = self._addressed()
        if number == SIGTERM:
            told = {**dict(command.told), **dict(foreground.living(addressed))}
            self._set(told=tuple(told.items()))
        self._pass_on(number)
        foreground.continue_stopped(addressed)
        if not command.by:
            self._set(by=by, since=now)
            share = self._share()
            if share != INFINITY:
                self._set(until=now + share)
                self._wait_until(now + share)
        elif by == command.by and now - command.since >= REPEAT_USEC:
            self._halt_the_rest()

    def _wait_until(self, time: int) -> None:
        self._turn = self._core.loop.call_at(time, self._halt_the_rest)

    def _halt_the_rest(self) -> None:
        """Its share of the time is over."""
        if self._pid and not self._halt.requested:
            command = self._command
            self._log(LOG_WARNING, f"{command.name} goes on after {command.by}, halting.")
            self._halt.request("poweroff", command.by, since=command.since)

    def _halt_begins(self) -> None:
        """The command is told as everything else is: SIGTERM unless it has had it, SIGHUP if it has a terminal, because
        interactive shells ignore SIGTERM."""
        if self._waits:
            self._dismiss("the halt came first")
        told = dict(self._command.told)
        for pid, start in self._family():
            if self._halt.is_spared(pid, start):
                continue
            has_terminal = descendants.has_terminal(pid)
            if told.get(pid) != start:
                descendants.send(pid, SIGTERM, cont=True, hup=has_terminal)
            else:
                descendants.send(pid, SIGHUP if has_terminal else SIGCONT, cont=True)
            told[pid] = start
        self._halt.note_told(told.items())

    # --- the end ---

    def _ended(self, wait_status: int) -> None:
        command, halt = self._command, self._halt
        if self._waits:
            os.close(command.go)  # it was killed before it ran
        self._set(go=-1, pid=0, until=0)
        if self._turn is not None:
            self._turn.cancel()
        if command.took_terminal:
            foreground.take_terminal_back()
        code, number = decode_status(wait_status)
        self._log(LOG_INFO, f"{command.name} has ended, code={code}, status={number}.")
        if halt.requested and not command.by:
            return  # the halt had other reasons, and this is none of its status
        if FORCED not in halt.known:
            halt.known[COMMAND] = exit_status(wait_status)
        if not halt.requested:
            halt.request("exit", command.by, since=command.since)

    def _family(self) -> list[tuple[int, int]]:
        """(pid, start time) of the command and everything below it."""
        return foreground.living([self._pid, *descendants.descendants(self._pid)]) if self._pid else []

    def _outside_of_units(self) -> list[int]:
        """The command and what it has left: our children that are neither helpers nor a unit's, and all below them."""
        processes = self._processes
        own = {pid for tracking in processes.trackings.values() for pid in tracking.lost}
        found = [pid for pid in descendants.children(os.getpid()) if not processes.is_own(pid) and pid not in own]
        for pid in found:  # the list grows during the walk
            found += descendants.children(pid)
        return found
