"""Types of units that are loaded and shown but cannot be started yet, each with the reason.

Starting such a unit fails with the reason, and a boot that wants one ends degraded: nobody waits in vain for a timer.
The entry of a type goes when the type is built.
"""

from __future__ import annotations

from systemctl_replacement.units.table import TYPES

_MISSING: dict[str, str] = {}


def reason(unit_type: str) -> str:
    """Why units of a type cannot be started, "" if they can be."""
    return _MISSING.get(unit_type, "")


def is_built(unit_type: str) -> bool:
    """Whether units of a type do what their files say, as far as each directive is honoured."""
    return unit_type not in _MISSING and TYPES[unit_type].kind not in (".not_built", ".unsupported")
