"""What `systemctl show` without a unit says: the properties of the manager itself, raw.

Source: org.freedesktop.systemd1(5) "Properties"; order, kinds and defaults are in unitfile/properties/kinds.py.
"""

from __future__ import annotations

from systemctl_replacement import FEATURES, __version__, log_levels
from systemctl_replacement.paths import Paths
from systemctl_replacement.syscalls import RLIMITS, get_limit
from systemctl_replacement.unitfile.specifiers import architecture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.manager.manager import Manager
    from systemctl_replacement.unitfile.manager_config import ManagerConfig


def of_manager(manager: Manager) -> dict[str, Any]:
    """The properties of the manager itself."""
    # As in show.py: a hundred kilobytes that many a container never needs.
    from systemctl_replacement.unitfile.properties.convert_resource import default_tasks

    units = list(manager.registry)
    start, finish = manager.boot.stamp("start"), manager.boot.stamp("finish")
    return {
        "Version": f"252 (systemctl-replacement {__version__})",
        "Features": FEATURES,
        "Virtualization": manager.conditions.virtualization(),
        "Architecture": architecture(),
        "LogLevel": log_levels.NAMES[manager.log.maximum],
        "LogTarget": "journal",
        "UnitPath": Paths(manager.execution.root).unit_path(),
        "SystemState": manager.system_state(),
        "NNames": len(units),
        "NFailedUnits": len(manager.failed_units()),
        "NJobs": len(manager.jobs.jobs),
        "NInstalledJobs": manager.jobs.next_id - 1,
        "Environment": [f"{name}={value}" for name, value in manager.execution.environment.items()],
        "KernelTimestamp": start[0],
        "KernelTimestampMonotonic": 0,
        "UserspaceTimestamp": start[0],
        "UserspaceTimestampMonotonic": start[1],
        "FinishTimestamp": finish[0],
        "FinishTimestampMonotonic": finish[1],
        "DefaultTasksMax": default_tasks(),
        **_configured(manager.config),
    }


def _configured(config: ManagerConfig) -> dict[str, Any]:
    """What system.conf decides (systemd-system.conf(5))."""
    found: dict[str, Any] = {
        "DefaultStandardOutput": config.default_standard_output,
        "DefaultStandardError": config.default_standard_error,
        "DefaultTimerAccuracyUSec": config.default_timer_accuracy,
        "DefaultTimeoutStartUSec": config.default_timeout_start,
        "DefaultTimeoutStopUSec": config.default_timeout_stop,
        "DefaultTimeoutAbortUSec": (
            config.default_timeout_stop if config.default_timeout_abort is None else config.default_timeout_abort
        ),
        "DefaultDeviceTimeoutUSec": config.default_device_timeout,
        "DefaultRestartUSec": config.default_restart,
        "DefaultStartLimitIntervalUSec": config.default_start_limit_interval,
        "DefaultStartLimitBurst": config.default_start_limit_burst,
        "DefaultOOMPolicy": config.default_oom_policy,
        "DefaultOOMScoreAdjust": config.default_oom_score_adjust or 0,
    }
    if config.timer_slack is not None:
        found["TimerSlackNSec"] = config.timer_slack
    for short in RLIMITS:
        name = f"DefaultLimit{short}"
        limit = config.default_limits.get(short)
        if limit is not None:
            found[name], found[f"{name}Soft"] = limit.hard, limit.soft
        elif short != "NOFILE":  # which is raised for the manager, and not for services
            found[f"{name}Soft"], found[name] = get_limit(short)
    return found
