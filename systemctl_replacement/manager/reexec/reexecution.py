"""daemon-reexec as a whole: when it is possible, and what the program is executed again with."""

from __future__ import annotations

from systemctl_replacement import paths
from systemctl_replacement.control import kept_clients
from systemctl_replacement.log_levels import LOG_NOTICE
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.manager.reexec.probe import Succession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.control.server import Server
    from systemctl_replacement.manager.generators.generation import Generation
    from systemctl_replacement.manager.manager import Manager
    from systemctl_replacement.manager.options import InitOptions
    from systemctl_replacement.supervision.patience import Patience


class Reexecution:
    """Executes the manager again, with all that it knows and with its clients."""

    def __init__(
        self, manager: Manager, server: Server, generators: Generation, options: InitOptions, patience: Patience
    ) -> None:
        self._manager = manager
        self._server = server
        self._generators = generators
        self._options = options
        self._rests = False
        manager.jobs.holders.append(lambda: self._rests and not manager.halt.requested)
        self._succession = Succession(
            manager.loop, patience, self.obstacle, self.rest, self.go_on, self._execute, manager.log
        )

    def begin(self, failed: Callable[[str], object] | None = None) -> None:
        """Execute ourselves again as soon as that is possible; `failed` is told why if it is not."""
        self._succession.begin(failed)

    def obstacle(self) -> str:
        """What is on its way that could not be taken along, "" for nothing."""
        if self._generators.running:
            return "generators are running"
        if reexec_state.has_unsent(self._manager):
            return "a supervisor or another helper does not take its messages"
        if self._server.changing or not kept_clients.is_possible(self._server):
            return "a request is under way that another manager cannot go on with"
        return "the manager's own work does not end" if self._manager.loop.has_pending() else ""

    def rest(self) -> None:
        """Begin nothing new: take nothing from sockets, which keep it, and begin no job. What is on its way ends soon
        then, whoever makes new work without end."""
        self._rests = True
        self._manager.driver.ports.rest()

    def go_on(self) -> None:
        """Nothing has come of it."""
        if self._rests:
            self._rests = False
            self._manager.driver.ports.go_on()
            self._manager.jobs.let_run()

    def state(self) -> dict[str, Any]:
        """All that is taken along, as plain data."""
        clients = kept_clients.save(self._server)
        listener = self._server.listener.fileno()
        return reexec_state.snapshot(self._manager, listener, self._manager.boot.record, clients)

    def _execute(self) -> None:
        options = self._options
        arguments = ["init", f"--log-level={options.log_level}"]
        if options.root:
            arguments.append(f"--root={options.root}")
        if options.on_demand:
            arguments.append("--on-demand")
        if options.stop_timeout is not None:
            arguments.append(f"--stop-timeout={options.stop_timeout}us")
        if options.log_console:
            arguments.append(f"--log-console={options.log_console}")
        if options.log_console_level is not None:
            arguments.append(f"--log-console-level={options.log_console_level}")
        if options.log_console_identifiers:
            arguments.append(f"--log-console-identifiers={options.log_console_identifiers}")
        command = self._manager.boot.record.get("foreground")
        if command is not None and command["pid"]:
            # Its end must end the container even if the state cannot be read.
            arguments.append(f"--foreground={command['pid']}")
            if not command["to_group"]:
                arguments.append("--no-group")
        self._manager.core.limits.tell()
        self._manager.log.manager(LOG_NOTICE, "Reexecuting.", news=False)
        self._manager.log.tell_missed()
        reexec_state.execute(self.state(), [*paths.self_command(), *arguments])
