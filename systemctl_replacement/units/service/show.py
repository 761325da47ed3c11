"""What `systemctl show` says of a service beyond its files (org.freedesktop.systemd1(5)), raw."""

from __future__ import annotations

from systemctl_replacement.phases import PHASES
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.commands.show import commands
from systemctl_replacement.wait_status import CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.units.service.config import ServiceConfig
    from systemctl_replacement.units.service.state import ServiceState


def properties(file: Unit, config: ServiceConfig, state: ServiceState) -> dict[str, Any]:
    """The properties that state and effective configuration decide."""
    main, control = state.main_status, state.control
    found: dict[str, Any] = {
        "Type": config.type if file.derived else file.settings.get(("Service", "Type"), ""),
        "MainPID": state.main_pid,
        "ControlPID": control.pid if control is not None else 0,
        "StatusText": state.status_text,
        "StatusErrno": state.status_errno,
        "Result": state.result,
        "ReloadResult": state.reload_result,
        "NRestarts": state.restarts,
        "NotifyAccess": config.notify_access,
        "WatchdogUSec": INFINITY if state.watchdog_usec is None else state.watchdog_usec,
        "WatchdogTimestamp": state.watchdog_time[0],
        "WatchdogTimestampMonotonic": state.watchdog_time[1],
        "TimeoutStartUSec": config.timeout_start_usec,
        "TimeoutStopUSec": config.timeout_stop_usec,
        "TimeoutAbortUSec": config.timeout_abort_usec,
        "RuntimeMaxUSec": config.runtime_max_usec,
        "RestartUSec": config.restart_usec,
        "RestartKillSignal": config.restart_kill_signal,
        "ExecMainPID": main.pid,
        "ExecMainCode": CODES.index(main.code),
        "ExecMainStatus": main.status,
        "ExecMainStartTimestamp": main.start[0],
        "ExecMainStartTimestampMonotonic": main.start[1],
        "ExecMainExitTimestamp": main.exit[0],
        "ExecMainExitTimestampMonotonic": main.exit[1],
    }
    found.update({name: value for name, value in (("UID", state.uid), ("GID", state.gid)) if value >= 0})
    return {**found, **commands(config, state, PHASES)}
