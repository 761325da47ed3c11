"""Directives of [Mount], [Automount] and [Swap] (systemd.mount(5), systemd.automount(5), systemd.swap(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import Configured, Directive
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers

MOUNT: tuple[Directive, ...] = (
    Directive("What", parse=parsers.string),
    Directive("Where", parse=parsers.path),
    Directive("Options", parse=parsers.string, since=217),
    Directive("Type", parse=parsers.string, since=183),
    Directive(
        "TimeoutSec",
        parse=parsers.zero_is_never,
        default=None,
        unset=Configured("default_timeout_start"),
        property="TimeoutUSec",
        kind="timespan",
        since=188,
    ),
    Directive("DirectoryMode", parse=parsers.mode, default=0o755, kind="octal"),
    Directive("SloppyOptions", parse=parsers.boolean, default=False, kind="bool", since=215),
    Directive("LazyUnmount", parse=parsers.boolean, default=False, kind="bool", since=232),
    Directive("ForceUnmount", parse=parsers.boolean, default=False, kind="bool", since=232),
    Directive("ReadWriteOnly", parse=parsers.boolean, default=False, kind="bool", since=246),
)

AUTOMOUNT: tuple[Directive, ...] = (
    Directive("Where", parse=parsers.path),
    Directive("ExtraOptions", parse=parsers.string, since=250),
    Directive("DirectoryMode", parse=parsers.mode, default=0o755, kind="octal"),
    Directive(
        "TimeoutIdleSec", parse=parsers.zero_is_never, default=0, property="TimeoutIdleUSec", kind="timespan", since=220
    ),
)

SWAP: tuple[Directive, ...] = (
    Directive("What", parse=parsers.path),
    Directive("Priority", parse=unit_parsers.swap_priority, default=-1, kind="integer", since=232),
    Directive("Options", parse=parsers.string, since=217),
    Directive(
        "TimeoutSec",
        parse=parsers.zero_is_never,
        default=None,
        unset=Configured("default_timeout_start"),
        property="TimeoutUSec",
        kind="timespan",
        since=188,
    ),
)
