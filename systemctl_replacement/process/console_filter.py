"""Which lines the container's output gets. A pure decision; supervisors, the collector and the manager import it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Whose lines: everybody's; only those of units; nobody's.
ALL, UNITS, NONE = "all", "units", "none"
_ALL_LEVELS = 7


class ConsoleFilter:
    """Made of plain settings, as they are sent: "console" (ALL, UNITS or NONE), "console_level" (the highest syslog
    level), "console_identifiers" (a list; empty: all) and "console_inverted" (the others). What is missing lets
    everything pass."""

    __slots__ = ("_identifiers", "_inverted", "_whose", "level")

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._whose = settings.get("console", ALL)
        self.level: int = settings.get("console_level", _ALL_LEVELS)
        self._identifiers = frozenset(settings.get("console_identifiers", ()))
        self._inverted = bool(settings.get("console_inverted", False))

    def shows(self, level: int, identifier: str, is_of_unit: bool) -> bool:
        """Whether a line is shown. is_of_unit: whether a process of a unit has printed or logged it."""
        return level <= self.level and self.lets_pass(identifier, is_of_unit)

    def lets_pass(self, identifier: str, is_of_unit: bool) -> bool:
        """Whether lines are shown whose level is not too high."""
        if self._whose == NONE or (self._whose == UNITS and not is_of_unit):
            return False
        return not self._identifiers or (identifier in self._identifiers) != self._inverted
