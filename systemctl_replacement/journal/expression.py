"""Which records are wanted: fields with given values, combined (journalctl(1) FIELD=VALUE).

A record is asked as the line that it is: the JSON text of a field stands in it as such or not at all, because a quote
inside a text has a backslash in front.
"""

from __future__ import annotations

from systemctl_replacement import wire
from systemctl_replacement.journal.entry import parsed, values_of
from systemctl_replacement.journal.names import SUFFIX, file_name
from systemctl_replacement.journal.record import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Expression = Union["Is", "All", "Any"]

_TYPES = (
    ".service", ".socket", ".target", ".device", ".mount", ".automount", ".swap", ".timer", ".path", ".slice", ".scope",
)  # fmt: skip
_OF_MANAGER = b"init.scope"


class Is:
    """A field has this value, possibly among others."""

    __slots__ = ("_mark", "_several", "field", "value")

    def __init__(self, field: str, value: bytes) -> None:
        self.field = field
        self.value = value
        name = wire.dumps(field)
        self._mark = name + b":" + wire.dumps(plain(value))
        self._several = name + b":["

    def matches(self, line: bytes) -> bool:
        return self._mark in line or (self._several in line and self._has(line))

    def select(self, lines: list[bytes]) -> list[bytes]:
        """Those that match."""
        mark, several, has = self._mark, self._several, self._has
        return [line for line in lines if mark in line or (several in line and has(line))]

    def marks(self) -> tuple[bytes, ...]:
        """A line that matches has one of these texts."""
        return (self._mark, self._several)

    def could_match(self, name: str) -> bool:
        """Whether there can be such a line in the live file of this name, or in an archive of it."""
        if self.field != "_SYSTEMD_UNIT" or not name.endswith(SUFFIX):
            return True
        unit = name[: -len(SUFFIX)]
        if unit == "manager":
            return self.value == _OF_MANAGER
        if not unit.endswith(_TYPES):
            return True
        return self.value == _OF_MANAGER or file_name(self.value.decode("utf-8", "replace")) == name

    def _has(self, line: bytes) -> bool:
        fields = parsed(line)
        return fields is not None and self.field in fields and self.value in values_of(fields[self.field])


class All:
    """Each of some expressions; of none, everything."""

    __slots__ = ("terms",)

    def __init__(self, terms: Iterable[Expression]) -> None:
        self.terms = tuple(terms)

    def matches(self, line: bytes) -> bool:
        return all(term.matches(line) for term in self.terms)

    def select(self, lines: list[bytes]) -> list[bytes]:
        for term in self.terms:
            lines = term.select(lines)
        return lines

    def marks(self) -> tuple[bytes, ...]:
        found = [marks for marks in (term.marks() for term in self.terms) if marks]
        return max(found, key=lambda marks: (-len(marks), min(map(len, marks))), default=())

    def could_match(self, name: str) -> bool:
        return all(term.could_match(name) for term in self.terms) and not self._is_of_another(name)

    def _is_of_another(self, name: str) -> bool:
        """Lines of the manager about a unit are in the manager's file and in that unit's."""
        by_field = {term.field: term.value for term in self.terms if isinstance(term, Is)}
        unit = by_field.get("UNIT")
        if unit is None or by_field.get("_PID") != b"1" or name in ("manager" + SUFFIX, "other" + SUFFIX):
            return False
        return name[: -len(SUFFIX)].endswith(_TYPES) and file_name(unit.decode("utf-8", "replace")) != name


class Any:
    """At least one of some expressions; of none, nothing."""

    __slots__ = ("terms",)

    def __init__(self, terms: Iterable[Expression]) -> None:
        self.terms = tuple(terms)

    def matches(self, line: bytes) -> bool:
        return any(term.matches(line) for term in self.terms)

    def select(self, lines: list[bytes]) -> list[bytes]:
        return [line for line in lines if self.matches(line)]

    def marks(self) -> tuple[bytes, ...]:
        found = [term.marks() for term in self.terms]
        return tuple(mark for marks in found for mark in marks) if all(found) else ()

    def could_match(self, name: str) -> bool:
        return any(term.could_match(name) for term in self.terms)
