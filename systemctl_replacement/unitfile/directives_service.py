"""Directives of [Service] itself (systemd.service(5)) and of ending processes (systemd.kill(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile import parsers, parsers_exec, parsers_unit
from systemctl_replacement.unitfile.commands import parse_commands
from systemctl_replacement.unitfile.directive import ADD, APPEND, FULL, REPLACE, UNION, Directive, table
from systemctl_replacement.unitfile.values import INFINITY, StatusSet

SERVICE: tuple[Directive, ...] = table(
    "Service",
    (
        ("PIDFile", parsers_exec.pid_file, REPLACE, "", 242, {"honoured": FULL}),
        ("ExecCondition", parse_commands, APPEND, (), 243),
        ("ExecStartPre", parse_commands, APPEND, (), 199, {"honoured": FULL}),
        ("ExecStart", parse_commands, APPEND, (), 38, {"honoured": FULL}),
        ("ExecStartPost", parse_commands, APPEND, (), 0, {"honoured": FULL}),
        ("ExecReload", parse_commands, APPEND, (), 195, {"honoured": FULL}),
        ("ExecStop", parse_commands, APPEND, (), 232, {"honoured": FULL}),
        ("ExecStopPost", parse_commands, APPEND, (), 232, {"honoured": FULL}),
        ("RestartSec", parsers.seconds, REPLACE, None, 0, {"honoured": FULL, "property": "RestartUSec"}),
        ("TimeoutSec", parsers.named_zero_is_never(), REPLACE, None, 188, {"honoured": FULL, "property": "", "targets": (("Service", "TimeoutStartSec"), ("Service", "TimeoutStopSec"))}),
        ("TimeoutStartSec", parsers.named_zero_is_never(), REPLACE, None, 188, {"honoured": FULL, "property": "TimeoutStartUSec"}),
        ("TimeoutStopSec", parsers.zero_is_never, REPLACE, None, 188, {"honoured": FULL, "property": "TimeoutStopUSec"}),
        ("TimeoutAbortSec", parsers_unit.timeout_abort, REPLACE, None, 243, {"property": "TimeoutAbortUSec"}),
        ("TimeoutStartFailureMode", parsers_unit.timeout_failure_mode, REPLACE, "terminate", 246),
        ("TimeoutStopFailureMode", parsers_unit.timeout_failure_mode, REPLACE, "terminate", 246),
        ("RuntimeMaxSec", parsers.seconds, REPLACE, INFINITY, 229, {"property": "RuntimeMaxUSec"}),
        ("RuntimeRandomizedExtraSec", parsers.seconds, REPLACE, 0, 250, {"property": "RuntimeRandomizedExtraUSec"}),
        ("WatchdogSec", parsers.seconds, REPLACE, 0, 207, {"property": "WatchdogUSec"}),
        ("StartLimitInterval", parsers.seconds, REPLACE, None, 229, {"honoured": FULL, "property": "", "targets": (("Unit", "StartLimitIntervalSec"),)}),
        ("StartLimitBurst", parsers.unsigned, REPLACE, None, 229, {"honoured": FULL, "property": "", "targets": (("Unit", "StartLimitBurst"),)}),
        ("StartLimitAction", parsers_unit.emergency_action, REPLACE, "none", 213, {"property": "", "targets": (("Unit", "StartLimitAction"),)}),
        ("FailureAction", parsers_unit.emergency_action, REPLACE, "none", 213, {"property": "", "targets": (("Unit", "FailureAction"),)}),
        ("RebootArgument", parsers.string, REPLACE, "", 213, {"property": "", "targets": (("Unit", "RebootArgument"),)}),
        ("Type", parsers_unit.service_type, REPLACE, "simple", 183, {"honoured": FULL}),
        ("ExitType", parsers_unit.exit_type, REPLACE, "main", 250),
        ("Restart", parsers_unit.restart, REPLACE, "no", 207, {"honoured": FULL}),
        ("PermissionsStartOnly", parsers.boolean, REPLACE, False, 231),
        ("RootDirectoryStartOnly", parsers.boolean, REPLACE, False, 0),
        ("RemainAfterExit", parsers.boolean, REPLACE, False, 245, {"honoured": FULL}),
        ("GuessMainPID", parsers.boolean, REPLACE, True, 0, {"honoured": FULL}),
        ("RestartPreventExitStatus", parsers_exec.exit_status_set, UNION, StatusSet(), 189, {"honoured": FULL}),
        ("RestartForceExitStatus", parsers_exec.exit_status_set, UNION, StatusSet(), 215, {"honoured": FULL}),
        ("SuccessExitStatus", parsers_exec.exit_status_set, UNION, StatusSet(), 189, {"honoured": FULL}),
        ("NonBlocking", parsers.boolean, REPLACE, False, 0),
        ("BusName", parsers_unit.bus_name, REPLACE, "", 0),
        ("FileDescriptorStoreMax", parsers.unsigned, REPLACE, 0, 0),
        ("NotifyAccess", parsers_unit.notify_access, REPLACE, "none", 233, {"honoured": FULL}),
        ("Sockets", parsers_exec.sockets, ADD, (), 0),
        ("USBFunctionDescriptors", parsers.path, REPLACE, "", 0),
        ("USBFunctionStrings", parsers.path, REPLACE, "", 0),
        ("OOMPolicy", parsers_unit.oom_policy, REPLACE, None, 251),
    ),
)

KILL: tuple[Directive, ...] = table(
    "Kill",
    (
        ("SendSIGKILL", parsers.boolean, REPLACE, True, 0, {"honoured": FULL}),
        ("SendSIGHUP", parsers.boolean, REPLACE, False, 0, {"honoured": FULL}),
        ("KillMode", parsers_unit.kill_mode, REPLACE, "control-group", 209, {"honoured": FULL}),
        ("KillSignal", parsers.signal, REPLACE, 15, 240, {"honoured": FULL}),
        ("RestartKillSignal", parsers.signal, REPLACE, None, 244, {"honoured": FULL}),
        ("FinalKillSignal", parsers.signal, REPLACE, 9, 0, {"honoured": FULL}),
        ("WatchdogSignal", parsers.signal, REPLACE, 6, 240),
    ),
)
