"""A manager and everything around it, made out of their parts; how they live is :mod:`.life`'s."""

from __future__ import annotations

import _socket
import os

from systemctl_replacement import __version__, paths, syscalls
from systemctl_replacement.control import server
from systemctl_replacement.control.listener import listen, renew
from systemctl_replacement.control.request import OWNER, Method
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.loop import Loop, now_stamp
from systemctl_replacement.manager import credentials, pid1
from systemctl_replacement.manager.boot_progress import BootProgress
from systemctl_replacement.manager.bus.door import BusDoor
from systemctl_replacement.manager.conditions.check import Checker
from systemctl_replacement.manager.core import Core, report_exception
from systemctl_replacement.manager.generators.generation import Generation, variables
from systemctl_replacement.manager.halt import last_words
from systemctl_replacement.manager.halt.halt import Halt
from systemctl_replacement.manager.halt.last_words import LastWords
from systemctl_replacement.manager.halt.stop_budget import StopBudget
from systemctl_replacement.manager.halt.stop_time import StopTime, share_of_command, stop_time, who_kills
from systemctl_replacement.manager.jobs.job_log import JobLog
from systemctl_replacement.manager.jobs.job_start import JobStarter
from systemctl_replacement.manager.jobs.table import JobTable
from systemctl_replacement.manager.leftovers import Leftovers
from systemctl_replacement.manager.logs.logs import Logs, Surroundings
from systemctl_replacement.manager.logs.place import LogPlace
from systemctl_replacement.manager.logs.plan import make_plan
from systemctl_replacement.manager.logs.upkeep import Upkeep
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.methods import Methods
from systemctl_replacement.manager.mountinfo import Mounts, MountWatch
from systemctl_replacement.manager.named_units import NamedUnits
from systemctl_replacement.manager.options import InitOptions
from systemctl_replacement.manager.own_user import OwnUser, ignores_others
from systemctl_replacement.manager.process_events import ProcessEvents, room
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.manager.reexec.reexecution import Reexecution
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.reload import DaemonReload
from systemctl_replacement.manager.spec_of_unit import ExecDefaults
from systemctl_replacement.manager.triggers import Triggers
from systemctl_replacement.manager.unit_driver import Driver
from systemctl_replacement.manager.unit_files import UnitFiles
from systemctl_replacement.observers import Observers
from systemctl_replacement.process.console_filter import ConsoleFilter
from systemctl_replacement.supervision.client import ForkServer
from systemctl_replacement.supervision.console import ConsoleHandle
from systemctl_replacement.supervision.log_limits import LogLimits
from systemctl_replacement.supervision.manager_log import ManagerLog, own_fields, shown, status_lines
from systemctl_replacement.supervision.patience import Patience
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.unitfile.specifiers import read_machine_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.manager.bus.system_bus import SystemBus
    from systemctl_replacement.manager.foreground import Foreground
    from systemctl_replacement.manager.reexec.bequest import OnConnection
    from systemctl_replacement.manager.status_lines import StatusLines
    from systemctl_replacement.manager.unit import ManagedUnit


