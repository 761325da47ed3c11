"""Directives of [Unit] (systemd.unit(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import ADD, APPEND, Configured, Directive
from systemctl_replacement.unitfile.directives.honoured import FULL, NO_REBOOT, not_yet
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.parsers.conditions import parse_condition
from systemctl_replacement.unitfile.values import INFINITY

# The conditions and the release that introduced each. All but Firmware have an Assert…= in systemd 252.
_CONDITIONS = {
    "PathExists": 0, "PathExistsGlob": 0, "PathIsDirectory": 0, "PathIsSymbolicLink": 0, "PathIsMountPoint": 190,
    "PathIsReadWrite": 183, "PathIsEncrypted": 246, "DirectoryNotEmpty": 0, "FileNotEmpty": 190,
    "FileIsExecutable": 0, "NeedsUpdate": 215, "FirstBoot": 0, "Architecture": 210, "Firmware": 249,
    "Virtualization": 0, "Host": 189, "KernelCommandLine": 0, "KernelVersion": 237, "Credential": 252,
    "Security": 203, "Capability": 0, "ACPower": 197, "Memory": 242, "CPUFeature": 248, "CPUs": 242,
    "Environment": 246, "User": 234, "Group": 234, "ControlGroupController": 237, "OSRelease": 249,
    "MemoryPressure": 250, "CPUPressure": 250, "IOPressure": 250,
}  # fmt: skip
_ASSERTS_SINCE = 218


def _checks(prefix: str, oldest: int) -> tuple[Directive, ...]:
    """A row for each kind of condition; `oldest`: the release that introduced the prefix."""
    group = f"{prefix}s"
    sets = (("Unit", group),)
    return tuple(
        Directive(
            prefix + kind,
            parse=parse_condition,
            combine=APPEND,
            sets=sets,
            property=group,
            kind="unprintable",
            since=max(since, oldest),
            honoured=FULL,
        )
        for kind, since in _CONDITIONS.items()
        if (prefix, kind) != ("Assert", "Firmware")
    )


UNIT: tuple[Directive, ...] = (
    Directive("Description", parse=parsers.string, honoured=FULL),
    Directive(
        "Documentation", parse=unit_parsers.documentation, combine=APPEND, kind="strings", since=183, honoured=FULL
    ),
    Directive("SourcePath", parse=parsers.path, honoured=FULL),
    Directive("Requires", parse=parsers.unit_dependencies, combine=ADD, kind="strings", honoured=FULL),
    Directive("Requisite", parse=parsers.unit_dependencies, combine=ADD, kind="strings", honoured=FULL),
    Directive("Wants", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=242, honoured=FULL),
    Directive("BindsTo", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=233, honoured=FULL),
    Directive("BindTo", parse=parsers.unit_dependencies, combine=ADD, sets=(("Unit", "BindsTo"),), honoured=FULL),
    Directive("Upholds", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=249, honoured=FULL),
    Directive("Conflicts", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=216, honoured=FULL),
    Directive("Before", parse=parsers.unit_dependencies, combine=ADD, kind="strings", honoured=FULL),
    Directive("After", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=233, honoured=FULL),
    Directive("OnSuccess", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=249, honoured=FULL),
    Directive("OnFailure", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=239, honoured=FULL),
    Directive(
        "PropagatesReloadTo", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=249, honoured=FULL
    ),
    Directive(
        "PropagateReloadTo",
        parse=parsers.unit_dependencies,
        combine=ADD,
        sets=(("Unit", "PropagatesReloadTo"),),
        since=38,
        honoured=FULL,
    ),
    Directive(
        "ReloadPropagatedFrom", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=236, honoured=FULL
    ),
    Directive(
        "PropagateReloadFrom",
        parse=parsers.unit_dependencies,
        combine=ADD,
        sets=(("Unit", "ReloadPropagatedFrom"),),
        since=38,
        honoured=FULL,
    ),
    Directive(
        "PropagatesStopTo", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=249, honoured=FULL
    ),
    Directive(
        "StopPropagatedFrom", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=249, honoured=FULL
    ),
    Directive("PartOf", parse=parsers.unit_dependencies, combine=ADD, kind="strings", since=188, honoured=FULL),
    Directive(
        "JoinsNamespaceOf",
        parse=parsers.unit_dependencies,
        combine=ADD,
        kind="strings",
        since=209,
        honoured=not_yet("no namespaces are made yet"),
    ),
    Directive(
        "RequiresOverridable",
        parse=unit_parsers.obsolete_dependencies,
        combine=ADD,
        sets=(("Unit", "Requires"),),
        since=228,
        honoured=FULL,
    ),
    Directive(
        "RequisiteOverridable",
        parse=unit_parsers.obsolete_dependencies,
        combine=ADD,
        sets=(("Unit", "Requisite"),),
        since=228,
        honoured=FULL,
    ),
    Directive(
        "RequiresMountsFor", parse=unit_parsers.mounts_for, combine=ADD, kind="strings", since=183, honoured=FULL
    ),
    Directive("StopWhenUnneeded", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("RefuseManualStart", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("RefuseManualStop", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("AllowIsolate", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("DefaultDependencies", parse=parsers.boolean, default=True, kind="bool", honoured=FULL),
    Directive("OnSuccessJobMode", parse=unit_parsers.job_mode, default="fail", honoured=FULL),
    Directive("OnFailureJobMode", parse=unit_parsers.job_mode, default="replace", honoured=FULL),
    Directive(
        "OnFailureIsolate", parse=unit_parsers.job_mode_isolate, sets=(("Unit", "OnFailureJobMode"),), honoured=FULL
    ),
    Directive("IgnoreOnIsolate", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive(
        "JobTimeoutSec",
        parse=parsers.named_zero_is_never,
        default=INFINITY,
        property="JobTimeoutUSec",
        kind="timespan",
        honoured=FULL,
    ),
    Directive(
        "JobRunningTimeoutSec",
        parse=parsers.named_zero_is_never,
        default=INFINITY,
        property="JobRunningTimeoutUSec",
        kind="timespan",
        honoured=FULL,
    ),
    Directive("JobTimeoutAction", parse=unit_parsers.emergency_action, default="none", since=217, honoured=FULL),
    Directive("JobTimeoutRebootArgument", parse=parsers.string, since=217, honoured=NO_REBOOT),
    Directive(
        "StartLimitIntervalSec",
        parse=parsers.seconds,
        default=None,
        unset=Configured("default_start_limit_interval"),
        property="StartLimitIntervalUSec",
        kind="timespan",
        honoured=FULL,
    ),
    Directive(
        "StartLimitInterval", parse=parsers.seconds, sets=(("Unit", "StartLimitIntervalSec"),), since=229, honoured=FULL
    ),
    Directive(
        "StartLimitBurst",
        parse=parsers.unsigned,
        default=None,
        unset=Configured("default_start_limit_burst"),
        kind="integer",
        since=229,
        honoured=FULL,
    ),
    Directive("StartLimitAction", parse=unit_parsers.emergency_action, default="none", since=213, honoured=FULL),
    Directive("FailureAction", parse=unit_parsers.emergency_action, default="none", since=213, honoured=FULL),
    Directive("SuccessAction", parse=unit_parsers.emergency_action, default="none", since=236, honoured=FULL),
    Directive(
        "FailureActionExitStatus",
        parse=unit_parsers.exit_status,
        default=-1,
        kind="maybe-status",
        since=240,
        honoured=FULL,
    ),
    Directive(
        "SuccessActionExitStatus",
        parse=unit_parsers.exit_status,
        default=-1,
        kind="maybe-status",
        since=240,
        honoured=FULL,
    ),
    Directive("RebootArgument", parse=parsers.string, since=213, honoured=NO_REBOOT),
    Directive("CollectMode", parse=unit_parsers.collect_mode, default="inactive", since=236, honoured=FULL),
    # Newer than systemd 252, which warns about an unknown key.
    Directive("WantsMountsFor", parse=parsers.path_list, combine=ADD, property="", since=256),
    Directive("SurviveFinalKillSignal", parse=parsers.boolean, default=False, property="", since=255),
    *_checks("Condition", 0),
    *_checks("Assert", _ASSERTS_SINCE),
)
