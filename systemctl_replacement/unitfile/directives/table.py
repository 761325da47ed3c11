"""Finding directives by section and name, and the sections that a unit type has.

The table has all directives that `/lib/systemd/systemd --dump-configuration-items` of systemd 252 lists, and
newer ones that images use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.directives.directive import Directive

# The rows of each section: (module of this package, name in it), imported when the section is first asked for. Few
# containers have a socket, a timer or a swap.
_CGROUP, _KILL = ("resource", "RESOURCE"), ("kill", "KILL")
_PROCESSES = (("exec", "EXEC"), ("sandbox", "SANDBOX"), _CGROUP, _KILL)
_SECTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "Unit": (("unit", "UNIT"),),
    "Service": (("service", "SERVICE"), *_PROCESSES),
    "Socket": (("socket", "SOCKET"), *_PROCESSES),
    "Mount": (("mount", "MOUNT"), *_PROCESSES),
    "Automount": (("mount", "AUTOMOUNT"),),
    "Swap": (("mount", "SWAP"), *_PROCESSES),
    "Timer": (("timer", "TIMER"),),
    "Path": (("path", "PATH"),),
    "Slice": (_CGROUP,),
    "Scope": (("scope", "SCOPE"), _CGROUP, _KILL),
    "Install": (("install", "INSTALL"),),
}
SECTIONS = tuple(_SECTIONS)
"""Every section name."""

TYPE_SECTIONS = {
    "service": "Service", "socket": "Socket", "mount": "Mount", "automount": "Automount", "swap": "Swap",
    "timer": "Timer", "path": "Path", "slice": "Slice", "scope": "Scope",
}  # fmt: skip
"""The section specific to a unit type; targets and devices have none."""

_made: dict[str, dict[str, Directive]] = {}


def section_table(section: str) -> dict[str, Directive]:
    """The directives of a section by name, empty for an unknown section. Not to be modified."""
    found = _made.get(section)
    if found is None:
        found = _made[section] = {row.name: row for family in _SECTIONS.get(section, ()) for row in _rows(*family)}
    return found


def _rows(module: str, name: str) -> tuple[Directive, ...]:
    rows: tuple[Directive, ...] = getattr(__import__(f"{__package__}.{module}", fromlist=(name,)), name)
    return rows


def lookup(section: str, name: str) -> Directive | None:
    """The directive `name` of a section, None if systemd does not know it."""
    return section_table(section).get(name)


def default(section: str, name: str) -> Any:
    """What a directive is when nothing is assigned; () for a group that directives add to (Conditions, Timers …).

    KeyError for what is neither.
    """
    rows = section_table(section)
    if name not in rows and any((section, name) in row.sets for row in rows.values()):
        return ()
    return rows[name].default


def sections_of(unit_type: str) -> tuple[str, ...]:
    """The sections a unit file of this type may have."""
    own = TYPE_SECTIONS.get(unit_type)
    return ("Unit", own, "Install") if own else ("Unit", "Install")
