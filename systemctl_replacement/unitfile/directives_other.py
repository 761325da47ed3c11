"""Directives of [Mount], [Automount], [Swap], [Timer], [Path] and [Scope] (their manual pages)."""

from __future__ import annotations

from systemctl_replacement.unitfile import parsers, parsers_unit
from systemctl_replacement.unitfile.directive import APPEND, REPLACE, Directive, table
from systemctl_replacement.unitfile.values import INFINITY

MOUNT: tuple[Directive, ...] = table(
    "Mount",
    (
        ("What", parsers.string, REPLACE, "", 0),
        ("Where", parsers.path, REPLACE, "", 0),
        ("Options", parsers.string, REPLACE, "", 217),
        ("Type", parsers.string, REPLACE, "", 183),
        ("TimeoutSec", parsers.zero_is_never, REPLACE, None, 188, {"property": "TimeoutUSec"}),
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
        ("TimeoutIdleSec", parsers.zero_is_never, REPLACE, 0, 220, {"property": "TimeoutIdleUSec"}),
    ),
)

SWAP: tuple[Directive, ...] = table(
    "Swap",
    (
        ("What", parsers.path, REPLACE, "", 0),
        ("Priority", parsers_unit.swap_priority, REPLACE, -1, 232),
        ("Options", parsers.string, REPLACE, "", 217),
        ("TimeoutSec", parsers.zero_is_never, REPLACE, None, 188, {"property": "TimeoutUSec"}),
    ),
)

TIMER: tuple[Directive, ...] = table(
    "Timer",
    (
        ("OnCalendar", parsers_unit.timer_base, APPEND, (), 209, {"property": "TimersCalendar", "targets": (("Timer", "Timers"),)}),
        ("OnActiveSec", parsers_unit.timer_base, APPEND, (), 0, {"property": "TimersMonotonic", "targets": (("Timer", "Timers"),)}),
        ("OnBootSec", parsers_unit.timer_base, APPEND, (), 0, {"property": "TimersMonotonic", "targets": (("Timer", "Timers"),)}),
        ("OnStartupSec", parsers_unit.timer_base, APPEND, (), 0, {"property": "TimersMonotonic", "targets": (("Timer", "Timers"),)}),
        ("OnUnitActiveSec", parsers_unit.timer_base, APPEND, (), 0, {"property": "TimersMonotonic", "targets": (("Timer", "Timers"),)}),
        ("OnUnitInactiveSec", parsers_unit.timer_base, APPEND, (), 0, {"property": "TimersMonotonic", "targets": (("Timer", "Timers"),)}),
        ("OnClockChange", parsers.boolean, REPLACE, False, 242),
        ("OnTimezoneChange", parsers.boolean, REPLACE, False, 242),
        ("Persistent", parsers.boolean, REPLACE, False, 212),
        ("WakeSystem", parsers.boolean, REPLACE, False, 212),
        ("RemainAfterElapse", parsers.boolean, REPLACE, True, 228),
        ("FixedRandomDelay", parsers.boolean, REPLACE, False, 247),
        ("AccuracySec", parsers.seconds, REPLACE, 60_000_000, 209, {"property": "AccuracyUSec"}),
        ("RandomizedDelaySec", parsers.seconds, REPLACE, 0, 229, {"property": "RandomizedDelayUSec"}),
        ("Unit", parsers.trigger_unit, REPLACE, "", 0),
    ),
)

PATH: tuple[Directive, ...] = table(
    "Path",
    (
        ("PathExists", parsers_unit.path_spec, APPEND, (), 0, {"property": "Paths", "targets": (("Path", "Paths"),)}),
        ("PathExistsGlob", parsers_unit.path_spec, APPEND, (), 0, {"property": "Paths", "targets": (("Path", "Paths"),)}),
        ("PathChanged", parsers_unit.path_spec, APPEND, (), 190, {"property": "Paths", "targets": (("Path", "Paths"),)}),
        ("PathModified", parsers_unit.path_spec, APPEND, (), 0, {"property": "Paths", "targets": (("Path", "Paths"),)}),
        ("DirectoryNotEmpty", parsers_unit.path_spec, APPEND, (), 0, {"property": "Paths", "targets": (("Path", "Paths"),)}),
        ("Unit", parsers.trigger_unit, REPLACE, "", 0),
        ("MakeDirectory", parsers.boolean, REPLACE, False, 0),
        ("DirectoryMode", parsers.mode, REPLACE, 0o755, 0),
        ("TriggerLimitIntervalSec", parsers.seconds, REPLACE, None, 230, {"property": "TriggerLimitIntervalUSec"}),
        ("TriggerLimitBurst", parsers.unsigned, REPLACE, None, 230),
    ),
)

SCOPE: tuple[Directive, ...] = table(
    "Scope",
    (
        ("RuntimeMaxSec", parsers.seconds, REPLACE, INFINITY, 229, {"property": "RuntimeMaxUSec"}),
        ("RuntimeRandomizedExtraSec", parsers.seconds, REPLACE, 0, 250, {"property": "RuntimeRandomizedExtraUSec"}),
        ("TimeoutStopSec", parsers.zero_is_never, REPLACE, None, 188, {"property": "TimeoutStopUSec"}),
        ("OOMPolicy", parsers_unit.oom_policy, REPLACE, None, 251),
    ),
)
