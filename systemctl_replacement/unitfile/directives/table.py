"""The table of every directive: the single source of truth for parsing, `show`, warnings and documentation.

It has all that `/lib/systemd/systemd --dump-configuration-items` of systemd 252 lists, and newer ones that images use.
"""

from __future__ import annotations

from systemctl_replacement.unitfile.directives import newer
from systemctl_replacement.unitfile.directives.directive import Directive
from systemctl_replacement.unitfile.directives.exec import EXEC
from systemctl_replacement.unitfile.directives.other import AUTOMOUNT, MOUNT, PATH, SCOPE, SWAP, TIMER
from systemctl_replacement.unitfile.directives.resource import RESOURCE
from systemctl_replacement.unitfile.directives.service import KILL, SERVICE
from systemctl_replacement.unitfile.directives.socket import SOCKET
from systemctl_replacement.unitfile.directives.unit import INSTALL, UNIT

_RUN = (EXEC, newer.EXEC, RESOURCE, newer.RESOURCE, KILL)
_SECTIONS: dict[str, tuple[tuple[Directive, ...], ...]] = {
    "Unit": (UNIT, newer.UNIT),
    "Service": (SERVICE, newer.SERVICE, *_RUN),
    "Socket": (SOCKET, newer.SOCKET, *_RUN),
    "Mount": (MOUNT, *_RUN),
    "Automount": (AUTOMOUNT,),
    "Swap": (SWAP, *_RUN),
    "Timer": (TIMER, newer.TIMER),
    "Path": (PATH,),
    "Slice": (RESOURCE, newer.RESOURCE),
    "Scope": (SCOPE, RESOURCE, newer.RESOURCE, KILL),
    "Install": (INSTALL, newer.INSTALL),
}
SECTIONS = tuple(_SECTIONS)
"""Every section name."""

TYPE_SECTIONS = {
    "service": "Service", "socket": "Socket", "mount": "Mount", "automount": "Automount", "swap": "Swap",
    "timer": "Timer", "path": "Path", "slice": "Slice", "scope": "Scope",
}  # fmt: skip
"""The section of its own that a unit type has; targets and devices have none."""

_made: dict[str, dict[str, Directive]] = {}


def section_table(section: str) -> dict[str, Directive]:
    """The directives that a section knows, by name; empty for an unknown section. Not to be changed."""
    found = _made.get(section)
    if found is None:
        found = _made[section] = {row.name: row for family in _SECTIONS.get(section, ()) for row in family}
    return found


def lookup(section: str, name: str) -> Directive | None:
    """The directive `name` of a section, None if systemd does not know it."""
    return section_table(section).get(name)


def sections_of(unit_type: str) -> tuple[str, ...]:
    """The sections a unit file of this type may have."""
    own = TYPE_SECTIONS.get(unit_type)
    return ("Unit", own, "Install") if own else ("Unit", "Install")
