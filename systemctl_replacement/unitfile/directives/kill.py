"""Directives of killing processes, shared by all unit types that have some (systemd.kill(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import Directive
from systemctl_replacement.unitfile.directives.honoured import FULL
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers

KILL: tuple[Directive, ...] = (
    Directive("SendSIGKILL", parse=parsers.boolean, default=True, kind="bool", honoured=FULL),
    Directive("SendSIGHUP", parse=parsers.boolean, default=False, kind="bool", honoured=FULL),
    Directive("KillMode", parse=unit_parsers.kill_mode, default="control-group", since=209, honoured=FULL),
    Directive("KillSignal", parse=parsers.signal, default=15, kind="integer", since=240, honoured=FULL),
    Directive(
        "RestartKillSignal", parse=parsers.signal, default=None, unset=15, kind="integer", since=244, honoured=FULL
    ),
    Directive("FinalKillSignal", parse=parsers.signal, default=9, kind="integer", honoured=FULL),
    Directive("WatchdogSignal", parse=parsers.signal, default=6, kind="integer", since=240, honoured=FULL),
)
