"""Units that exist without a file and are never stopped: the root of the slices, of the mounts, and the manager's own.

Source: systemd.special(7); descriptions as systemd shows them. A unit file of such a name is read as any other; these
settings fill in what it leaves open.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPECIAL = ("man:systemd.special(7)",)

# Unit id to the settings that hold where no file says otherwise.
SETTINGS: dict[str, dict[tuple[str, str], Any]] = {
    "-.slice": {("Unit", "Description"): "Root Slice", ("Unit", "Documentation"): _SPECIAL},
    "system.slice": {("Unit", "Description"): "System Slice", ("Unit", "Documentation"): _SPECIAL},
    "init.scope": {
        ("Unit", "Description"): "System and Service Manager",
        ("Unit", "Documentation"): ("man:systemd(1)",),
    },
    "-.mount": {
        ("Unit", "Description"): "Root Mount",
        ("Mount", "Where"): "/",
        ("Mount", "StandardOutput"): "null",
    },
}

UNITS = frozenset(SETTINGS)


def complete(unit: str, settings: dict[tuple[str, str], Any]) -> None:
    """Add to a perpetual unit's settings what its files left open; nothing for any other unit."""
    if unit in SETTINGS:
        for key, value in SETTINGS[unit].items():
            settings.setdefault(key, value)
        settings[("Unit", "DefaultDependencies")] = False
