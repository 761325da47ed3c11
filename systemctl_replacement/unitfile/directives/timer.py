"""Directives of [Timer] (systemd.timer(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import APPEND, FIRST, Configured, Directive
from systemctl_replacement.unitfile.directives.honoured import FULL, NO_ALARM
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers

TIMER: tuple[Directive, ...] = (
    Directive(
        "OnCalendar",
        parse=unit_parsers.timer_base,
        combine=APPEND,
        sets=(("Timer", "Timers"),),
        property="TimersCalendar",
        kind="timers-calendar",
        since=209,
        honoured=FULL,
    ),
    Directive(
        "OnActiveSec",
        parse=unit_parsers.timer_base,
        combine=APPEND,
        sets=(("Timer", "Timers"),),
        property="TimersMonotonic",
        kind="timers-monotonic",
        honoured=FULL,
    ),
    Directive(
        "OnBootSec",
        parse=unit_parsers.timer_base,
        combine=APPEND,
        sets=(("Timer", "Timers"),),
        property="TimersMonotonic",
        kind="timers-monotonic",
        honoured=FULL,
    ),
    Directive(
        "OnStartupSec",
        parse=unit_parsers.timer_base,
        combine=APPEND,
        sets=(("Timer", "Timers"),),
        property="TimersMonotonic",
        kind="timers-monotonic",
        honoured=FULL,
    ),
    Directive(
        "OnUnitActiveSec",
        parse=unit_parsers.timer_base,
        combine=APPEND,
        sets=(("Timer", "Timers"),),
        property="TimersMonotonic",
        kind="timers-monotonic",
        honoured=FULL,
    ),
    Directive(
        "OnUnitInactiveSec",
        parse=unit_parsers.timer_base,
        combine=APPEND,
        sets=(("Timer", "Timers"),),
        property="TimersMonotonic",
        kind="timers-monotonic",
        honoured=FULL,
    ),
    Directive("OnClockChange", parse=parsers.boolean, default=False, kind="bool", since=242, honoured=FULL),
    Directive("OnTimezoneChange", parse=parsers.boolean, default=False, kind="bool", since=242, honoured=FULL),
    Directive("Persistent", parse=parsers.boolean, default=False, kind="bool", since=212, honoured=FULL),
    Directive("WakeSystem", parse=parsers.boolean, default=False, kind="bool", since=212, honoured=NO_ALARM),
    Directive("RemainAfterElapse", parse=parsers.boolean, default=True, kind="bool", since=228, honoured=FULL),
    Directive("FixedRandomDelay", parse=parsers.boolean, default=False, kind="bool", since=247, honoured=FULL),
    Directive(
        "AccuracySec",
        parse=parsers.seconds,
        default=None,
        unset=Configured("default_timer_accuracy"),
        property="AccuracyUSec",
        kind="timespan",
        since=209,
        honoured=FULL,
    ),
    Directive(
        "RandomizedDelaySec",
        parse=parsers.seconds,
        default=0,
        property="RandomizedDelayUSec",
        kind="timespan",
        since=229,
        honoured=FULL,
    ),
    Directive("Unit", parse=parsers.trigger_unit, combine=FIRST, honoured=FULL),
    # Newer than systemd 252, which warns about an unknown key.
    Directive("DeferReactivation", parse=parsers.boolean, default=False, property="", since=257, honoured=FULL),
)
