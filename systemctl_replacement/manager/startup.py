"""Making a manager out of its parts: as PID 1, in the foreground elsewhere, on demand, or after a re-execution."""

from __future__ import annotations

import _socket
import os
import select
import sys

from systemctl_replacement import __version__, paths, syscalls
from systemctl_replacement.control import handover, server
from systemctl_replacement.control.listener import listen
from systemctl_replacement.jobs.model import DONE, MODE_ISOLATE, START
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.manager import boot, halt, pid1, reexecution, show, skips
from systemctl_replacement.manager.calls import Calls
from systemctl_replacement.manager.conditions import Checker
from systemctl_replacement.manager.console import Console, Log
from systemctl_replacement.manager.driver import Driver
from systemctl_replacement.manager.execution import ExecutionContext, default_environment
from systemctl_replacement.manager.generation import Generation, variables
from systemctl_replacement.manager.job_table import JobTable
from systemctl_replacement.manager.loop import READ, Loop, now_monotonic, now_stamp
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.options import InitOptions
from systemctl_replacement.manager.processes import Processes
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.socket_guard import SocketGuard
from systemctl_replacement.manager.successor import ALIVE, Succession
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.client import ForkServer
from systemctl_replacement.unitfile import load, loadpath
from systemctl_replacement.unitfile.manager_config import ManagerConfig, read_manager_config
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units.simple import ON, SimpleState

