"""Directives of [Path] (systemd.path(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import APPEND, FIRST, Directive
from systemctl_replacement.unitfile.directives.honoured import FULL
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers

PATH: tuple[Directive, ...] = (
    Directive(
        "PathExists",
        parse=unit_parsers.path_spec,
        combine=APPEND,
        sets=(("Path", "Paths"),),
        property="Paths",
        kind="typed-paths",
        honoured=FULL,
    ),
    Directive(
        "PathExistsGlob",
        parse=unit_parsers.path_spec,
        combine=APPEND,
        sets=(("Path", "Paths"),),
        property="Paths",
        kind="typed-paths",
        honoured=FULL,
    ),
    Directive(
        "PathChanged",
        parse=unit_parsers.path_spec,
        combine=APPEND,
        sets=(("Path", "Paths"),),
        property="Paths",
        kind="typed-paths",
        honoured=FULL,
        since=190,
    ),
    Directive(
        "PathModified",
        parse=unit_parsers.path_spec,
        combine=APPEND,
        sets=(("Path", "Paths"),),
        property="Paths",
        kind="typed-paths",
        honoured=FULL,
    ),
    Directive(
        "DirectoryNotEmpty",
        parse=unit_parsers.path_spec,
        combine=APPEND,
        sets=(("Path", "Paths"),),
        property="Paths",
        kind="typed-paths",
        honoured=FULL,
    ),
    Directive("Unit", parse=parsers.trigger_unit, combine=FIRST, honoured=FULL),
    Directive("MakeDirectory", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("DirectoryMode", parse=parsers.mode, default=0o755, kind="octal", honoured=FULL),
    Directive(
        "TriggerLimitIntervalSec",
        parse=parsers.seconds,
        default=None,
        property="TriggerLimitIntervalUSec",
        kind="timespan",
        since=230,
        honoured=FULL,
    ),
    Directive("TriggerLimitBurst", parse=parsers.unsigned, default=None, kind="integer", since=230, honoured=FULL),
)
