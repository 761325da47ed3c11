"""Which settings of a unit have no effect here (docs/directives.md)."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.table import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

# Values that ask for nothing, whatever the default is. So does False, which is tested by identity because 0, which is
# equal to it, does ask for something.
_NOTHING: tuple[Any, ...] = (None, "", "no", ("no",), (), frozenset(), INFINITY)


def not_applied(unit: Unit) -> list[str]:
    """The directives that the unit sets and that have no effect here, those that protect first."""
    protecting: list[str] = []
    other: list[str] = []
    supported = TYPES[unit.type].is_supported
    for (section, name), value in unit.settings.items():
        if not supported and section != "Unit":
            continue
        row = directives.lookup(section, name)
        if row is None or row.honoured.applied:
            continue
        if value is False or value == row.default or value in _NOTHING:
            continue
        (protecting if row.protects else other).append(name)
    return protecting + other
