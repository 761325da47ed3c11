"""Directives of [Mount], [Automount] and [Swap] (systemd.mount(5), systemd.automount(5), systemd.swap(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import Configured, Directive
from systemctl_replacement.unitfile.directives.honoured import FULL, NO_AUTOFS, NO_SWAP, always, full
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers

MOUNT: tuple[Directive, ...] = (
    Directive("What", parse=parsers.string, honoured=full(always("CAP_SYS_ADMIN", fails=True))),
    Directive("Where", parse=parsers.path, honoured=FULL),
    Directive("Options", parse=parsers.string, since=217, honoured=FULL),
    Directive("Type", parse=parsers.string, since=183, honoured=FULL),
    Directive(
        "TimeoutSec",
        parse=parsers.zero_is_never,
        default=None,
        unset=Configured("default_timeout_start"),
        property="TimeoutUSec",
        kind="timespan",
        since=188,
        honoured=FULL,
    ),
    Directive("DirectoryMode", parse=parsers.mode, default=0o755, kind="octal", honoured=FULL),
    Directive("SloppyOptions", parse=parsers.boolean, default=False, kind="bool", since=215, honoured=FULL),
    Directive("LazyUnmount", parse=parsers.boolean, default=False, kind="bool", since=232, honoured=FULL),
    Directive("ForceUnmount", parse=parsers.boolean, default=False, kind="bool", since=232, honoured=FULL),
    Directive("ReadWriteOnly", parse=parsers.boolean, default=False, kind="bool", since=246, honoured=FULL),
)

AUTOMOUNT: tuple[Directive, ...] = (
    Directive("Where", parse=parsers.path, honoured=NO_AUTOFS),
    Directive("ExtraOptions", parse=parsers.string, since=250, honoured=NO_AUTOFS),
    Directive("DirectoryMode", parse=parsers.mode, default=0o755, kind="octal", honoured=NO_AUTOFS),
    Directive(
        "TimeoutIdleSec",
        parse=parsers.zero_is_never,
        default=0,
        property="TimeoutIdleUSec",
        kind="timespan",
        since=220,
        honoured=NO_AUTOFS,
    ),
)

SWAP: tuple[Directive, ...] = (
    Directive("What", parse=parsers.path, honoured=NO_SWAP),
    Directive("Priority", parse=unit_parsers.swap_priority, default=-1, kind="integer", since=232, honoured=NO_SWAP),
    Directive("Options", parse=parsers.string, since=217, honoured=NO_SWAP),
    Directive(
        "TimeoutSec",
        parse=parsers.zero_is_never,
        default=None,
        unset=Configured("default_timeout_start"),
        property="TimeoutUSec",
        kind="timespan",
        since=188,
        honoured=NO_SWAP,
    ),
)
