"""Directives of [Install] (systemd.unit(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import APPEND, Directive
from systemctl_replacement.unitfile.directives.honoured import FULL
from systemctl_replacement.unitfile.parsers import common as parsers

INSTALL: tuple[Directive, ...] = (
    Directive("Alias", parse=parsers.opaque_list, combine=APPEND, property="", honoured=FULL),
    Directive("WantedBy", parse=parsers.opaque_list, combine=APPEND, property="", since=249, honoured=FULL),
    Directive("RequiredBy", parse=parsers.opaque_list, combine=APPEND, property="", since=249, honoured=FULL),
    Directive("Also", parse=parsers.opaque_list, combine=APPEND, property="", since=218, honoured=FULL),
    Directive("DefaultInstance", parse=parsers.opaque, property="", since=215, honoured=FULL),
    # Newer than systemd 252, which warns about an unknown key.
    Directive("UpheldBy", parse=parsers.opaque_list, combine=APPEND, property="", since=254, honoured=FULL),
)
