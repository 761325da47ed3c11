"""The properties of each unit type: their order, their kinds and their default values.

Values are raw (numbers, booleans, strings, lists), as they are sent to clients; cli/property_text.py formats them.
"""

from __future__ import annotations

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import Configured, Directive, Inherited
from systemctl_replacement.unitfile.infinity import INFINITY, UNSET_ID
from systemctl_replacement.unitfile.properties import order
from systemctl_replacement.units.table import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

NOTHING: dict[str, Any] = {
    "string": "",  # a string; shown as it is, unless it has several lines
    "bool": False,  # yes, no
    "integer": 0,
    "double": 0.0,
    "octal": 0,  # a file mode: 0755
    "hex": 0,  # flags: 0x33
    "timestamp": 0,  # microseconds of the real-time clock; 0: never
    "timespan": 0,  # microseconds; INFINITY: infinity
    "limit": INFINITY,  # a number; INFINITY: infinity
    "maybe": INFINITY,  # a number; INFINITY: [not set]
    "weight": INFINITY,  # a number; 0: idle; INFINITY: [not set]
    "maybe-id": UNSET_ID,  # a user or group id; UNSET_ID: [not set]
    "maybe-data": INFINITY,  # a number; INFINITY: [no data]
    "maybe-status": -1,  # an exit status; negative: [not set]
    "capabilities": 0,  # a bit set of capabilities
    "namespaces": INFINITY,  # a bit set of CLONE_NEW* flags that stay allowed; INFINITY: no restriction
    "mount-flags": 0,  # MS_SHARED, MS_SLAVE, MS_PRIVATE, or 0
    "numa-policy": -1,  # a memory policy by number; -1: n/a
    "strings": (),  # a list of strings
    "label": "",  # a security label; with a dash in front if it may be ignored
    "filter": (False, ()),  # [allow-list, [names]]; with a tilde in front unless it is an allow-list
    "exit-statuses": ((), ()),  # [[statuses], [signals]]
    "commands": (),  # a list of dicts: path, argv, ignore_errors, start_time, stop_time, pid, code, status
    "commands-ex": (),  # as commands, with flags: a list of strings
    "environment-files": (),  # a list of [path, ignore errors]
    "typed-paths": (),  # a list of [type, path]
    "timers-monotonic": (),  # a list of [base, microseconds, next elapse]
    "timers-calendar": (),  # a list of [base, specification, next elapse]
    "symlinks": (),  # a list of [path, link]; one line each, with a colon
    "pairs": (),  # a list of lists; one line each: their members
    "list": (),  # a list of lists or strings, written in one line
    "job": 0,  # the id of the queued job, or 0
    "load-error": ("", ""),  # [D-Bus error name, message]
    "unprintable": (),  # not shown: [unprintable]
}
"""The kinds of properties, each with the raw value that means "not set"."""


class Property:
    """A property: its name, its kind (a key of NOTHING), and its default, raw."""

    __slots__ = ("default", "kind", "name")

    def __init__(self, name: str, kind: str, default: Any) -> None:
        self.name = name
        self.kind = kind
        self.default = default


_known: dict[str, tuple[Directive | tuple[Any, ...], ...]] = {}


def of_type(unit_type: str) -> Iterator[Property]:
    """The properties of a unit type ("service"), in systemd's order; of the manager for ""."""
    if unit_type not in _known:
        _known[unit_type] = _sources(unit_type)
    for source in _known[unit_type]:
        if isinstance(source, Directive):
            yield Property(source.property, source.kind, _default(source))
        else:
            name, kind, *default = source
            yield Property(name, kind, default[0] if default else NOTHING[kind])


def _sources(unit_type: str) -> tuple[Directive | tuple[Any, ...], ...]:
    """What defines each property: a directive's row, or the entry in order.py."""
    if not unit_type:
        return tuple(entry for entry in order.MANAGER if not isinstance(entry, str))
    sections = map(directives.section_table, directives.sections_of(unit_type))
    rows = {row.property: row for section in sections for row in section.values()}
    return tuple(
        rows[entry] if isinstance(entry, str) else rows.get(entry[0], entry)
        for group in TYPES[unit_type].properties
        for entry in _group(group)
    )


def _group(name: str) -> tuple[Any, ...]:
    """A group of properties in order; see units/table.py for its name."""
    module, _, variable = name.rpartition(".")
    entries: tuple[Any, ...] = getattr(__import__(module, fromlist=(variable,)) if module else order, variable)
    return entries


def _default(row: Directive) -> Any:
    """The raw default of a directive's property; of one that the configuration decides (derived.py), its kind's."""
    if row.unset is not None and not isinstance(row.unset, (Configured, Inherited)):
        return row.unset
    if row.default is None or (not row.default and not isinstance(row.default, int)):
        return NOTHING[row.kind]
    return row.default


def complete(unit_type: str, properties: dict[str, Any], wanted: frozenset[str] | None = None) -> dict[str, str]:
    """Add the properties that are left at their default. Returns the kinds of those wanted, in systemd's order."""
    kinds = {}
    for known in of_type(unit_type):
        if wanted is None or known.name in wanted:
            properties.setdefault(known.name, known.default)
            kinds[known.name] = known.kind
    return kinds
