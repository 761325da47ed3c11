"""The manager's own configuration: /etc/systemd/system.conf and its drop-ins.

Source: systemd-system.conf(5). Only what has a meaning here is kept; the other keys systemd knows are accepted.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO
from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile.config_file import ConfigReader, configuration_files
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import exec as exec_parsers
from systemctl_replacement.unitfile.parsers import sandbox as sandbox_parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.unitfile.syntax import Problem
from systemctl_replacement.unitfile.values import LIMIT_NAMES, USEC_PER_SEC, ResourceLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from systemctl_replacement.unitfile.parsers.parse_context import Parser


@dataclass(frozen=True)
class ManagerConfig:
    """Settings of [Manager] in system.conf. Times are microseconds, levels syslog numbers."""

    log_level: int = LOG_INFO
    log_target: str = "journal-or-kmsg"
    show_status: str = ""  # nothing is said of it
    status_unit_format: str = "combined"  # as Debian builds it
    default_timer_accuracy: int = 60 * USEC_PER_SEC
    default_timeout_start: int = 90 * USEC_PER_SEC
    default_timeout_stop: int = 90 * USEC_PER_SEC
    default_timeout_abort: int | None = None
    default_device_timeout: int = 90 * USEC_PER_SEC
    default_restart: int = 100_000
    default_start_limit_interval: int = 10 * USEC_PER_SEC
    default_start_limit_burst: int = 5
    default_environment: tuple[str, ...] = ()
    manager_environment: tuple[str, ...] = ()
    default_standard_output: str = "journal"
    default_standard_error: str = "inherit"
    default_oom_policy: str = "stop"
    default_oom_score_adjust: int | None = None
    default_limits: Mapping[str, ResourceLimit] = field(default_factory=dict)
    no_new_privileges: bool = False
    timer_slack: int | None = None
    problems: tuple[Problem, ...] = ()
    stamps: tuple[tuple[str, int], ...] = ()


_KEYS: dict[str, tuple[str, Parser]] = {
    "LogLevel": ("log_level", sandbox_parsers.syslog_level),
    "LogTarget": ("log_target", parsers.plain_string),
    "ShowStatus": ("show_status", parsers.bool_or(("auto", "error"), "show status setting")),
    "StatusUnitFormat": (
        "status_unit_format",
        parsers.choice(("name", "description", "combined"), "StatusUnitFormat= setting"),
    ),
    "DefaultTimerAccuracySec": ("default_timer_accuracy", parsers.seconds),
    "DefaultTimeoutStartSec": ("default_timeout_start", parsers.zero_is_never),
    "DefaultTimeoutStopSec": ("default_timeout_stop", parsers.zero_is_never),
    "DefaultTimeoutAbortSec": ("default_timeout_abort", unit_parsers.timeout_abort),
    "DefaultDeviceTimeoutSec": ("default_device_timeout", parsers.seconds),
    "DefaultRestartSec": ("default_restart", parsers.seconds),
    "DefaultStartLimitIntervalSec": ("default_start_limit_interval", parsers.seconds),
    "DefaultStartLimitInterval": ("default_start_limit_interval", parsers.seconds),
    "DefaultStartLimitBurst": ("default_start_limit_burst", parsers.unsigned),
    "DefaultEnvironment": ("default_environment", exec_parsers.environment),
    "ManagerEnvironment": ("manager_environment", exec_parsers.environment),
    "DefaultStandardOutput": ("default_standard_output", exec_parsers.standard_output),
    "DefaultStandardError": ("default_standard_error", exec_parsers.standard_output),
    "DefaultOOMPolicy": ("default_oom_policy", unit_parsers.oom_policy),
    "DefaultOOMScoreAdjust": ("default_oom_score_adjust", exec_parsers.oom_score_adjust),
    "NoNewPrivileges": ("no_new_privileges", parsers.boolean),
    "TimerSlackNSec": ("timer_slack", parsers.nanoseconds),
}
_LIMITS = frozenset(f"DefaultLimit{name}" for name in LIMIT_NAMES)

# Known to systemd 252 and without a meaning here: consoles, watchdogs, crash handling, resource accounting …
_ACCEPTED = frozenset(
    (
        "LogColor", "LogLocation", "LogTime", "DumpCore", "CrashShell", "CrashChangeVT", "CrashReboot",
        "CtrlAltDelBurstAction",
        "CPUAffinity", "NUMAPolicy", "NUMAMask", "JoinControllers", "RuntimeWatchdogSec", "RuntimeWatchdogPreSec",
        "RuntimeWatchdogPreGovernor", "RebootWatchdogSec", "ShutdownWatchdogSec", "KExecWatchdogSec", "WatchdogDevice",
        "CapabilityBoundingSet", "SystemCallArchitectures", "DefaultCPUAccounting", "DefaultIOAccounting",
        "DefaultIPAccounting", "DefaultBlockIOAccounting", "DefaultMemoryAccounting", "DefaultTasksAccounting",
        "DefaultTasksMax", "DefaultSmackProcessLabel", "ReloadLimitIntervalSec", "ReloadLimitBurst",
        "DefaultMemoryPressureThresholdSec", "DefaultMemoryPressureWatch",
    )
)  # fmt: skip


def read_manager_config(root: str = "", host: Host | None = None) -> ManagerConfig:
    """The configuration below `root`. Never raises: what is wrong is in `problems`."""
    reader = _Reader(host or Host())
    for path in configuration_files(root, "system.conf"):
        reader.read(path)
    return reader.result()


class _Reader(ConfigReader):
    def __init__(self, host: Host) -> None:
        super().__init__("Manager", _KEYS, _ACCEPTED, host)
        self.limits: dict[str, ResourceLimit] = {}

    def take(self, key: str, text: str) -> None:
        if key in _LIMITS:
            self.limits[key[len("DefaultLimit") :]] = exec_parsers.limit(self.context, key, text)
        elif key.endswith("Environment") and key in _KEYS:
            attribute, parser = _KEYS[key]
            before = self.values.get(attribute, ()) if text else ()
            self.values[attribute] = before + (parser(self.context, key, text) if text else ())
        else:
            super().take(key, text)

    def result(self) -> ManagerConfig:
        return ManagerConfig(
            **self.values,
            default_limits=self.limits,
            problems=tuple(self.problems),
            stamps=tuple(self.stamps),
        )
