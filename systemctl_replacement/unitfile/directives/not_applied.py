"""The settings of a unit's files that are not applied (docs/directives.md)."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

# Units of other types are not started yet at all.
_SECTIONS = ("Unit", "Service")
# What means that nothing is asked for, whatever the default is. So does False, which is looked for by identity: 0 asks
# for something and equals it.
_NOTHING: tuple[Any, ...] = (None, "", "no", ("no",), (), frozenset(), INFINITY)


def not_applied(unit: Unit) -> list[str]:
    """The directives that the unit sets to something and that have no effect here, those that protect first."""
    protecting: list[str] = []
    other: list[str] = []
    for (section, name), value in unit.settings.items():
        if section not in _SECTIONS:
            continue
        row = directives.lookup(section, name)
        if row is None or row.honoured.applied:
            continue
        if value is False or value == row.default or value in _NOTHING:
            continue
        (protecting if row.protects else other).append(name)
    return protecting + other
