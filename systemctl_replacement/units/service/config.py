"""What the service machine needs of a unit file, in one frozen record.

Sources: systemd.service(5), systemd.kill(5). Times are microseconds, INFINITY means no limit.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.values import INFINITY, StatusSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The directives that hold commands, in the order in which a service's life runs them.
PHASES = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost")

NO_STATUS = StatusSet(frozenset(), frozenset())


@dataclass(frozen=True)
class ServiceConfig:
    """A service's settings as its machine sees them; see `from_unit` for where each comes from."""

    type: str = "simple"
    commands: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    remain_after_exit: bool = False
    guess_main_pid: bool = True
    pid_file: str = ""
    exit_type: str = "main"
    restart: str = "no"
    restart_usec: int = 100_000
    restart_mode: str = "normal"
    restart_steps: int = 0
    restart_max_delay_usec: int = INFINITY
    success: StatusSet = NO_STATUS
    restart_prevent: StatusSet = NO_STATUS
    restart_force: StatusSet = NO_STATUS
    timeout_start_usec: int = 90_000_000
    timeout_stop_usec: int = 90_000_000
    timeout_abort_usec: int = 90_000_000
    runtime_max_usec: int = INFINITY
    start_failure_mode: str = "terminate"
    stop_failure_mode: str = "terminate"
    notify_access: str = "none"
    kill_mode: str = "control-group"
    kill_signal: int = 15
    restart_kill_signal: int = 15
    final_kill_signal: int = 9
    watchdog_signal: int = 6
    send_sighup: bool = False
    send_sigkill: bool = True
    watchdog_usec: int = 0
    reload_signal: int = 1
    runtime_extra_usec: int = 0
    preserve_directories: str = "yes"  # RuntimeDirectoryPreserve=; yes also if there are none

    def phase(self, name: str) -> tuple[Any, ...]:
        """The commands of one directive, () when there are none."""
        return self.commands.get(name, ())

    @staticmethod
    def from_unit(unit: Unit, manager: ManagerConfig) -> ServiceConfig:
        """Read a loaded service; what the unit leaves open comes from the manager's configuration."""

        def get(name: str) -> Any:
            return unit.get("Service", name)

        commands = {name: tuple(get(name) or ()) for name in PHASES}
        kind = service_type(get("Type"), bool(get("BusName")), bool(commands["ExecStart"]))
        start = _first(get("TimeoutStartSec"), INFINITY if kind == "oneshot" else manager.default_timeout_start)
        stop = _first(get("TimeoutStopSec"), manager.default_timeout_stop)
        kill_signal = get("KillSignal")
        return ServiceConfig(
            type=kind,
            commands=commands,
            remain_after_exit=get("RemainAfterExit"),
            guess_main_pid=get("GuessMainPID"),
            pid_file=get("PIDFile") or "",
            exit_type=get("ExitType"),
            restart=get("Restart"),
            restart_usec=_first(get("RestartSec"), manager.default_restart),
            restart_mode=get("RestartMode") or "normal",
            restart_steps=get("RestartSteps") or 0,
            restart_max_delay_usec=_first(get("RestartMaxDelaySec"), INFINITY),
            success=get("SuccessExitStatus") or NO_STATUS,
            restart_prevent=get("RestartPreventExitStatus") or NO_STATUS,
            restart_force=get("RestartForceExitStatus") or NO_STATUS,
            timeout_start_usec=start,
            timeout_stop_usec=stop,
            timeout_abort_usec=_first(get("TimeoutAbortSec"), _first(manager.default_timeout_abort, stop)),
            runtime_max_usec=_first(get("RuntimeMaxSec"), INFINITY),
            start_failure_mode=get("TimeoutStartFailureMode"),
            stop_failure_mode=get("TimeoutStopFailureMode"),
            notify_access=notify_access(get("NotifyAccess"), kind, get("WatchdogSec") or 0),
            kill_mode=get("KillMode"),
            kill_signal=kill_signal,
            restart_kill_signal=get("RestartKillSignal") or kill_signal,
            final_kill_signal=get("FinalKillSignal"),
            watchdog_signal=get("WatchdogSignal"),
            send_sighup=get("SendSIGHUP"),
            send_sigkill=get("SendSIGKILL"),
            watchdog_usec=get("WatchdogSec") or 0,
            reload_signal=get("ReloadSignal") or 1,
            runtime_extra_usec=get("RuntimeRandomizedExtraSec") or 0,
            preserve_directories=get("RuntimeDirectoryPreserve") if get("RuntimeDirectory") else "yes",
        )


def service_type(configured: str | None, has_bus_name: bool, has_start: bool) -> str:
    """The effective Type=: without one, `dbus` for a service with BusName=, `oneshot` for one without ExecStart=."""
    if configured:
        return configured
    if has_bus_name:
        return "dbus"
    return "simple" if has_start else "oneshot"


def notify_access(configured: str | None, kind: str, watchdog_usec: int) -> str:
    """The effective NotifyAccess=: `main` where the service cannot do without (Type=notify, WatchdogSec=)."""
    if configured not in (None, "none"):
        return str(configured)
    return "main" if kind in ("notify", "notify-reload") or watchdog_usec else "none"


def _first(value: int | None, default: int) -> int:
    return default if value is None else value
