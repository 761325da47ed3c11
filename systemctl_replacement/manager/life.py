"""The life of a manager: its boot, the signals that reach it, its leaving."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

from systemctl_replacement import __version__, syscalls
from systemctl_replacement.control import kept_clients
from systemctl_replacement.control.listener import listen
from systemctl_replacement.control.socket_guard import SocketGuard
from systemctl_replacement.jobs.model import DONE, MODE_ISOLATE, START
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import READ, SIGNALS, now_monotonic
from systemctl_replacement.manager import boot, boot_skips, on_demand, other_init, pid1, show, tmpfiles
from systemctl_replacement.manager.engine import reboot as engine_reboot
from systemctl_replacement.manager.engine import run_directory
from systemctl_replacement.manager.engine.report import report_to_engine
from systemctl_replacement.manager.halt.final_status import FORCED, FORCED_STATUS
from systemctl_replacement.manager.options import InitOptions
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.manager.system import System
from systemctl_replacement.message_ids import STARTUP_FINISHED
from systemctl_replacement.supervision.client import ForkServer
from systemctl_replacement.supervision.farewell import await_helpers, take_leave
from systemctl_replacement.supervision.orphans import Wait, orphans
from systemctl_replacement.unitfile.values import format_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.manager.reexec.takeover import Outcome
    from systemctl_replacement.manager.unit_change import UnitChange


# How long an on-demand manager stays without work or clients, so that one serves a series of commands.
LINGER_USEC = 10_000_000


class Life:
    """A system's life. It begins with `start`, `resume` or `begin_after`; `run` returns the exit status."""

    def __init__(
        self,
        options: InitOptions,
        forkserver: ForkServer | None,
        state: dict[str, Any] | None,
        command: dict[str, Any] | None = None,
    ) -> None:
        """command: the state of a foreground command that waits to be run. OSError if the system cannot be made."""
        self._options = options
        self._status = 0
        self._ended = False
        self._system = system = System(options, forkserver, state, command)
        self._loop = system.loop
        self._log = system.log
        self._manager = system.manager
        system.idle.add(lambda _server: self._linger())
        self._runtime_mode = os.stat(system.runtime).st_mode & 0o7777
        self._report = report_to_engine(system)  # which hears of the end before us
        self._manager.halt.finished.add(self._finish)
        self._signal_fd = syscalls.signalfd()
        self._guard = SocketGuard(system.loop, system.paths.socket_path(), self._socket_lost)

    def _socket_lost(self) -> None:
        """Make the socket again, and what else we had in the runtime directory."""
        if self._ended:
            return  # we have removed it ourselves
        system = self._system
        try:
            if system.is_pid1:
                pid1.make_runtime_files(system.runtime, system.environment)
            os.makedirs(system.runtime, self._runtime_mode, exist_ok=True)
            listener = listen(system.paths.socket_path(), supersede=system.is_pid1)
        except OSError as error:
            self._log.manager(LOG_ERR, f"The control socket is gone and cannot be replaced: {error.strerror}")
            return
        system.server.replace(listener)
        self._guard.renew()
        self._manager.logs.look()
        self._log.manager(LOG_WARNING, "The control socket was removed and has been replaced.")

    # --- beginning ---

    def start(self, lost: str = "") -> None:
        """Set up what the system needs, and enqueue the boot. lost: what became of a manager before us."""
        manager = self._manager
        self._hear_signals()
        self._system.mounts.begin()
        if not self._options.on_demand:
            self._system.serve()
            manager.processes.helpers.start_console()
        manager.logs.begin()
        if lost:
            self._log.manager(LOG_ERR, lost)
        if self._options.on_demand:
            on_demand.count_as_up(manager)
            on_demand.announce(self._system.runtime)
            manager.boot.done = True
            self._leave_with_the_last_unit()
            self._system.generators.run(self._serve)
        else:
            self._boot()
        self._await_orphans()
        manager.processes.reaper.reap()  # children of the program that this process ran before

    def resume(self, state: dict[str, Any]) -> None:
        """Go on after a re-execution."""
        if self._options.on_demand:
            self._leave_with_the_last_unit()
        self._restore(state)
        if not self._manager.boot.done:
            self._manager.jobs.when_idle(self._booted)
        if self._system.foreground is not None:
            self._system.foreground.look()
        self._log.manager(LOG_INFO, "Reexecuted.")
        self._linger()

    def begin_after(self, before: Outcome) -> None:
        """Begin after another manager: what it ran goes on running if it could be taken over."""
        for level, text in before.notes:
            self._log.manager(level, text)
        if before.forced:
            self._manager.halt.known[FORCED] = FORCED_STATUS
        if before.state is None:
            self.start(before.lost)
        else:
            self._take_over(before.state)

    def _take_over(self, state: dict[str, Any]) -> None:
        self._restore(state)
        self._manager.processes.helpers.start_console()
        on_demand.count_as_down(self._manager, self._options.unit or "default.target")
        on_demand.stay(self._system.runtime)
        self._boot()

    def _restore(self, state: dict[str, Any]) -> None:
        self._hear_signals()
        self._system.serve()
        if not reexec_state.restore(self._manager, state, self._system.files.canonical) or self._manager.jobs.jobs:
            self._await_orphans()
        self._system.mounts.begin()
        kept_clients.take_over(
            self._system.server, state.get("clients", []), lambda text: self._log.manager(LOG_ERR, text)
        )
        self._manager.processes.reaper.reap()
        self._guard.check()
        if self._report is not None:
            self._report.go_on()

    def _await_orphans(self) -> None:
        """Begin no job before the supervisors of a manager that is gone have stopped what it left running."""
        jobs, halt = self._manager.jobs, self._manager.halt
        left = orphans(self._options.root, self._manager.processes.trackings.values())
        wait = Wait(self._loop, left, jobs.let_run)
        if wait.goes_on:
            names = ", ".join(sorted(left.values()))
            self._log.manager(LOG_NOTICE, f"Waiting for {names} to stop, left running by a manager that is gone.")
            jobs.holders.append(lambda: wait.goes_on and not halt.requested)

    def _serve(self) -> None:
        """Serve clients on demand: the first request may be about units that a generator has made."""
        self._system.reload.read_if_changed()
        self._system.serve()
        self._linger()

    def _boot(self) -> None:
        self._log.manager(LOG_INFO, f"systemctl-replacement {__version__} starting.")
        for text in (
            *run_directory.warnings(self._options.root),
            *(tmpfiles.warnings() if self._system.is_pid1 else other_init.warnings()),
        ):
            self._log.manager(LOG_WARNING, text)
        if self._system.status is not None:
            self._system.status.welcome(self._system.files.host.os_release or {})
        if self._report is not None:
            self._report.begin(self._system.files.host.machine_id)
        self._system.server.hold_changes()
        self._loop.call_soon(lambda: self._system.generators.run(self._boot_units))

    def _boot_units(self) -> None:
        try:
            if not self._manager.halt.requested:
                self._system.reload.read_if_changed()  # generators may have made units
                if boot.enqueue(self._manager, self._options):
                    self._manager.jobs.when_idle(self._booted)
                    if self._system.foreground is not None:
                        self._system.foreground.look()
        finally:
            self._system.server.release_changes()

    def _booted(self) -> None:
        if self._manager.halt.requested:
            return
        self._manager.boot.end()
        left_out = [unit for unit in self._manager.registry if "Condition" in unit.stamps and not unit.condition_result]
        if left_out:
            self._log.manager(LOG_INFO, boot_skips.summary(len(left_out), sum(not unit.skipped for unit in left_out)))
        usec = self._manager.boot.stamp("finish")[1] - self._manager.boot.stamp("start")[1]
        fields = {"MESSAGE_ID": STARTUP_FINISHED, "USERSPACE_USEC": str(usec)}
        self._log.manager(LOG_INFO, f"Startup finished in {format_time_span(usec, 1000)}.", fields=fields.items())

    def run(self) -> int:
        self._loop.run()
        self._manager.logs.end()
        if not self._system.is_pid1:
            await_helpers(self._manager.processes, self._manager.halt.gone_by)
        elif engine_reboot.is_meant(self._manager.halt.known):
            engine_reboot.reboot(self._system.engine)
        return self._status

    # --- signals ---

    def _hear_signals(self) -> None:
        self._loop.add(self._signal_fd, READ, self._signals, SIGNALS)
        self._loop.call_soon(lambda: self._signals(READ))  # a halt that was requested already comes before the boot

    def _signals(self, _events: int) -> None:
        for number, _pid, _status, _code in syscalls.read_signalfd(self._signal_fd):
            self._loop.guard(self._hear, number)

    def _hear(self, number: int) -> None:
        command = self._system.foreground
        if command is not None and command.takes(number):
            return
        if number in pid1.ACTIONS:
            self._act(number, *pid1.ACTIONS[number])

    def _act(self, number: int, what: str, argument: str) -> None:
        manager = self._manager
        if what == "reap":
            manager.processes.reaper.reap()
        elif what == "halt":
            if number == _signal.SIGINT and engine_reboot.understands(self._system.engine):
                argument = "reboot"  # machinectl(1) asks for it so, as the kernel does for ctrl-alt-del
            manager.halt.request(argument, pid1.signal_name(number))
        elif what == "force":
            manager.halt.force(argument)
        elif what == "reload":
            self._guard.check()
            self._system.reload.begin(lambda: None)
        elif what == "reexecute":
            self._system.reexecution.begin()
        elif what == "isolate":
            why = f"{argument} on {pid1.signal_name(number)}"
            self._system.server.change(lambda: manager.jobs.try_enqueue(argument, START, MODE_ISOLATE, why))
        elif what == "log-level":
            self._log.maximum = LOG_DEBUG if argument == "debug" else self._options.log_level
        elif what == "show-status":
            self._system.show_status(argument)
        elif what == "dump":
            for line in show.dump(manager):
                self._log.manager(LOG_INFO, line)

    # --- leaving ---

    def _leave_with_the_last_unit(self) -> None:
        """The last unit to stay for may end by itself, while nobody is connected."""

        def look(change: UnitChange) -> None:
            if change.went_down:
                self._linger()

        self._manager.driver.unit_changed.add(look)

    def _linger(self) -> None:
        if self._options.on_demand:
            self._loop.call_at(now_monotonic() + LINGER_USEC, self._leave_if_idle)

    def _leave_if_idle(self) -> None:
        manager = self._manager
        if self._system.server.clients or manager.jobs.jobs or manager.halt.requested:
            return
        if manager.units_at_work():
            return
        if not on_demand.may_leave(self._system.paths, self._system.server.listener.fileno()):
            self._linger()
            return
        self._log.manager(LOG_INFO, "Nothing to do, leaving.")
        self._finish(0)

    def _finish(self, status: int) -> None:
        """Everything is stopped: let the helpers go, show the last lines, end."""
        if self._ended:
            return
        self._ended = True
        self._status = status
        self._manager.jobs.answer_all(DONE)
        self._system.server.close()
        self._guard.close()
        self._system.generators.abandon()
        self._manager.bus.close()
        if self._options.on_demand:
            on_demand.withdraw(self._system.runtime)
        try:
            if self._guard.is_there():  # otherwise it may be another manager's
                os.unlink(self._system.paths.socket_path())
        except OSError:
            pass  # not ours to remove any more
        take_leave(self._loop, self._manager.processes, self._manager.logs.collector, self._manager.halt.gone_by)
