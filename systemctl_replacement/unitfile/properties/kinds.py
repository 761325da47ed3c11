"""What `systemctl show` knows: the properties of each unit type, their order, kinds and defaults.

The manager sends raw values (numbers, booleans, strings, lists) and may leave out those that have their default; the
client fills in the rest from here and writes them in this order, which is systemd's.
"""

from __future__ import annotations

from systemctl_replacement.unitfile.properties import tables as property_tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Kinds of properties: what the raw value is.
KINDS = {
    "string": "a string; shown as it is, unless it has several lines",
    "bool": "a boolean: yes, no",
    "integer": "a number",
    "double": "a fraction",
    "octal": "a file mode: 0755",
    "hex": "flags: 0x33",
    "timestamp": "microseconds of the real-time clock; 0: never",
    "timespan": "microseconds; INFINITY: infinity",
    "limit": "a number; INFINITY: infinity",
    "maybe": "a number; INFINITY: [not set]",
    "weight": "a number; 0: idle; INFINITY: [not set]",
    "maybe-id": "a user or group id; 2**32 - 1: [not set]",
    "maybe-data": "a number; INFINITY: [no data]",
    "maybe-status": "an exit status; negative: [not set]",
    "capabilities": "a bit set of capabilities",
    "namespaces": "a bit set of CLONE_NEW* flags that stay allowed; INFINITY: no restriction",
    "mount-flags": "MS_SHARED, MS_SLAVE, MS_PRIVATE, or 0",
    "numa-policy": "a memory policy by number; -1: n/a",
    "strings": "a list of strings",
    "label": "a security label: a string; with a dash in front if it may be ignored",
    "filter": "[allow-list, [names]]; with a tilde in front unless it is an allow-list",
    "exit-statuses": "[[statuses], [signals]]",
    "commands": "a list of dicts: path, argv, ignore_errors, start_time, stop_time, pid, code, status",
    "commands-ex": "as commands, with flags: a list of strings",
    "environment-files": "a list of [path, ignore errors]",
    "typed-paths": "a list of [type, path]",
    "timers-monotonic": "a list of [base, microseconds, next elapse]",
    "timers-calendar": "a list of [base, specification, next elapse]",
    "symlinks": "a list of [path, link]; one line each, with a colon",
    "pairs": "a list of lists; one line each: their members",
    "list": "a list of lists or strings, written in one line",
    "job": "the id of the queued job, or 0",
    "load-error": "[D-Bus error name, message]",
    "unprintable": "not shown: [unprintable]",
}

# What the same property starts from in another unit type.
_OTHER_DEFAULTS: dict[str, dict[str, Any]] = {
    "socket": {"KeyringMode": "shared"},
    "swap": {"KeyringMode": "shared"},
    "mount": {"KeyringMode": "shared", "SameProcessGroup": True},
}


class Property:
    """A property: its name, its kind (a key of KINDS), and its raw value where nothing sets it."""

    __slots__ = ("default", "kind", "name")

    def __init__(self, name: str, kind: str, default: Any) -> None:
        self.name = name
        self.kind = kind
        self.default = default


def of_type(unit_type: str) -> Iterator[Property]:
    """The properties of a unit type ("service"), in systemd's order; of the manager for ""."""
    others = _OTHER_DEFAULTS.get(unit_type, {})
    for rows in property_tables.TYPES[unit_type] if unit_type else (property_tables.MANAGER,):
        for name, kind, default in rows:
            yield Property(name, kind, others.get(name, default))
