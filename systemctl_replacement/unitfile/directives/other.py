"""Directives of [Mount], [Automount], [Swap], [Timer], [Path] and [Scope] (their manual pages)."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import (
    APPEND,
    FIRST,
    FULL,
    REPLACE,
    Directive,
    sets,
    shown,
    table,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.values import INFINITY

MOUNT: tuple[Directive, ...] = table(
    "Mount",
    (
        ("What", parsers.string, REPLACE, "", 0),
        ("Where", parsers.path, REPLACE, "", 0),
        ("Options", parsers.string, REPLACE, "", 217),
        ("Type", parsers.string, REPLACE, "", 183),
        ("TimeoutSec", parsers.zero_is_never, REPLACE, None, 188, shown("TimeoutUSec")),
        ("DirectoryMode", parsers.mode, REPLACE, 0o755, 0),
        ("SloppyOptions", parsers.boolean, REPLACE, False, 215),
        ("LazyUnmount", parsers.boolean, REPLACE, False, 232),
        ("ForceUnmount", parsers.boolean, REPLACE, False, 232),
        ("ReadWriteOnly", parsers.boolean, REPLACE, False, 246),
    ),
)

AUTOMOUNT: tuple[Directive, ...] = table(
    "Automount",
    (
        ("Where", parsers.path, REPLACE, "", 0),
        ("ExtraOptions", parsers.string, REPLACE, "", 250),
        ("DirectoryMode", parsers.mode, REPLACE, 0o755, 0),
        ("TimeoutIdleSec", parsers.zero_is_never, REPLACE, 0, 220, shown("TimeoutIdleUSec")),
    ),
)

SWAP: tuple[Directive, ...] = table(
    "Swap",
    (
        ("What", parsers.path, REPLACE, "", 0),
        ("Priority", unit_parsers.swap_priority, REPLACE, -1, 232),
        ("Options", parsers.string, REPLACE, "", 217),
        ("TimeoutSec", parsers.zero_is_never, REPLACE, None, 188, shown("TimeoutUSec")),
    ),
)

TIMER: tuple[Directive, ...] = table(
    "Timer",
    (
        ("OnCalendar", unit_parsers.timer_base, APPEND, (), 209, sets(("Timer", "Timers"), shown_as="TimersCalendar")),
        ("OnActiveSec", unit_parsers.timer_base, APPEND, (), 0, sets(("Timer", "Timers"), shown_as="TimersMonotonic")),
        ("OnBootSec", unit_parsers.timer_base, APPEND, (), 0, sets(("Timer", "Timers"), shown_as="TimersMonotonic")),
        ("OnStartupSec", unit_parsers.timer_base, APPEND, (), 0, sets(("Timer", "Timers"), shown_as="TimersMonotonic")),
        (
            "OnUnitActiveSec",
            unit_parsers.timer_base,
            APPEND,
            (),
            0,
            sets(("Timer", "Timers"), shown_as="TimersMonotonic"),
        ),
        (
            "OnUnitInactiveSec",
            unit_parsers.timer_base,
            APPEND,
            (),
            0,
            sets(("Timer", "Timers"), shown_as="TimersMonotonic"),
        ),
        ("OnClockChange", parsers.boolean, REPLACE, False, 242),
        ("OnTimezoneChange", parsers.boolean, REPLACE, False, 242),
        ("Persistent", parsers.boolean, REPLACE, False, 212),
        ("WakeSystem", parsers.boolean, REPLACE, False, 212),
        ("RemainAfterElapse", parsers.boolean, REPLACE, True, 228),
        ("FixedRandomDelay", parsers.boolean, REPLACE, False, 247),
        ("AccuracySec", parsers.seconds, REPLACE, 60_000_000, 209, shown("AccuracyUSec")),
        ("RandomizedDelaySec", parsers.seconds, REPLACE, 0, 229, shown("RandomizedDelayUSec")),
        ("Unit", parsers.trigger_unit, FIRST, "", 0),
    ),
)

PATH: tuple[Directive, ...] = table(
    "Path",
    (
        ("PathExists", unit_parsers.path_spec, APPEND, (), 0, sets(("Path", "Paths"), shown_as="Paths")),
        ("PathExistsGlob", unit_parsers.path_spec, APPEND, (), 0, sets(("Path", "Paths"), shown_as="Paths")),
        ("PathChanged", unit_parsers.path_spec, APPEND, (), 190, sets(("Path", "Paths"), shown_as="Paths")),
        ("PathModified", unit_parsers.path_spec, APPEND, (), 0, sets(("Path", "Paths"), shown_as="Paths")),
        ("DirectoryNotEmpty", unit_parsers.path_spec, APPEND, (), 0, sets(("Path", "Paths"), shown_as="Paths")),
        ("Unit", parsers.trigger_unit, FIRST, "", 0),
        ("MakeDirectory", parsers.boolean, REPLACE, False, 0),
        ("DirectoryMode", parsers.mode, REPLACE, 0o755, 0),
        ("TriggerLimitIntervalSec", parsers.seconds, REPLACE, None, 230, shown("TriggerLimitIntervalUSec")),
        ("TriggerLimitBurst", parsers.unsigned, REPLACE, None, 230),
    ),
)

SCOPE: tuple[Directive, ...] = table(
    "Scope",
    (
        ("RuntimeMaxSec", parsers.seconds, REPLACE, INFINITY, 229, shown("RuntimeMaxUSec", FULL)),
        ("RuntimeRandomizedExtraSec", parsers.seconds, REPLACE, 0, 250, shown("RuntimeRandomizedExtraUSec", FULL)),
        ("TimeoutStopSec", parsers.zero_is_never, REPLACE, None, 188, shown("TimeoutStopUSec")),
        ("OOMPolicy", unit_parsers.oom_policy, REPLACE, None, 251),
    ),
)
