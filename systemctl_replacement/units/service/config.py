"""The settings of a service that its state machine needs, in one frozen record.

Sources: systemd.service(5), systemd.kill(5). Times are microseconds, INFINITY means no limit.
"""

from __future__ import annotations

from systemctl_replacement.phases import PHASES
from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile.directives.directive import Configured, Directive
from systemctl_replacement.unitfile.directives.table import section_table
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.values import StatusSet
from systemctl_replacement.units.commands.config import ExecSettings, exec_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


_UNCONFIGURED = ManagerConfig()


def _row(name: str) -> Directive:
    return section_table("Service")[name]


def _default(name: str) -> Any:
    """The default of a directive under the default configuration of the manager."""
    row = _row(name)
    return row.unset.of(_UNCONFIGURED) if isinstance(row.unset, Configured) else row.default


@dataclass(frozen=True)
class ServiceConfig(ExecSettings):
    """The settings of a service; `from_unit` shows where each comes from."""

    type: str = _default("Type")
    commands: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    remain_after_exit: bool = _default("RemainAfterExit")
    guess_main_pid: bool = _default("GuessMainPID")
    pid_file: str = _default("PIDFile")
    exit_type: str = _default("ExitType")
    restart: str = _default("Restart")
    restart_usec: int = _default("RestartSec")
    restart_mode: str = _default("RestartMode")
    restart_steps: int = _default("RestartSteps")
    restart_max_delay_usec: int = _default("RestartMaxDelaySec")
    success: StatusSet = _default("SuccessExitStatus")
    restart_prevent: StatusSet = _default("RestartPreventExitStatus")
    restart_force: StatusSet = _default("RestartForceExitStatus")
    timeout_start_usec: int = _default("TimeoutStartSec")
    timeout_stop_usec: int = _default("TimeoutStopSec")
    timeout_abort_usec: int = _default("TimeoutStopSec")
    runtime_max_usec: int = _default("RuntimeMaxSec")
    start_failure_mode: str = _default("TimeoutStartFailureMode")
    stop_failure_mode: str = _default("TimeoutStopFailureMode")
    notify_access: str = _default("NotifyAccess")
    watchdog_usec: int = _default("WatchdogSec")
    reload_signal: int = _default("ReloadSignal")
    runtime_extra_usec: int = _default("RuntimeRandomizedExtraSec")

    def phase(self, name: str) -> tuple[Any, ...]:
        """The commands of one directive, () when there are none."""
        return self.commands.get(name, ())

    @staticmethod
    def from_unit(unit: Unit, manager: ManagerConfig) -> ServiceConfig:
        """Read a loaded service; what the unit leaves open comes from the manager's configuration.

        Implied settings (Type=, NotifyAccess= …) are already among those of a unit that is loaded.
        """

        def get(name: str) -> Any:
            return unit.get("Service", name)

        def configured(name: str) -> Any:
            value = get(name)
            return _row(name).unset.of(manager) if value is None else value

        commands = {name: tuple(get(name) or ()) for name in PHASES}
        stop = configured("TimeoutStopSec")
        return ServiceConfig(
            type=get("Type"),
            commands=commands,
            remain_after_exit=get("RemainAfterExit"),
            guess_main_pid=get("GuessMainPID"),
            pid_file=get("PIDFile"),
            exit_type=get("ExitType"),
            restart=get("Restart"),
            restart_usec=configured("RestartSec"),
            restart_mode=get("RestartMode"),
            restart_steps=get("RestartSteps"),
            restart_max_delay_usec=get("RestartMaxDelaySec"),
            success=get("SuccessExitStatus"),
            restart_prevent=get("RestartPreventExitStatus"),
            restart_force=get("RestartForceExitStatus"),
            timeout_start_usec=configured("TimeoutStartSec"),
            timeout_stop_usec=stop,
            timeout_abort_usec=_first(get("TimeoutAbortSec"), _first(manager.default_timeout_abort, stop)),
            runtime_max_usec=get("RuntimeMaxSec"),
            start_failure_mode=get("TimeoutStartFailureMode"),
            stop_failure_mode=get("TimeoutStopFailureMode"),
            notify_access=get("NotifyAccess"),
            **exec_settings(get),
            watchdog_usec=get("WatchdogSec"),
            reload_signal=get("ReloadSignal"),
            runtime_extra_usec=get("RuntimeRandomizedExtraSec"),
        )


def _first(value: int | None, default: int) -> int:
    return default if value is None else value