__all__ = ["ALIVE", "System", "run"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO = 3, 4, 5, 6
SIGKILL = 9

# An on-demand manager without work or clients stays this long, so that a series of commands is served by one.
LINGER_USEC = 10_000_000

# How long children get to end after everything was stopped.
_FAREWELL_USEC = 2_000_000

# What is up already in a container that nobody booted: services there must not start the rest of a system.
_UP_ON_DEMAND = ("sysinit.target", "basic.target", "-.slice", "system.slice")


class System:
    """A manager with everything around it. `run` ends with the exit status."""

    def __init__(self, options: InitOptions, forkserver: ForkServer | None, state: dict[str, Any] | None) -> None:
        self._options = options
        self._paths = paths.Paths(options.root)
        self._is_pid1 = os.getpid() == 1 and not options.root
        self._status = 0
        self._ended = False
        self._boot_after: list[int] = []  # pids: supervisors of a manager whose state is lost
        self._environment = pid1.inherited_environment()
        runtime = self._paths.runtime
        self._runtime = runtime
        self._runtime_mode = os.stat(runtime).st_mode & 0o7777
        self.loop = Loop(self._report_exception)
        boot: dict[str, Any] = (
            state["boot"] if state is not None else {"id": os.urandom(16).hex(), "start": list(now_stamp())}
        )
        self._boot = boot
        self._log_directory = self._paths.log_directory()
        self._console = self._make_console(state)
        writer = Writer(f"{self._log_directory}/manager.journal.jsonl")
        self.log = Log(writer, self._console, boot["id"], options.log_level)
        self._host = Host.current(options.root, boot["id"])
        config = self._read_config()
        told = options.show_status
        self.log.show_status = config.show_status == "yes" if told is None else told
        self.manager = manager = Manager(self.loop, self.log, config)
        manager.boot = boot
        self._index = self._scan()
        self._skips = self._read_skips()
        manager.registry = Registry(self._read_unit, config, self._mounted, self._loaded)
        manager.jobs = JobTable(manager.registry, manager)
        manager.execution = ExecutionContext(options.root, config, self._environment)
        manager.conditions = Checker(
            options.root,
            lambda: self._host,
            lambda: {**self._environment, **manager.execution.environment},
            lambda: pid1.container_engine(options.root, self._environment),
            manager.log_unit,
        )
        self._generators = Generation(self.loop, options.root, runtime, self._told_generators, self.log.manager)
        manager.driver = Driver(manager)
        if forkserver is None:
            assert state is not None
            forkserver = reexecution.forkserver_of(state)
        manager.processes = Processes(
            self.loop,
            forkserver,
            self._console,
            runtime,
            lambda unit: f"{self._log_directory}/{unit}.journal.jsonl",
            manager.unit_event,
            manager.store_descriptors,
            manager.driver.processes_idle,
            manager.log_unit,
        )
        manager.halt = halt.Halt(manager, self._stop_timeout(), self._finish)
        self._succession = Succession(self.loop, self._may_execute, self._execute, self.log)
        self._calls = Calls(manager, self.look_for_new_files, self.reload, self._succession.begin)
        self._listener = self._listen(state)
        self._server = server.Server(
            self._listener,
            self._calls.table(),
            version=__version__,
            on_exception=self._report_exception,
            on_idle=self._maybe_leave,
        )
        self._signal_fd = syscalls.signalfd()
        self._guard = SocketGuard(self.loop, self._paths.socket_path(), self._socket_lost)

    # --- parts ---

    def _make_console(self, state: dict[str, Any] | None) -> Console | None:
        if state is not None:
            if state["console"] is None:
                return None
            console = Console(self.loop, state["console"]["stdout"], state["console"]["json"])
            reexecution.console_of(state, console)
            return console
        if self._options.on_demand:
            return None
        try:
            return Console(self.loop, syscalls.duplicate_above(1, 3), self._options.json)
        except OSError:
            return None  # started without a stdout: there is nobody to tell

    def _listen(self, state: dict[str, Any] | None) -> _socket.socket:
        if state is not None:
            return _socket.socket(fileno=state["listener"])
        listener = listen(self._paths.socket_path())
        # Not before: they belong to the other manager if one runs.
        pid1.clear_sockets(self._runtime)
        return listener

    def _socket_lost(self) -> None:
        """Make the socket anew, with what else of ours was in the runtime directory."""
        if self._ended:
            return  # by ourselves
        try:
            if self._is_pid1:
                pid1.make_runtime_files(self._runtime, self._environment)
            os.makedirs(self._runtime, self._runtime_mode, exist_ok=True)
            listener = listen(self._paths.socket_path())
        except OSError as error:
            self.log.manager(LOG_ERR, f"The control socket is gone, and cannot be made anew: {error.strerror}")
            return
        self._listener = listener
        self._server.replace(listener)
        self._guard.renew()
        self.log.manager(LOG_WARNING, "The control socket was removed, and is made anew.")

    def _read_config(self) -> ManagerConfig:
        config = read_manager_config(self._options.root, self._host)
        for problem in config.problems:
            self.log.manager(problem.level, str(problem))
        return config

    def _scan(self) -> loadpath.Index:
        index = loadpath.Index(self._paths.unit_path(), self._options.root)
        for problem in index.problems:
            self.log.manager(problem.level, str(problem))
        return index

    def look_for_new_files(self) -> None:
        """Before a request: units that have no files yet may have got some, without any daemon-reload."""
        if self._index.is_stale():
            self._index = self._scan()
            self.manager.registry.retry_missing()

    def _read_skips(self) -> skips.Skips:
        if self._options.on_demand:
            return skips.skips(())
        return skips.read(paths.shipped_units(), self._options.root, lambda text: self.log.manager(LOG_WARNING, text))

    def _stop_timeout(self) -> int | None:
        if self._options.on_demand:
            return None
        return halt.stop_timeout(
            self._options.stop_timeout,
            self._environment,
            lambda path: self._is_pid1 and os.path.exists(path),
        )

    def _read_unit(self, name: str) -> load.Unit:
        return load.load(name, self._index, self._host)

    def _mounted(self) -> dict[str, pid1.Mount]:
        try:
            return pid1.mounted_units()
        except OSError as error:
            self.log.manager(LOG_WARNING, f"Cannot read /proc/self/mountinfo: {error.strerror}")
            return {}

    def _loaded(self, unit: ManagedUnit) -> None:
        """A unit was loaded: what is wrong with it is logged once, and whether a boot skips it is known from now on."""
        for problem in unit.file.problems:
            self.log.about(unit.id, problem.level, str(problem))
        mounted = unit.type == "mount" and unit.sub_state == ON["mount"]  # it is there: nothing to leave out
        asked_for = unit.id in self.manager.registry.asked_for
        unit.skipped = "" if mounted or asked_for else self._skips.reason([unit.id, *unit.file.names])

    def _report_exception(self, where: str, error: BaseException) -> None:
        self.manager.report_exception(where, error)

    # --- life ---

    def start(self, lost: str = "") -> None:
        """Set up what the system needs of us and enqueue the boot. `lost`: why the state of the manager before is."""
        manager = self.manager
        self.loop.add(self._signal_fd, READ, self._signals)
        if not self._options.on_demand:
            self._server.attach(self.loop)
            manager.processes.start_console()
        if lost:
            self._boot_after = reexecution.supervisors_left()
            text = f"Cannot read the state of the manager before ({lost}): what runs is stopped, and started anew."
            self.log.manager(LOG_ERR, text)
        if self._options.on_demand:
            for name in _UP_ON_DEMAND:
                unit = manager.registry.get(name)
                if unit.file.load_state == "loaded":
                    # Not by a job, and not by a step: what they want is not started behind them.
                    unit.state = SimpleState(ON[unit.type])
                    unit.stamps = dict.fromkeys(("StateChange", "InactiveExit", "ActiveEnter"), now_stamp())
            manager.booted = True
            # What ends by itself later, when nobody is connected, may be the last thing to stay for.
            manager.calls_waiting_inactive.append(self._linger)
            self._generators.run(self._serve)
        else:
            self.log.manager(LOG_INFO, f"systemctl-replacement {__version__} starting.")
            if not self._boot_after:
                self.loop.call_soon(lambda: self._generators.run(self._boot_units))

    def resume(self, state: dict[str, Any]) -> None:
        """Go on after a re-execution."""
        self.loop.add(self._signal_fd, READ, self._signals)
        self._server.attach(self.loop)
        if self._options.on_demand:
            self.manager.calls_waiting_inactive.append(self._linger)
        reexecution.restore(self.manager, state)
        handover.take_over(self._server, state.get("clients", []), lambda text: self.log.manager(LOG_ERR, text))
        if not self.manager.booted:
            self.manager.jobs.when_idle(self._booted)
        self.manager.processes.reaper.reap()
        self.log.manager(LOG_INFO, "Reexecuted.")
        self._guard.check()
        self._maybe_leave()

    def _boot_once_clear(self) -> None:
        """Boot when the last unit of a manager whose state is lost has been stopped by its supervisor."""
        if self._boot_after and not set(self._boot_after).intersection(reexecution.supervisors_left()):
            self._boot_after = []
            if not self._options.on_demand:
                self._generators.run(self._boot_units)

    def _told_generators(self) -> dict[str, str]:
        engine = pid1.container_engine(self._options.root, self._environment)
        return {**self.manager.execution.environment, **variables(self._host.architecture, engine)}

    def _serve(self) -> None:
        """On demand: the first request may be about what a generator has made."""
        if self._index.is_stale():
            self._load_again()
        self._server.attach(self.loop)
        self._linger()

    def _boot_units(self) -> None:
        if self.manager.halt.requested:
            return
        if self._index.is_stale():  # generators have made something of the configuration
            self._load_again()
        boot.enqueue(self.manager, self._options)
        self.manager.jobs.when_idle(self._booted)

    def _booted(self) -> None:
        self._boot["finish"] = list(now_stamp())
        self.manager.boot_finished()
        took = (self._boot["finish"][1] - self._boot["start"][1]) / 1_000_000
        self.log.manager(LOG_INFO, f"Startup finished in {took:.3f}s.")

    def run(self) -> int:
        self.loop.run()
        if not self._is_pid1:
            self._await_children()
        return self._status

    def _await_children(self) -> None:
        """Leave nothing behind: what served us ends when its link closes, and is waited for."""
        self.manager.processes.close()
        end = now_monotonic() + _FAREWELL_USEC
        poll = select.poll()
        poll.register(self._signal_fd, select.POLLIN)
        while now_monotonic() < end:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            poll.poll(max(0, end - now_monotonic()) // 1000 + 1)
            syscalls.read_signalfd(self._signal_fd)

    # --- signals ---

    def _signals(self, _events: int) -> None:
        for number, _pid, _status, _code in syscalls.read_signalfd(self._signal_fd):
            action = pid1.ACTIONS.get(number)
            if action is not None:
                self._act(number, *action)

    def _act(self, number: int, what: str, argument: str) -> None:
        manager = self.manager
        if what == "reap":
            manager.processes.reaper.reap()
            self._boot_once_clear()
        elif what == "halt":
            manager.halt.request(argument, pid1.signal_name(number))
        elif what == "immediate":
            manager.halt.immediate(argument)
        elif what == "reload":
            self._guard.check()
            self.reload(lambda: None)
        elif what == "reexecute":
            self._succession.begin()
        elif what == "isolate":
            manager.try_enqueue(argument, START, MODE_ISOLATE, f"{argument} on {pid1.signal_name(number)}")
        elif what == "log-level":
            self.log.maximum = 7 if argument == "debug" else self._options.log_level
        elif what == "show-status":
            self.log.show_status = bool(argument)
        elif what == "dump":
            for line in show.dump(manager):
                self.log.manager(LOG_INFO, line)

    # --- reloading, re-executing ---

    def reload(self, done: Callable[[], object]) -> None:
        """Run the generators, read all unit files again (`daemon-reload`), call `done`."""
        self.log.manager(LOG_INFO, "Reloading.")
        self._generators.run(lambda: self._reload(done))

    def _reload(self, done: Callable[[], object]) -> None:
        try:
            self._read_again()
        finally:
            done()

    def _read_again(self) -> None:
        manager = self.manager
        self._host = Host.current(self._options.root, self._boot["id"])
        config = self._read_config()
        old_default = default_environment(manager.config)
        manager.config = manager.execution.config = config
        for name, value in default_environment(config).items():
            if manager.execution.environment.get(name) == old_default.get(name):
                manager.execution.environment[name] = value
        self._skips = self._read_skips()
        self._load_again()

    def _load_again(self) -> None:
        self._index = self._scan()
        self.manager.registry.reload(self._read_unit, self.manager.config)

    def _may_execute(self) -> bool:
        """Nothing is on its way that could not be taken along."""
        if self._generators.running or self.loop.has_pending() or reexecution.has_unsent(self.manager):
            return False
        return not self._calls.changing and handover.is_possible(self._server)

    def _execute(self) -> None:
        arguments = ["init", f"--log-level={self._options.log_level}"]
        if self._options.root:
            arguments.append(f"--root={self._options.root}")
        if self._options.on_demand:
            arguments.append("--on-demand")
        if self._options.stop_timeout is not None:
            arguments.append(f"--stop-timeout={self._options.stop_timeout}us")
        clients = handover.save(self._server)
        state = reexecution.snapshot(self.manager, self._listener.fileno(), self._boot, clients)
        reexecution.execute(state, [*paths.self_command(), *arguments])

    # --- leaving ---

    def _linger(self) -> None:
        if self._options.on_demand:
            self.loop.call_at(now_monotonic() + LINGER_USEC, self._leave_if_idle)

    def _maybe_leave(self) -> None:
        """The last client has left."""
        self._linger()

    def _leave_if_idle(self) -> None:
        manager = self.manager
        if self._server.clients or manager.jobs.jobs or manager.halt.requested:
            return
        if manager.units_at_work():
            return
        self.log.manager(LOG_INFO, "Nothing to do, leaving.")
        self._finish(0)

    def _finish(self, status: int) -> None:
        """Everything is stopped: take leave of what is left, show the last lines, end."""
        if self._ended:
            return
        self._ended = True
        self._status = status
        self.manager.jobs.answer_all(DONE)
        self._server.close()
        self._guard.close()
        self._generators.abandon()
        try:
            os.unlink(self._paths.socket_path())
        except OSError:
            pass  # gone with the tmpfs it was on
        for tracking in list(self.manager.processes.trackings.values()):
            self.manager.processes.signal_all(tracking.unit, SIGKILL, (), False, False)
            self.manager.processes.release(tracking.unit)
        if self._console is not None:
            self.loop.call_at(now_monotonic() + _FAREWELL_USEC, self.loop.stop)
            self._console.flush(self.loop.stop)
        else:
            self.loop.call_soon(self.loop.stop)


def run(options: InitOptions, forkserver: ForkServer | None) -> int:
    """Run a manager to its end; the exit status. `forkserver` is None after a re-execution."""
    state, lost = None, ""
    if options.deserialize_fd >= 0:
        try:
            state = reexecution.read(options.deserialize_fd)
        except reexecution.Unreadable as error:
            lost = str(error)
            forkserver = reexecution.start_over()
    is_pid1 = os.getpid() == 1 and not options.root
    if not is_pid1:
        syscalls.set_child_subreaper()
    try:
        pid1.raise_descriptor_limit()
        runtime = paths.Paths(options.root).runtime
        if is_pid1 and state is None:
            pid1.become_the_systems_manager(options.root, runtime, os.environ)
        elif is_pid1:
            syscalls.set_process_name("systemd")
        system = System(options, forkserver, state)
    except OSError as error:
        return _cannot_start(options, error)
    _leave_terminal(options)
    if state is not None:
        system.resume(state)
    else:
        system.start(lost)
    if options.ready_fd >= 0:
        os.write(options.ready_fd, b"READY\n")
        os.close(options.ready_fd)
    return system.run()


def _cannot_start(options: InitOptions, error: OSError) -> int:
    where = f"{error.filename}: " if error.filename else ""
    text = f"Cannot start the manager: {where}{error.strerror}\n"
    if options.ready_fd >= 0:
        os.write(options.ready_fd, text.encode())
    else:
        sys.stderr.write(text)
    return 1


def _leave_terminal(options: InitOptions) -> None:
    """Keep no standard descriptor: the console process has stdout, and nothing may block on the others."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    os.chdir("/")
