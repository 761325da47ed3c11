"""Which records are wanted: fields with given values, combined (journalctl(1) FIELD=VALUE).

A record is asked as the line that it is: the JSON text of a field stands in it as such or not at all, because a quote
inside a text has a backslash in front. Of many lines the whole text is asked first, and of a file its name.
"""

from __future__ import annotations

from systemctl_replacement import wire
from systemctl_replacement.journal.entry import parsed, values_of
from systemctl_replacement.journal.names import SUFFIX, file_name
from systemctl_replacement.journal.record import plain
from systemctl_replacement.journal.search import AnyOf, all_lines, lines_with, mark_of_lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Union

    Find = Callable[[bytes, int, int], list[bytes]]
    Expression = Union["Is", "All", "Any"]

_TYPES = (
    ".service", ".socket", ".target", ".device", ".mount", ".automount", ".swap", ".timer", ".path", ".slice", ".scope",
)  # fmt: skip
_SAMPLE = 16 * 1024
_MANAGER, _OF_MANAGER = "manager", b"init.scope"
# About another unit than the sender's: what is sent may have these, and what units print has not.
_ABOUT_OTHERS = ("OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT")


class Is:
    """A field has this value, possibly among others."""

    __slots__ = ("_mark", "_name", "_several", "field", "value")

    def __init__(self, field: str, value: bytes) -> None:
        self.field = field
        self.value = value
        self._name = wire.dumps(field) + b":"
        self._mark = self._name + wire.dumps(plain(value))
        self._several = self._name + b"["

    def matches(self, line: bytes) -> bool:
        return self._mark in line or (self._several in line and self._has(line))

    def select(self, lines: list[bytes]) -> list[bytes]:
        """Those that match."""
        mark, several, has = self._mark, self._several, self._has
        return [line for line in lines if mark in line or (several in line and has(line))]

    def lacks(self, data: bytes, start: int, end: int) -> bool:
        """Whether a text (see `search`) shows that none of its lines matches."""
        return data.find(self._mark, start, end) < 0 and data.find(self._several, start, end) < 0

    def count(self, data: bytes, start: int, end: int) -> int:
        """How many lines of a text may match, roughly."""
        return data.count(self._mark, start, end)

    def find(self, data: bytes, start: int, end: int) -> list[bytes]:
        """The lines of a text that match."""
        return self.select(lines_with(data, start, end, (self._mark, mark_of_lists(self.field))))

    def could_match(self, name: str, received: bool = False) -> bool:
        """Whether there can be such a line in the live file of this name, or in an archive of it. received: it is the
        collector's."""
        unit = _unit_of(name)
        if not unit:
            return True
        if self.field in _ABOUT_OTHERS:
            return received
        if self.field != "_SYSTEMD_UNIT":
            return True
        if unit == _MANAGER or self.value == _OF_MANAGER:
            return self.value == _OF_MANAGER
        return file_name(self.value.decode("utf-8", "replace")) == name

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

    def lacks(self, data: bytes, start: int, end: int) -> bool:
        return any(term.lacks(data, start, end) for term in self.terms)

    def count(self, data: bytes, start: int, end: int) -> int:
        return min((term.count(data, start, end) for term in self.terms), default=end - start)

    def find(self, data: bytes, start: int, end: int) -> list[bytes]:
        if not self.terms:
            return all_lines(data, start, end)
        # Look for what fewest lines have.
        sample = min(end, start + _SAMPLE)
        rarest = min(self.terms, key=lambda term: term.count(data, start, sample))
        return self.select(rarest.find(data, start, end))

    def could_match(self, name: str, received: bool = False) -> bool:
        return all(term.could_match(name, received) for term in self.terms) and not self._is_of_another(name)

    def _is_of_another(self, name: str) -> bool:
        """Lines of the manager about a unit are in the manager's file and in that unit's."""
        by_field = {term.field: term.value for term in self.terms if isinstance(term, Is)}
        about = by_field.get("UNIT")
        by_manager = by_field.get("_PID") == b"1" or by_field.get("_SYSTEMD_UNIT") == _OF_MANAGER
        if about is None or not by_manager or _unit_of(name) in ("", _MANAGER, _OF_MANAGER.decode()):
            return False
        return file_name(about.decode("utf-8", "replace")) != name


class Any:
    """At least one of some expressions; of none, nothing."""

    __slots__ = ("_any", "_prefix", "_values", "terms")

    def __init__(self, terms: Iterable[Expression]) -> None:
        self.terms = tuple(terms)
        fields = {term.field if isinstance(term, Is) else "" for term in self.terms}
        self._prefix = b""  # of a field that all terms are about …
        self._values: frozenset[bytes] = frozenset()  # … and the texts of its values
        self._any: AnyOf | None = None
        if len(fields) == 1 and "" not in fields:
            texts = [wire.dumps(plain(term.value)) for term in self.terms if isinstance(term, Is)]
            if all(text.startswith(b'"') and b"\\" not in text for text in texts):
                field = fields.pop()
                self._prefix = wire.dumps(field) + b':"'
                self._values = frozenset(text[1:-1] for text in texts)
                self._any = AnyOf(field, self._prefix[:-1], texts)

    def matches(self, line: bytes) -> bool:
        return any(term.matches(line) for term in self.terms)

    def select(self, lines: list[bytes]) -> list[bytes]:
        if not self._prefix:
            return [line for line in lines if self.matches(line)]
        prefix, values, several = self._prefix, self._values, self._prefix[:-1] + b"["
        skipped = len(prefix)
        found = []
        for line in lines:
            at = line.find(prefix)
            if at >= 0:
                at += skipped
                if line[at : line.find(b'"', at)] in values:
                    found.append(line)
            elif several in line and self.matches(line):
                found.append(line)
        return found

    def lacks(self, data: bytes, start: int, end: int) -> bool:
        if self._prefix:
            return data.find(self._prefix[:-1], start, end) < 0
        return all(term.lacks(data, start, end) for term in self.terms)

    def count(self, data: bytes, start: int, end: int) -> int:
        return sum(term.count(data, start, end) for term in self.terms)

    def find(self, data: bytes, start: int, end: int) -> list[bytes]:
        if self._any is not None:
            return self.select(self._any.find(data, start, end))
        return [] if self.lacks(data, start, end) else self.select(all_lines(data, start, end))

    def could_match(self, name: str, received: bool = False) -> bool:
        return any(term.could_match(name, received) for term in self.terms)


def _unit_of(name: str) -> str:
    """The unit that a file of this name is about, or the manager; "" if that is not known."""
    unit = name[: -len(SUFFIX)] if name.endswith(SUFFIX) else ""
    return unit if unit == _MANAGER or unit.endswith(_TYPES) else ""
