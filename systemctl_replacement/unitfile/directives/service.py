"""Directives of [Service] itself (systemd.service(5)) and of ending processes (systemd.kill(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import (
    ADD,
    APPEND,
    FULL,
    REPLACE,
    UNION,
    Directive,
    best_effort,
    ignored,
    missing,
    sets,
    shown,
    table,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import exec as exec_parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.parsers.commands import parse_commands
from systemctl_replacement.unitfile.values import INFINITY, StatusSet

NO_REBOOT = "a container cannot reboot itself"
_NO_BUS = "there is no bus: started once it is executed"
_NO_CGROUP = "without a control group nobody tells of it"
_NO_SOCKETS = "socket units are not implemented yet"
_NO_USB = "a container has no USB device controller"

SERVICE: tuple[Directive, ...] = table(
    "Service",
    (
        ("PIDFile", exec_parsers.pid_file, REPLACE, "", 242, FULL),
        ("ExecCondition", parse_commands, APPEND, (), 243, FULL),
        ("ExecStartPre", parse_commands, APPEND, (), 199, FULL),
        ("ExecStart", parse_commands, APPEND, (), 38, FULL),
        ("ExecStartPost", parse_commands, APPEND, (), 0, FULL),
        ("ExecReload", parse_commands, APPEND, (), 195, FULL),
        ("ExecStop", parse_commands, APPEND, (), 232, FULL),
        ("ExecStopPost", parse_commands, APPEND, (), 232, FULL),
        ("RestartSec", parsers.seconds, REPLACE, None, 0, shown("RestartUSec", FULL)),
        (
            "TimeoutSec",
            parsers.named_zero_is_never(),
            REPLACE,
            None,
            188,
            sets(("Service", "TimeoutStartSec"), ("Service", "TimeoutStopSec"), honoured=FULL),
        ),
        ("TimeoutStartSec", parsers.named_zero_is_never(), REPLACE, None, 188, shown("TimeoutStartUSec", FULL)),
        ("TimeoutStopSec", parsers.zero_is_never, REPLACE, None, 188, shown("TimeoutStopUSec", FULL)),
        ("TimeoutAbortSec", unit_parsers.timeout_abort, REPLACE, None, 243, shown("TimeoutAbortUSec", FULL)),
        ("TimeoutStartFailureMode", unit_parsers.timeout_failure_mode, REPLACE, "terminate", 246, FULL),
        ("TimeoutStopFailureMode", unit_parsers.timeout_failure_mode, REPLACE, "terminate", 246, FULL),
        ("RuntimeMaxSec", parsers.seconds, REPLACE, INFINITY, 229, shown("RuntimeMaxUSec", FULL)),
        ("RuntimeRandomizedExtraSec", parsers.seconds, REPLACE, 0, 250, shown("RuntimeRandomizedExtraUSec", FULL)),
        ("WatchdogSec", parsers.seconds, REPLACE, 0, 207, shown("WatchdogUSec", FULL)),
        (
            "StartLimitInterval",
            parsers.seconds,
            REPLACE,
            None,
            229,
            sets(("Unit", "StartLimitIntervalSec"), honoured=FULL),
        ),
        ("StartLimitBurst", parsers.unsigned, REPLACE, None, 229, sets(("Unit", "StartLimitBurst"), honoured=FULL)),
        (
            "StartLimitAction",
            unit_parsers.emergency_action,
            REPLACE,
            "none",
            213,
            sets(("Unit", "StartLimitAction"), honoured=FULL),
        ),
        (
            "FailureAction",
            unit_parsers.emergency_action,
            REPLACE,
            "none",
            213,
            sets(("Unit", "FailureAction"), honoured=FULL),
        ),
        (
            "RebootArgument",
            parsers.string,
            REPLACE,
            "",
            213,
            {**sets(("Unit", "RebootArgument")), **ignored(NO_REBOOT)},
        ),
        ("Type", unit_parsers.service_type, REPLACE, "simple", 183, FULL),
        ("ExitType", unit_parsers.exit_type, REPLACE, "main", 250, FULL),
        ("Restart", unit_parsers.restart, REPLACE, "no", 207, FULL),
        ("PermissionsStartOnly", parsers.boolean, REPLACE, False, 231, FULL),
        ("RootDirectoryStartOnly", parsers.boolean, REPLACE, False, 0, FULL),
        ("RemainAfterExit", parsers.boolean, REPLACE, False, 245, FULL),
        ("GuessMainPID", parsers.boolean, REPLACE, True, 0, FULL),
        ("RestartPreventExitStatus", exec_parsers.exit_status_set, UNION, StatusSet(), 189, FULL),
        ("RestartForceExitStatus", exec_parsers.exit_status_set, UNION, StatusSet(), 215, FULL),
        ("SuccessExitStatus", exec_parsers.exit_status_set, UNION, StatusSet(), 189, FULL),
        ("NonBlocking", parsers.boolean, REPLACE, False, 0, missing(_NO_SOCKETS)),
        ("BusName", unit_parsers.bus_name, REPLACE, "", 0, best_effort(_NO_BUS)),
        ("FileDescriptorStoreMax", parsers.unsigned, REPLACE, 0, 0, FULL),
        ("NotifyAccess", unit_parsers.notify_access, REPLACE, "none", 233, FULL),
        ("Sockets", exec_parsers.sockets, ADD, (), 0, missing(_NO_SOCKETS)),
        ("USBFunctionDescriptors", parsers.path, REPLACE, "", 0, ignored(_NO_USB)),
        ("USBFunctionStrings", parsers.path, REPLACE, "", 0, ignored(_NO_USB)),
        ("OOMPolicy", unit_parsers.oom_policy, REPLACE, None, 251, ignored(_NO_CGROUP)),
    ),
)

KILL: tuple[Directive, ...] = table(
    "Kill",
    (
        ("SendSIGKILL", parsers.boolean, REPLACE, True, 0, FULL),
        ("SendSIGHUP", parsers.boolean, REPLACE, False, 0, FULL),
        ("KillMode", unit_parsers.kill_mode, REPLACE, "control-group", 209, FULL),
        ("KillSignal", parsers.signal, REPLACE, 15, 240, FULL),
        ("RestartKillSignal", parsers.signal, REPLACE, None, 244, FULL),
        ("FinalKillSignal", parsers.signal, REPLACE, 9, 0, FULL),
        ("WatchdogSignal", parsers.signal, REPLACE, 6, 240, FULL),
    ),
)
