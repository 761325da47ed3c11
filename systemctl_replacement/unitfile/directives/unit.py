"""Directives of [Unit] and [Install] (systemd.unit(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import (
    ADD,
    APPEND,
    FULL,
    REPLACE,
    Directive,
    ignored,
    missing,
    sets,
    shown,
    table,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.parsers.conditions import parse_condition
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Conditions and the release that brought each; every one has its Assert…=, but for Firmware in systemd 252.
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


def _conditions() -> Iterator[tuple[Any, ...]]:
    for kind, since in _CONDITIONS.items():
        group = sets(("Unit", "Conditions"), honoured=FULL, shown_as="Conditions")
        yield (f"Condition{kind}", parse_condition, APPEND, (), since, group)
    for kind, since in _CONDITIONS.items():
        if kind != "Firmware":
            group = sets(("Unit", "Asserts"), honoured=FULL, shown_as="Asserts")
            yield (f"Assert{kind}", parse_condition, APPEND, (), max(since, _ASSERTS_SINCE), group)


_NO_REBOOT = "a container cannot reboot itself"
_NO_NAMESPACES = "no namespaces are made yet"

UNIT: tuple[Directive, ...] = table(
    "Unit",
    (
        ("Description", parsers.string, REPLACE, "", 0, FULL),
        ("Documentation", unit_parsers.documentation, APPEND, (), 183, FULL),
        ("SourcePath", parsers.path, REPLACE, "", 0, FULL),
        ("Requires", parsers.unit_dependencies, ADD, (), 0, FULL),
        ("Requisite", parsers.unit_dependencies, ADD, (), 0, FULL),
        ("Wants", parsers.unit_dependencies, ADD, (), 242, FULL),
        ("BindsTo", parsers.unit_dependencies, ADD, (), 233, FULL),
        ("BindTo", parsers.unit_dependencies, ADD, (), 0, sets(("Unit", "BindsTo"), honoured=FULL)),
        ("Upholds", parsers.unit_dependencies, ADD, (), 249, FULL),
        ("Conflicts", parsers.unit_dependencies, ADD, (), 216, FULL),
        ("Before", parsers.unit_dependencies, ADD, (), 0, FULL),
        ("After", parsers.unit_dependencies, ADD, (), 233, FULL),
        ("OnSuccess", parsers.unit_dependencies, ADD, (), 249, FULL),
        ("OnFailure", parsers.unit_dependencies, ADD, (), 239, FULL),
        ("PropagatesReloadTo", parsers.unit_dependencies, ADD, (), 249, FULL),
        (
            "PropagateReloadTo",
            parsers.unit_dependencies,
            ADD,
            (),
            38,
            sets(("Unit", "PropagatesReloadTo"), honoured=FULL),
        ),
        ("ReloadPropagatedFrom", parsers.unit_dependencies, ADD, (), 236, FULL),
        (
            "PropagateReloadFrom",
            parsers.unit_dependencies,
            ADD,
            (),
            38,
            sets(("Unit", "ReloadPropagatedFrom"), honoured=FULL),
        ),
        ("PropagatesStopTo", parsers.unit_dependencies, ADD, (), 249, FULL),
        ("StopPropagatedFrom", parsers.unit_dependencies, ADD, (), 249, FULL),
        ("PartOf", parsers.unit_dependencies, ADD, (), 188, FULL),
        ("JoinsNamespaceOf", parsers.unit_dependencies, ADD, (), 209, missing(_NO_NAMESPACES)),
        (
            "RequiresOverridable",
            unit_parsers.obsolete_dependencies,
            ADD,
            (),
            228,
            sets(("Unit", "Requires"), honoured=FULL),
        ),
        (
            "RequisiteOverridable",
            unit_parsers.obsolete_dependencies,
            ADD,
            (),
            228,
            sets(("Unit", "Requisite"), honoured=FULL),
        ),
        ("RequiresMountsFor", unit_parsers.mounts_for, ADD, (), 183, FULL),
        ("StopWhenUnneeded", parsers.boolean, REPLACE, False, 0, FULL),
        ("RefuseManualStart", parsers.boolean, REPLACE, False, 0, FULL),
        ("RefuseManualStop", parsers.boolean, REPLACE, False, 0, FULL),
        ("AllowIsolate", parsers.boolean, REPLACE, False, 0, FULL),
        ("DefaultDependencies", parsers.boolean, REPLACE, True, 0, FULL),
        ("OnSuccessJobMode", unit_parsers.job_mode, REPLACE, "fail", 0, FULL),
        ("OnFailureJobMode", unit_parsers.job_mode, REPLACE, "replace", 0, FULL),
        (
            "OnFailureIsolate",
            unit_parsers.job_mode_isolate,
            REPLACE,
            "replace",
            0,
            sets(("Unit", "OnFailureJobMode"), honoured=FULL),
        ),
        ("IgnoreOnIsolate", parsers.boolean, REPLACE, False, 0, FULL),
        ("JobTimeoutSec", parsers.named_zero_is_never(), REPLACE, INFINITY, 0, shown("JobTimeoutUSec", FULL)),
        (
            "JobRunningTimeoutSec",
            parsers.named_zero_is_never(),
            REPLACE,
            INFINITY,
            0,
            shown("JobRunningTimeoutUSec", FULL),
        ),
        ("JobTimeoutAction", unit_parsers.emergency_action, REPLACE, "none", 217, FULL),
        ("JobTimeoutRebootArgument", parsers.string, REPLACE, "", 217),
        ("StartLimitIntervalSec", parsers.seconds, REPLACE, None, 0, shown("StartLimitIntervalUSec", FULL)),
        (
            "StartLimitInterval",
            parsers.seconds,
            REPLACE,
            None,
            229,
            sets(("Unit", "StartLimitIntervalSec"), honoured=FULL),
        ),
        ("StartLimitBurst", parsers.unsigned, REPLACE, None, 229, FULL),
        ("StartLimitAction", unit_parsers.emergency_action, REPLACE, "none", 213, FULL),
        ("FailureAction", unit_parsers.emergency_action, REPLACE, "none", 213, FULL),
        ("SuccessAction", unit_parsers.emergency_action, REPLACE, "none", 236, FULL),
        ("FailureActionExitStatus", unit_parsers.exit_status, REPLACE, -1, 240, FULL),
        ("SuccessActionExitStatus", unit_parsers.exit_status, REPLACE, -1, 240, FULL),
        ("RebootArgument", parsers.string, REPLACE, "", 213, ignored(_NO_REBOOT)),
        ("CollectMode", unit_parsers.collect_mode, REPLACE, "inactive", 236, FULL),
        *_conditions(),
    ),
)

INSTALL: tuple[Directive, ...] = table(
    "Install",
    (
        ("Alias", parsers.opaque_list, APPEND, (), 0, FULL),
        ("WantedBy", parsers.opaque_list, APPEND, (), 249, FULL),
        ("RequiredBy", parsers.opaque_list, APPEND, (), 249, FULL),
        ("Also", parsers.opaque_list, APPEND, (), 218, FULL),
        ("DefaultInstance", parsers.opaque, REPLACE, "", 215, FULL),
    ),
)