class System:
    """The parts, each made once, with what it needs. A `state` gives those back that outlive a re-execution, or have
    been taken over.

    Calls go one way: signals and requests -> halt, triggers -> jobs -> units -> processes. What happens below is told
    to observers, who are all introduced in :meth:`_introduce`.
    """

    def __init__(
        self,
        options: InitOptions,
        forkserver: ForkServer | None,
        state: dict[str, Any] | None,
        command: dict[str, Any] | None,
    ) -> None:
        """command: the state of a foreground command that waits to be run."""
        self.options = options
        self.paths = places = paths.Paths(options.root)
        self.is_pid1 = options.is_pid1
        self.environment = pid1.inherited_environment()
        self.engine = pid1.container_engine(options.root, self.environment)
        self.runtime = places.runtime
        self.loop = loop = Loop(self._report_exception)
        self._limits = LogLimits(loop)
        self._patience = Patience(loop, lambda text: self.log.manager(LOG_WARNING, text))
        record: dict[str, Any] = (
            state["boot"] if state is not None else {"id": pid1.boot_id(options.on_demand), "start": list(now_stamp())}
        )
        if command is not None:
            record["foreground"] = command
        self.boot = boot = BootProgress(record, loop.guard)
        self._console = self._make_console(state)
        plan = make_plan(places, options)
        self._log_place = log_place = LogPlace(places, plan)
        writer = Writer(plan.manager_file, plan.limits, makes_room=False) if plan.manager_file else None
        own = own_fields(record["id"], read_machine_id(options.root))
        self.log = ManagerLog(writer, self._console, own, options.log_level)
        self.log.filter = ConsoleFilter(plan.shown)
        self.log.syslog.path, self.log.syslog_level = plan.syslog, plan.config.max_level_syslog
        self.log.stored_level = plan.config.max_level_store
        for level, text, fields in plan.problems():
            self.log.manager(level, text, fields=fields)
        self.files = files = UnitFiles(places, record["id"], self.log, self._limits, is_pid1=self.is_pid1)
        config = files.config
        asked = options.show_status or config.show_status
        self.log.shows = shown(asked)
        files.begin()

        bus = BusDoor(self._make_bus)

        def loaded(unit: ManagedUnit, asked_for: bool) -> None:
            files.loaded(unit, asked_for)
            bus.loaded(unit)

        mounts = Mounts(lambda text: self.log.manager(LOG_WARNING, text), options.root)
        registry = Registry(
            files.read_unit,
            config,
            mounts.now,
            loaded,
            self._report_exception,
            loop.call_soon,
        )
        core = Core(loop, self.log, self._limits, files, registry)
        secrets = credentials.Places(
            "" if options.on_demand else credentials.received(os.environ), places.credentials_directory(), options.root
        )
        self._execution = execution = ExecDefaults(
            options.root,
            config,
            self.environment,
            self._own_user(),
            secrets,
            lambda: self.manager.logs.has_native_socket,
        )
        conditions = Checker(
            options.root,
            lambda: files.host,
            lambda: {**self.environment, **execution.environment},
            lambda: self.engine,
            core.log_unit,
            secrets.received,
        )
        processes = self._make_processes(core, forkserver, state)
        leftovers = Leftovers(record, options.root)
        driver = Driver(core, processes, execution, leftovers, tuple(record["start"]))
        job_start = JobStarter(core, driver, conditions, execution)
        jobs = JobTable(core, job_start.begin)
        time = self._stop_time()
        halt = Halt(core, jobs, driver, processes, time, self.is_pid1)
        self._job_log = JobLog(core, boot)
        self.mounts = MountWatch(core, mounts, driver)
        self._introduce(core, processes, driver, job_start, jobs, halt, bus)
        if not options.on_demand:
            words = LastWords(core, halt, places.below(last_words.PLACE), log_place.directory, record["id"])
            halt.finished.add(words.say)
        here = Surroundings(options.root, self.runtime, record["id"], files.host.machine_id, self.is_pid1)
        logs = Logs(
            core,
            processes,
            self._console,
            self._patience,
            log_place,
            here,
            lambda: bool(jobs.jobs),
            jobs.let_run,
        )
        jobs.holders.append(lambda: logs.is_coming and not halt.requested)
        driver.unit_changed.add(logs.unit_changed)
        jobs.begun.add(lambda _job: logs.busy())
        boot.ended.add(lambda _boot: core.call_soon(logs.boot_ended))
        self.manager = manager = Manager(
            core, boot, execution, leftovers, conditions, processes, driver, jobs, halt, bus, logs
        )
        self.foreground = self._make_foreground(core, time)
        if self._console is not None:
            lines = status_lines(asked, self._console.is_tty)
            self._show_status_lines(lines if state is None else state.get("status_lines", lines))

        self.generators = Generation(
            loop, options.root, self.runtime, self._told_generators, self.log.manager, self._patience
        )
        self.reload = DaemonReload(manager, files, self.generators)
        killer = who_kills(os.environ, self.engine)
        budget = StopBudget(core, boot, time, options.stop_timeout is not None, killer, self.foreground is not None)
        boot.ended.add(lambda _boot: core.call_soon(budget.look))
        self.reload.done.add(lambda _reload: self.mounts.look())
        self.reload.done.add(budget.look)
        self.reload.done.add(lambda _reload: logs.look())
        self.server = server.Server(
            self._listen(state),
            version=__version__,
            on_exception=core.report_exception,
            on_idle=lambda: self.idle.tell(self.server),
        )
        self.idle: Observers[server.Server] = Observers(loop.guard)  # the last client has left
        self.reexecution = Reexecution(manager, self.server, self.generators, options, self._patience)
        upkeep = Upkeep(self.log, processes, logs, log_place)
        self._methods = Methods(manager, self.reload, self.reexecution, upkeep)

    def _make_bus(self) -> SystemBus:
        from systemctl_replacement.manager.bus.system_bus import SOCKET, SystemBus  # most containers have no bus

        manager = self.manager
        return SystemBus(
            manager.core,
            manager.driver,
            manager.jobs,
            manager.processes,
            self.reload,
            self._patience,
            self.paths.below(SOCKET),
        )

    def _make_foreground(self, core: Core, time: StopTime | None) -> Foreground | None:
        state = self.boot.record.get("foreground")
        if state is None:
            return None
        from systemctl_replacement.manager.foreground import Foreground  # not for everybody

        manager = self.manager
        return Foreground(
            state,
            core,
            manager.jobs,
            manager.halt,
            manager.processes,
            self.boot,
            lambda: share_of_command(time, core.config.default_timeout_stop),
        )

    def _introduce(
        self,
        core: Core,
        processes: Processes,
        driver: Driver,
        job_start: JobStarter,
        jobs: JobTable,
        halt: Halt,
        bus: BusDoor,
    ) -> None:
        """Who is told of what, in this order."""
        triggers = Triggers(core, jobs, driver)
        named = NamedUnits(core, jobs, halt, self.boot)
        process_events = ProcessEvents(core, processes, driver, self.mounts)
        processes.events.add(process_events.happened)
        processes.descriptors.add(process_events.left)
        processes.idle.add(driver.processes_idle)
        # Behind these come requests that wait for units to go down, and a manager on demand that may leave then.
        driver.unit_changed.add(jobs.unit_changed)
        driver.unit_changed.add(triggers.start_others)
        driver.unit_changed.add(halt.unit_changed)
        driver.unit_changed.add(triggers.check_others)
        driver.unit_changed.add(triggers.tell_triggering)
        driver.unit_changed.add(named.unit_changed)
        driver.unit_changed.add(bus.unit_changed)
        driver.restart_due.add(triggers.restart)
        driver.triggered.add(triggers.trigger)
        driver.bus_name_awaited.add(bus.awaited)
        processes.helpers.others.append(lambda: bus.pid)
        job_start.limit_hit.add(halt.start_limit_hit)
        jobs.begun.add(self._job_log.begun)
        jobs.begun.add(halt.account.begun)
        jobs.ended.add(self._job_log.ended)
        jobs.ended.add(halt.account.ended)
        jobs.ended.add(named.job_ended)
        jobs.ended.add(triggers.job_ended)
        jobs.failed.add(triggers.start_on_failure)
        jobs.timed_out.add(halt.job_timed_out)
        jobs.emptied.add(driver.no_job_is_left)
        jobs.emptied.add(named.no_job_is_left)
        jobs.isolated.add(named.isolated)

    @property
    def status(self) -> StatusLines | None:
        """Who shows status lines, if somebody does."""
        return self._job_log.status

    def show_status(self, asked: str) -> None:
        """Show more or less from now on, as with --show-status=."""
        self.log.shows = shown(asked)
        self._show_status_lines(status_lines(asked, False))

    def _show_status_lines(self, mode: str) -> None:
        if self.status is not None:
            self.status.set_mode(mode)
        elif mode != "no" and self._console is not None and not self._console.as_json:
            from systemctl_replacement.manager.status_lines import StatusLines  # many a container wants none

            manager = self.manager
            self.log.status_lines = mode
            self._job_log.status = StatusLines(
                manager.core,
                manager.jobs,
                self._console,
                self._is_changing,
                lambda: self.foreground is not None and self.foreground.runs,
            )
            manager.halt.finished.add(self._job_log.status.end)

    def _is_changing(self) -> bool:
        """Whether the system is starting or stopping."""
        halt = self.manager.halt
        return not halt.by_force and (halt.under_way or not self.boot.done)

    def serve(self) -> None:
        """Answer clients from now on."""
        hand_over = Method(self._hand_over, OWNER, ends_connection=True)
        self.server.attach(self.loop, {**self._methods.table(), "HandOver": hand_over})

    def _hand_over(self, request: OnConnection) -> None:
        if not self.options.on_demand:
            request.error("NotOnDemand")
            return
        from systemctl_replacement.manager.reexec.bequest import Bequest  # not for PID 1

        Bequest(self.manager, self.reexecution).begin(request)

    def _make_processes(self, core: Core, forkserver: ForkServer | None, state: dict[str, Any] | None) -> Processes:
        if forkserver is None:
            assert state is not None
            forkserver = reexec_state.forkserver_of(state)
        return Processes(
            core.loop,
            forkserver,
            self._console,
            self.runtime,
            self._journal,
            core.log_unit,
            self._patience,
            core.is_changing,
            lambda unit: room(core.registry.find(unit)),
        )

    def _report_exception(self, where: str, error: BaseException) -> None:
        report_exception(self.log, self._limits, where, error)

    def _journal(self, unit: str) -> dict[str, Any]:
        # (Supervisors speak for the manager.)
        return {"boot": self.boot.record["id"], "own": self.log.own, **self._log_place.plan.of_unit(unit)}

    def _make_console(self, state: dict[str, Any] | None) -> ConsoleHandle | None:
        if state is not None and "console" in state:
            if state["console"] is None:
                return None
            console = ConsoleHandle(self.loop, state["console"]["stdout"], state["console"]["json"])
            reexec_state.console_of(state, console)
            return console
        if self.options.on_demand:
            return None
        try:
            # A command's own output is what others read from stdout.
            output = 2 if self.options.has_command else 1
            return ConsoleHandle(self.loop, syscalls.duplicate_above(output, 3), self.options.json)
        except OSError:
            return None  # started without a stdout: there is nobody to tell

    def _listen(self, state: dict[str, Any] | None) -> _socket.socket:
        if state is not None and state["listener"] >= 0:
            listener = _socket.socket(fileno=state["listener"])
            renew(listener)
            return listener
        listener = listen(self.paths.socket_path(), supersede=self.is_pid1)
        if state is not None:
            return listener
        # Not before: they belong to the other manager if one runs.
        pid1.clear_sockets(self.runtime)
        return listener

    def _stop_time(self) -> StopTime | None:
        if self.options.on_demand:
            return None
        return stop_time(
            self.options.stop_timeout, os.environ, self.engine, lambda text: self.log.manager(LOG_WARNING, text)
        )

    def _own_user(self) -> OwnUser:
        ignored = ignores_others(self.environment, lambda text: self.log.manager(LOG_WARNING, text))
        return OwnUser(lambda: self.files.host, ignored)

    def _told_generators(self) -> dict[str, str]:
        return {**self._execution.environment, **variables(self.files.host.architecture, self.engine)}
