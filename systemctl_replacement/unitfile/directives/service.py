"""Directives of [Service] itself (systemd.service(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import ADD, APPEND, UNION, Configured, Directive
from systemctl_replacement.unitfile.directives.honoured import (
    FULL,
    NO_OOM_EVENTS,
    NO_REBOOT,
    NO_USB,
    best_effort,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import exec as exec_parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.parsers.commands import parse_commands
from systemctl_replacement.unitfile.values import INFINITY, StatusSet

SERVICE: tuple[Directive, ...] = (
    Directive("PIDFile", parse=exec_parsers.pid_file, since=242, honoured=FULL),
    Directive("ExecCondition", parse=parse_commands, combine=APPEND, kind="commands", since=243, honoured=FULL),
    Directive("ExecStartPre", parse=parse_commands, combine=APPEND, kind="commands", since=199, honoured=FULL),
    Directive("ExecStart", parse=parse_commands, combine=APPEND, kind="commands", since=38, honoured=FULL),
    Directive("ExecStartPost", parse=parse_commands, combine=APPEND, kind="commands", honoured=FULL),
    Directive("ExecReload", parse=parse_commands, combine=APPEND, kind="commands", since=195, honoured=FULL),
    Directive("ExecStop", parse=parse_commands, combine=APPEND, kind="commands", since=232, honoured=FULL),
    Directive("ExecStopPost", parse=parse_commands, combine=APPEND, kind="commands", since=232, honoured=FULL),
    Directive(
        "RestartSec",
        parse=parsers.seconds,
        default=None,
        unset=Configured("default_restart"),
        property="RestartUSec",
        kind="timespan",
        honoured=FULL,
    ),
    Directive(
        "TimeoutSec",
        parse=parsers.named_zero_is_never,
        sets=(("Service", "TimeoutStartSec"), ("Service", "TimeoutStopSec")),
        since=188,
        honoured=FULL,
    ),
    Directive(
        "TimeoutStartSec",
        parse=parsers.named_zero_is_never,
        default=None,
        unset=Configured("default_timeout_start"),
        property="TimeoutStartUSec",
        kind="timespan",
        since=188,
        honoured=FULL,
    ),
    Directive(
        "TimeoutStopSec",
        parse=parsers.zero_is_never,
        default=None,
        unset=Configured("default_timeout_stop"),
        property="TimeoutStopUSec",
        kind="timespan",
        since=188,
        honoured=FULL,
    ),
    Directive(
        "TimeoutAbortSec",
        parse=unit_parsers.timeout_abort,
        default=None,
        property="TimeoutAbortUSec",
        kind="timespan",
        since=243,
        honoured=FULL,
    ),
    Directive(
        "TimeoutStartFailureMode",
        parse=unit_parsers.timeout_failure_mode,
        default="terminate",
        since=246,
        honoured=FULL,
    ),
    Directive(
        "TimeoutStopFailureMode", parse=unit_parsers.timeout_failure_mode, default="terminate", since=246, honoured=FULL
    ),
    Directive(
        "RuntimeMaxSec",
        parse=parsers.seconds,
        default=INFINITY,
        property="RuntimeMaxUSec",
        kind="timespan",
        since=229,
        honoured=FULL,
    ),
    Directive(
        "RuntimeRandomizedExtraSec",
        parse=parsers.seconds,
        default=0,
        property="RuntimeRandomizedExtraUSec",
        kind="timespan",
        since=250,
        honoured=FULL,
    ),
    Directive(
        "WatchdogSec",
        parse=parsers.seconds,
        default=0,
        unset=INFINITY,
        property="WatchdogUSec",
        kind="timespan",
        since=207,
        honoured=FULL,
    ),
    Directive(
        "StartLimitInterval", parse=parsers.seconds, sets=(("Unit", "StartLimitIntervalSec"),), since=229, honoured=FULL
    ),
    Directive("StartLimitBurst", parse=parsers.unsigned, sets=(("Unit", "StartLimitBurst"),), since=229, honoured=FULL),
    Directive(
        "StartLimitAction",
        parse=unit_parsers.emergency_action,
        sets=(("Unit", "StartLimitAction"),),
        since=213,
        honoured=FULL,
    ),
    Directive(
        "FailureAction",
        parse=unit_parsers.emergency_action,
        sets=(("Unit", "FailureAction"),),
        since=213,
        honoured=FULL,
    ),
    Directive(
        "RebootArgument", parse=parsers.string, sets=(("Unit", "RebootArgument"),), since=213, honoured=NO_REBOOT
    ),
    Directive("Type", parse=unit_parsers.service_type, default="simple", since=183, honoured=FULL),
    Directive("ExitType", parse=unit_parsers.exit_type, default="main", since=250, honoured=FULL),
    Directive("Restart", parse=unit_parsers.restart, default="no", since=207, honoured=FULL),
    Directive("PermissionsStartOnly", parse=parsers.boolean, default=False, property="", since=231, honoured=FULL),
    Directive("RootDirectoryStartOnly", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("RemainAfterExit", parse=parsers.boolean, default=False, kind="bool", since=245, honoured=FULL),
    Directive("GuessMainPID", parse=parsers.boolean, default=True, kind="bool", honoured=FULL),
    Directive(
        "RestartPreventExitStatus",
        parse=exec_parsers.exit_status_set,
        combine=UNION,
        default=StatusSet(),
        kind="exit-statuses",
        since=189,
        honoured=FULL,
    ),
    Directive(
        "RestartForceExitStatus",
        parse=exec_parsers.exit_status_set,
        combine=UNION,
        default=StatusSet(),
        kind="exit-statuses",
        since=215,
        honoured=FULL,
    ),
    Directive(
        "SuccessExitStatus",
        parse=exec_parsers.exit_status_set,
        combine=UNION,
        default=StatusSet(),
        kind="exit-statuses",
        since=189,
        honoured=FULL,
    ),
    Directive("NonBlocking", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive(
        "BusName",
        parse=unit_parsers.bus_name,
        honoured=best_effort("without a bus, it is up once it is executed"),
    ),
    Directive("FileDescriptorStoreMax", parse=parsers.unsigned, default=0, kind="integer", honoured=FULL),
    Directive("NotifyAccess", parse=unit_parsers.notify_access, default="none", since=233, honoured=FULL),
    Directive("Sockets", parse=exec_parsers.sockets, combine=ADD, property="", honoured=FULL),
    Directive("USBFunctionDescriptors", parse=parsers.path, honoured=NO_USB),
    Directive("USBFunctionStrings", parse=parsers.path, honoured=NO_USB),
    Directive(
        "OOMPolicy",
        parse=unit_parsers.oom_policy,
        default=None,
        unset=Configured("default_oom_policy"),
        since=251,
        honoured=NO_OOM_EVENTS,
    ),
    # Newer than systemd 252, which warns about an unknown key.
    Directive("RestartSteps", parse=parsers.unsigned, default=0, property="", since=254, honoured=FULL),
    Directive("RestartMaxDelaySec", parse=parsers.seconds, default=INFINITY, property="", since=254, honoured=FULL),
    Directive("RestartMode", parse=unit_parsers.restart_mode, default="normal", property="", since=254, honoured=FULL),
    Directive("ReloadSignal", parse=parsers.signal, default=1, property="", since=253, honoured=FULL),
    Directive(
        "FileDescriptorStorePreserve",
        parse=unit_parsers.descriptor_store_preserve,
        default="restart",
        property="",
        since=254,
    ),
    Directive("OpenFile", parse=unit_parsers.open_file, combine=APPEND, property="", since=253, honoured=FULL),
)
