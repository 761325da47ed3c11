"""Finding directives by section and name, and the sections that a unit type has.

The table has all directives that `/lib/systemd/systemd --dump-configuration-items` of systemd 252 lists, and
newer ones that images use.
"""

from __future__ import annotations

from systemctl_replacement.units.table import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.directives.directive import Directive

# The families of each section: module.NAME in this package, imported when the section is first asked for. Few
# containers have a socket, a timer or a swap.
_SECTIONS: dict[str, tuple[str, ...]] = {
    "Unit": ("unit.UNIT",),
    **{row.section: row.directives for row in TYPES.values() if row.section},
    "Install": ("install.INSTALL",),
}
SECTIONS = tuple(_SECTIONS)
"""Every section name."""

TYPE_SECTIONS = {unit_type: row.section for unit_type, row in TYPES.items() if row.section}
"""The section specific to a unit type; targets and devices have none."""

_made: dict[str, dict[str, Directive]] = {}


def section_table(section: str) -> dict[str, Directive]:
    """The directives of a section by name, empty for an unknown section. Not to be modified."""
    found = _made.get(section)
    if found is None:
        found = _made[section] = {row.name: row for name in families(section) for row in family(name)}
    return found


def families(section: str) -> tuple[str, ...]:
    """The names of the families that the directives of a section come from, its own one first."""
    return _SECTIONS.get(section, ())


def family(name: str) -> tuple[Directive, ...]:
    """The directives of a family; see units/table.py for its name."""
    module, _, variable = name.rpartition(".")
    if "." not in module:
        module = f"{__package__}.{module}"
    rows: tuple[Directive, ...] = getattr(__import__(module, fromlist=(variable,)), variable)
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
