"""What the manager asks of a service (units/kind.py)."""

from __future__ import annotations

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.names import slice_path
from systemctl_replacement.units.bus_events import AwaitBusName
from systemctl_replacement.units.commands.kind import CommandsKind
from systemctl_replacement.units.events import RemoveDirectories, WatchdogElapsed, WatchPidFile
from systemctl_replacement.units.kind import Roles
from systemctl_replacement.units.service import reminder
from systemctl_replacement.units.service import step as machine
from systemctl_replacement.units.service.bus_name import is_awaited
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.exit import end_variables
from systemctl_replacement.units.service.flow import ServiceFlow, active_state
from systemctl_replacement.units.service.init_script import adapt
from systemctl_replacement.units.service.state import ServiceState
from systemctl_replacement.units.service.states import CHANGING, STOPPING
from systemctl_replacement.units.states import SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, ClassVar, Optional

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Action, Context, Event, Signal, SignalAll
    from systemctl_replacement.units.kind import Messages

# Where a service runs nothing until something happens to it.
_RESTING = frozenset({"dead", "failed", "exited"})

_HUNG = WatchdogElapsed()

_START, _STARTED = ("start", ""), ("start", "done")

# What an end by a signal is passed on as: there is no exit status, and it must not look like success.
_NO_STATUS = 255
# What a shell adds to the number of the signal that has ended a command.
_SIGNALLED = 128


class ServiceKind(CommandsKind):
    """A service (systemd.service(5)). The states and the ways between them are in docs/states.md."""

    records = (*CommandsKind.records, ServiceState)
    flow = ServiceFlow
    messages: ClassVar[Messages] = {
        _START: "Starting {}...",
        ("stop", ""): "Stopping {}...",
    }

    def configure(self, file: Unit, manager: ManagerConfig, sees_all: Callable[[], bool]) -> ServiceConfig:
        return adapt(ServiceConfig.from_unit(file, manager), file, sees_all)

    def without_restart(self, file: Unit) -> Unit:
        settings = {**file.settings, ("Service", "Restart"): "no"}
        settings.pop(("Service", "RestartForceExitStatus"), None)
        return replace(file, settings=settings)

    def initial_state(self) -> ServiceState:
        return ServiceState()

    def step(
        self, config: ServiceConfig, state: ServiceState, event: Event, context: Context
    ) -> tuple[ServiceState, tuple[Action, ...]]:
        return machine.step(config, state, event, context)

    def active_state(self, config: ServiceConfig, state: ServiceState) -> str:
        return active_state(config, state.sub)

    def deadlines(self, state: ServiceState) -> tuple[tuple[int, Event], ...]:
        watchdog = state.watchdog_deadline
        return (*([(watchdog, _HUNG)] if watchdog is not None else ()), *super().deadlines(state))

    def resume(self, config: ServiceConfig, state: ServiceState, context: Context) -> tuple[Action, ...]:
        commands = super().resume(config, state, context)
        if is_awaited(config, state):
            commands = (*commands, AwaitBusName())
        if state.waiting_for == "pidfile":
            return (WatchPidFile(True), *commands)
        return (RemoveDirectories(state.preserving), *commands) if state.waiting_for == "removal" else commands

    # --- what it can be asked ---

    def can_reload(self, config: ServiceConfig) -> bool:
        return bool(config.phase("ExecReload")) or config.type == "notify-reload"

    def must_settle(self, state: ServiceState) -> bool:
        """It is on its way down, or about to be restarted by itself."""
        return state.sub in STOPPING or state.sub == "auto-restart" or state.waiting_for == "removal"

    def starts_at_once(self, config: ServiceConfig, state: ServiceState) -> bool:
        at_once = config.type in ("simple", "idle") and not config.phase("ExecStartPost")
        return state.sub == "start" and at_once

    def message(self, config: ServiceConfig, job_type: str, result: str) -> Optional[str]:
        if config.type == "oneshot" and (job_type, result) == _STARTED:
            return "Finished {}."
        return self.messages.get((job_type, result))

    def status_text(self, state: ServiceState) -> str:
        return state.status_text

    # --- processes ---

    def roles(self, state: ServiceState) -> Roles:
        return Roles(state.main_pid, state.control.pid if state.control is not None else 0)

    def expects(self, state: ServiceState, token: int) -> bool:
        return super().expects(state, token) or (state.main is not None and state.main.token == token)

    def is_resting(self, state: ServiceState) -> bool:
        return state.sub in _RESTING

    def keeps_connection(self, state: ServiceState) -> bool:
        return state.sub in CHANGING or state.sub == "running"

    def is_changing(self, state: ServiceState) -> bool:
        return state.sub in CHANGING

    def notify_access(self, config: ServiceConfig) -> str:
        return config.notify_access

    def pid_file(self, config: ServiceConfig) -> str:
        return config.pid_file

    def bus_name(self, file: Unit) -> str:
        return file.get("Service", "BusName") or ""

    def monitored(self, state: ServiceState) -> tuple[str, ...]:
        end = end_variables(state, "MONITOR_EXIT_CODE", "MONITOR_EXIT_STATUS")
        return (f"MONITOR_SERVICE_RESULT={state.result}", *end)

    def exit_status(self, state: ServiceState) -> int:
        main = state.main_status
        if not main.code:
            return -1
        return main.status if main.code == "exited" else _NO_STATUS

    def ended_with(self, state: ServiceState) -> int:
        main = state.main_status
        if main.code == "exited":
            return main.status
        # A signal that ends a daemon cleanly is none of its failures.
        return _SIGNALLED + main.status if main.code and state.result != SUCCESS else -1

    # --- at a halt ---

    def stop_takes_time(self, config: ServiceConfig, state: ServiceState) -> bool:
        return bool(config.phase("ExecStop") or config.phase("ExecStopPost"))

    def signalled(self, config: ServiceConfig, state: ServiceState) -> Optional[tuple[int, ...]]:
        return reminder.signalled(config, state)

    def remind(self, config: ServiceConfig, state: ServiceState) -> tuple[Signal | SignalAll, ...]:
        return reminder.remind(config, state)

    def owed(self, config: ServiceConfig, state: ServiceState) -> tuple[str, ...]:
        return reminder.owed(config, state)

    # --- show ---

    def properties(self, file: Unit, config: ServiceConfig, state: ServiceState) -> dict[str, Any]:
        from systemctl_replacement.units.service.show import properties  # many a container never needs it

        return properties(file, config, state)

    def control_group(self, unit: str, parent: str) -> str:
        return f"{slice_path(parent)}/{unit}" if parent else ""


KIND = ServiceKind()
