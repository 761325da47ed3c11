"""Directives newer than systemd 252 that unit files of current images carry. 252 would warn of an unknown key.

Source: the NEWS and manual pages of the releases that introduced them.
"""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import (
    ADD,
    APPEND,
    FULL,
    REPLACE,
    Directive,
    ignored,
    missing,
    shown,
    table,
)
from systemctl_replacement.unitfile.directives.exec import NEEDS_MOUNTS, NO_CREDENTIALS
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.values import INFINITY

_NO_CGROUP = "a container has no control group of its own to set limits on"

_NEEDS_PIDS = "needs a PID namespace, which is not implemented yet"

UNIT: tuple[Directive, ...] = table(
    "Unit",
    (
        ("WantsMountsFor", parsers.path_list, ADD, (), 256),
        ("SurviveFinalKillSignal", parsers.boolean, REPLACE, False, 255),
    ),
)

SERVICE: tuple[Directive, ...] = table(
    "Service",
    (
        ("RestartSteps", parsers.unsigned, REPLACE, 0, 254, FULL),
        ("RestartMaxDelaySec", parsers.seconds, REPLACE, INFINITY, 254, shown("RestartMaxDelayUSec", FULL)),
        ("RestartMode", unit_parsers.restart_mode, REPLACE, "normal", 254, FULL),
        ("ReloadSignal", parsers.signal, REPLACE, 1, 253, FULL),
        ("FileDescriptorStorePreserve", unit_parsers.descriptor_store_preserve, REPLACE, "restart", 254),
        ("OpenFile", unit_parsers.open_file, APPEND, (), 253, FULL),
    ),
)

EXEC: tuple[Directive, ...] = table(
    "Exec",
    (
        ("RootEphemeral", parsers.boolean, REPLACE, False, 254, missing(NEEDS_MOUNTS)),
        ("ImportCredential", parsers.opaque_item, APPEND, (), 254, missing(NO_CREDENTIALS)),
        ("SetLoginEnvironment", parsers.tristate, REPLACE, None, 254),
        ("LogFilterPatterns", parsers.opaque_item, APPEND, (), 253),
        ("BindLogSockets", parsers.boolean, REPLACE, False, 257, missing(NEEDS_MOUNTS)),
        ("PrivatePIDs", parsers.boolean, REPLACE, False, 257, missing(_NEEDS_PIDS, True)),
        ("MemoryKSM", parsers.tristate, REPLACE, None, 254),
        ("RootImagePolicy", parsers.opaque, REPLACE, "", 254, missing(NEEDS_MOUNTS)),
        ("MountImagePolicy", parsers.opaque, REPLACE, "", 254, missing(NEEDS_MOUNTS)),
        ("ExtensionImagePolicy", parsers.opaque, REPLACE, "", 254, missing(NEEDS_MOUNTS)),
    ),
)

RESOURCE: tuple[Directive, ...] = table(
    "Resource",
    tuple(
        (name, parsers.opaque, REPLACE, None, since, ignored(_NO_CGROUP))
        for name, since in (
            ("StartupMemoryLow", 252),
            ("StartupMemoryHigh", 252),
            ("StartupMemoryMax", 252),
            ("StartupMemorySwapMax", 252),
            ("DefaultStartupMemoryLow", 252),
            ("MemoryZSwapMax", 253),
            ("StartupMemoryZSwapMax", 252),
            ("MemoryZSwapWriteback", 256),
            ("MemoryPressureWatch", 254),
            ("MemoryPressureThresholdSec", 254),
            ("DelegateSubgroup", 254),
            ("CoredumpReceive", 255),
            ("NFTSet", 255),
        )
    ),
)

SOCKET: tuple[Directive, ...] = table(
    "Socket",
    (
        ("PollLimitIntervalSec", parsers.seconds, REPLACE, None, 255, shown("PollLimitIntervalUSec")),
        ("PollLimitBurst", parsers.unsigned, REPLACE, None, 255),
        ("PassFileDescriptorsToExec", parsers.boolean, REPLACE, False, 256),
        ("AcceptFileDescriptors", parsers.boolean, REPLACE, True, 258),
    ),
)

TIMER: tuple[Directive, ...] = table("Timer", (("DeferReactivation", parsers.boolean, REPLACE, False, 257),))

INSTALL: tuple[Directive, ...] = table("Install", (("UpheldBy", parsers.opaque_list, APPEND, (), 254, "full"),))
