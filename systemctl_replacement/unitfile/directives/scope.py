"""Directives of [Scope] (systemd.scope(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import Configured, Directive
from systemctl_replacement.unitfile.directives.honoured import NO_SCOPES
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import unit as unit_parsers
from systemctl_replacement.unitfile.values import INFINITY

SCOPE: tuple[Directive, ...] = (
    Directive(
        "RuntimeMaxSec",
        parse=parsers.seconds,
        default=INFINITY,
        property="RuntimeMaxUSec",
        kind="timespan",
        since=229,
        honoured=NO_SCOPES,
    ),
    Directive(
        "RuntimeRandomizedExtraSec",
        parse=parsers.seconds,
        default=0,
        property="RuntimeRandomizedExtraUSec",
        kind="timespan",
        since=250,
        honoured=NO_SCOPES,
    ),
    Directive(
        "TimeoutStopSec",
        parse=parsers.zero_is_never,
        default=None,
        unset=Configured("default_timeout_stop"),
        property="TimeoutStopUSec",
        kind="timespan",
        since=188,
        honoured=NO_SCOPES,
    ),
    Directive(
        "OOMPolicy",
        parse=unit_parsers.oom_policy,
        default=None,
        unset=Configured("default_oom_policy"),
        since=251,
        honoured=NO_SCOPES,
    ),
)
