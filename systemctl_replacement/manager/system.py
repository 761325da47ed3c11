"""A manager and everything around it, made out of their parts; how they live is :mod:`.life`'s."""

from __future__ import annotations

import _socket

from systemctl_replacement import __version__, paths, syscalls
from systemctl_replacement.control import server
from systemctl_replacement.control.listener import listen, renew
from systemctl_replacement.control.request import OWNER, Method
from systemctl_replacement.journal import names as journal_names
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.loop import Loop, now_stamp
from systemctl_replacement.manager import halt, pid1
from systemctl_replacement.manager.conditions.check import Checker
from systemctl_replacement.manager.exec_spec import ExecutionContext
from systemctl_replacement.manager.generators.generation import Generation, variables
from systemctl_replacement.manager.jobs.table import JobTable
from systemctl_replacement.manager.leftovers import Leftovers
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.methods import Methods
from systemctl_replacement.manager.options import InitOptions
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.stop_time import StopTime, told_or_guessed
from systemctl_replacement.manager.unit_driver import Driver
from systemctl_replacement.manager.unit_files import UnitFiles
from systemctl_replacement.supervision.client import ForkServer
from systemctl_replacement.supervision.console import SHOW_CHANGES, SHOW_PROBLEMS, Console, Log
from systemctl_replacement.supervision.patience import Patience
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.unitfile.journal_config import KEPT, VOLATILE, journal_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.manager.reexec.bequest import OnConnection
    from systemctl_replacement.unitfile.syntax import Problem


class System:
    """The parts, each made once. A `state` gives those back that outlive a re-execution, or have been taken over.

    finish: everything is stopped, end with that status; reload, reexecute, hand_over: what clients may ask of a life;
    on_idle: the last client has left.
    """

    def __init__(
        self,
        options: InitOptions,
        forkserver: ForkServer | None,
        state: dict[str, Any] | None,
        *,
        finish: Callable[[int], None],
        reload: Callable[[Callable[[], object]], None],
        reexecute: Callable[[Callable[[str], object]], None],
        hand_over: Callable[[OnConnection], object],
        on_idle: Callable[[], object],
    ) -> None:
        self.options = options
        self.paths = places = paths.Paths(options.root)
        self.is_pid1 = options.is_pid1
        self.environment = pid1.inherited_environment()
        self.runtime = places.runtime
        self.loop = Loop(self.report_exception)
        self.patience = Patience(self.loop, lambda text: self.log.manager(LOG_WARNING, text))
        self.boot: dict[str, Any] = (
            state["boot"] if state is not None else {"id": pid1.boot_id(options.on_demand), "start": list(now_stamp())}
        )
        self._log_directory = places.log_directory()
        self.console = self._make_console(state)
        problems: list[Problem] = []
        self._journal_limit = self._read_journal_limit(problems)
        path = f"{self._log_directory}/{journal_names.MANAGER_FILE}"
        writer = Writer(path, self._journal_limit, makes_room=False)
        self.log = Log(writer, self.console, self.boot["id"], options.log_level)
        for problem in problems:
            self.log.manager(problem.level, str(problem))
        self.files = files = UnitFiles(places, self.boot["id"], self.log, is_pid1=self.is_pid1)
        config = files.config
        self.log.show_status = options.show_status or (SHOW_CHANGES if config.show_status == "yes" else SHOW_PROBLEMS)
        self.manager = manager = files.manager = Manager(self.loop, self.log, config)
        manager.boot = self.boot
        files.scan()
        manager.registry = Registry(files.read_unit, config, files.mounted, files.loaded, self.report_exception)
        manager.registry.when_over = lambda: self.loop.call_soon(manager.registry.end_apart)
        manager.jobs = JobTable(manager.registry, manager)
        manager.leftovers = Leftovers(self.boot, options.root)
        manager.execution = ExecutionContext(options.root, config, self.environment)
        manager.conditions = Checker(
            options.root,
            lambda: files.host,
            lambda: {**self.environment, **manager.execution.environment},
            lambda: pid1.container_engine(options.root, self.environment),
            manager.log_unit,
        )
        self.generators = Generation(
            self.loop, options.root, self.runtime, self._told_generators, self.log.manager, self.patience
        )
        manager.driver = Driver(manager)
        if forkserver is None:
            assert state is not None
            forkserver = reexec_state.forkserver_of(state)
        manager.processes = Processes(
            self.loop,
            forkserver,
            self.console,
            self.runtime,
            self._journal,
            manager.unit_event,
            manager.store_descriptors,
            manager.driver.processes_idle,
            manager.log_unit,
            self.patience,
            manager.driver.spawn_again,
            manager.driver.is_changing,
        )
        manager.halt = halt.Halt(manager, self._stop_time(), finish, self.is_pid1)
        methods = Methods(manager, files.look_for_new, reload, reexecute)
        self.listener = self._listen(state)
        self.server = server.Server(
            self.listener,
            {**methods.table(), "HandOver": Method(hand_over, OWNER, ends_connection=True)},
            version=__version__,
            on_exception=self.report_exception,
            on_idle=on_idle,
        )

    def _journal(self, unit: str) -> dict[str, Any]:
        path = f"{self._log_directory}/{journal_names.file_name(unit)}"
        return {"path": path, "boot": self.boot["id"], "total": self._journal_limit}

    def _read_journal_limit(self, problems: list[Problem]) -> int:
        key = KEPT if self._log_directory == self.paths.below(paths.LOG_DIRECTORY) else VOLATILE
        return journal_limit(self.options.root, key, problems.append)

    def _make_console(self, state: dict[str, Any] | None) -> Console | None:
        if state is not None and "console" in state:
            if state["console"] is None:
                return None
            console = Console(self.loop, state["console"]["stdout"], state["console"]["json"])
            reexec_state.console_of(state, console)
            return console
        if self.options.on_demand:
            return None
        try:
            return Console(self.loop, syscalls.duplicate_above(1, 3), self.options.json)
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

    def replace_listener(self, listener: _socket.socket) -> None:
        """Serve clients on another socket."""
        self.listener = listener
        self.server.replace(listener)

    def _stop_time(self) -> StopTime | None:
        if self.options.on_demand:
            return None
        return told_or_guessed(
            self.options.stop_timeout, self.is_pid1, lambda text: self.log.manager(LOG_WARNING, text)
        )

    def _told_generators(self) -> dict[str, str]:
        engine = pid1.container_engine(self.options.root, self.environment)
        return {**self.manager.execution.environment, **variables(self.files.host.architecture, engine)}

    def report_exception(self, where: str, error: BaseException) -> None:
        self.manager.report_exception(where, error)
