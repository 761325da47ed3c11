"""list-timers, list-sockets, list-paths (systemd 254) and list-automounts: the units of a type by what they wait for.

Source: systemctl(1). The columns are those of systemctl, the values those of `show`.
"""

from __future__ import annotations

import time

from systemctl_replacement.cli.invocation import Invocation
from systemctl_replacement.cli.names import NOT_MANGLED, check_utf8, is_shown, mangled, matching
from systemctl_replacement.cli.table import table_lines
from systemctl_replacement.cli.timestamps import format_relative, format_timestamp, next_elapse
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.unitfile.names import escape_path
from systemctl_replacement.unitfile.values import format_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from systemctl_replacement.cli.option_table import Options
    from systemctl_replacement.cli.table import Cell

    Properties = dict[str, Any]
    # What one unit has to be listed with, in order: the key to sort by, and the values of the columns.
    Entry = tuple[tuple[Any, ...], tuple[Any, ...]]

_MILLISECOND = 1000


@dataclass(frozen=True)
class Listing:
    """How the units of a type are listed.

    columns: their names, in the order of the values. properties: what the manager is asked for. entries: one for each
    line about a unit. texts: how the values are written, by column; as they are if nothing is said.
    """

    type: str
    columns: tuple[str, ...]
    properties: tuple[str, ...]
    entries: Callable[[str, Properties, Invocation], list[Entry]]
    texts: dict[str, Callable[[Any, int], str | None]]


def _listing(verb: str) -> Any:
    return lambda words, options, invocation: _list(_LISTINGS[verb], words, options, invocation)


def _list(listing: Listing, words: list[str], options: Options, invocation: Invocation) -> int:
    """Print a line for each thing that units of a type wait for."""
    entries = []
    for name, properties in _units(listing, words, options, invocation):
        entries += listing.entries(name, properties, invocation)
    entries.sort(key=lambda entry: entry[0])
    shown = [column for column in listing.columns if column != _TYPE or options.show_types]
    rows = [[value for column, value in zip(listing.columns, values) if column in shown] for _, values in entries]
    invocation.page()
    if options.output.startswith("json"):
        from systemctl_replacement.cli.json_text import json_text

        keys = [column.replace(" ", "_") for column in shown]
        invocation.out(json_text([dict(zip(keys, map(_json_value, row))) for row in rows], options.output))
    else:
        _print_table(listing, shown, rows, options, invocation)
    invocation.table_printed()
    if options.legend and not options.quiet:
        color = "bold" if rows else "red"
        invocation.out("\n" + invocation.terminal.colored(f"{len(rows)} {listing.type}s listed.", color))
        if not options.all:
            invocation.out(f"Pass --all to see loaded but inactive {listing.type}s, too.")
    return 0


def _units(
    listing: Listing, words: list[str], options: Options, invocation: Invocation
) -> list[tuple[str, Properties]]:
    """The units to list, and what the manager says of each."""
    check_utf8([*words, *options.states])
    patterns = [mangled(word, invocation, f".{listing.type}", failure=NOT_MANGLED) for word in words]
    manager = invocation.manager_or_files()
    units = [
        unit
        for unit in manager.call("Units", patterns=[])["units"]
        if unit["id"].rpartition(".")[2] == listing.type and is_shown(unit, options)
    ]
    names = matching(patterns, units) if patterns else sorted(unit["id"] for unit in units)
    if not names:
        return []
    found = manager.call("Show", names=names, properties=list(listing.properties))["units"]
    return [(unit["id"], unit["properties"]) for unit in found]


def _print_table(
    listing: Listing, shown: Sequence[str], rows: Sequence[Sequence[Any]], options: Options, invocation: Invocation
) -> None:
    now = time.time_ns() // 1000
    lines = table_lines(
        [column.upper() for column in shown],
        [[_text(listing, column, value, now) for column, value in zip(shown, row)] for row in rows],
        invocation.terminal,
        legend=options.legend and not options.quiet,
        cuts=invocation.terminal.cuts and not options.full,
    )
    for line in lines:
        invocation.out(line)


def _text(listing: Listing, column: str, value: Any, now: int) -> Cell | str | None:
    write = listing.texts.get(column)
    if write is not None:
        return write(value, now)
    return "\n".join(value) if isinstance(value, list) else value


def _json_value(value: Any) -> Any:
    return None if value == INFINITY else value


def _activated(unit: Properties) -> str | list[str] | None:
    """What a unit activates: nothing (None), as with Accept=yes before the first connection, one unit, or several."""
    names = list(unit.get("Triggers") or ())
    return names if len(names) > 1 else names[0] if names else None


# --- timers ---


def _timer(name: str, unit: Properties, invocation: Invocation) -> list[Entry]:
    elapse = next_elapse(unit)
    last = unit.get("LastTriggerUSec", 0)
    return [((elapse, name), (elapse, elapse, last, last, name, _activated(unit)))]


def _moment(usec: int, now: int) -> str:
    return format_timestamp(usec) or "-"


def _distance(usec: int, now: int) -> str:
    return format_relative(usec, now) or "-"


# --- sockets ---

_TYPE = "type"


def _socket(name: str, unit: Properties, invocation: Invocation) -> list[Entry]:
    activated = _activated(unit)
    return [
        ((address.encode("utf-8", "surrogateescape"), kind), (address, kind, name, activated))
        for kind, address in unit.get("Listen") or ()
    ]


# --- paths ---


def _path(name: str, unit: Properties, invocation: Invocation) -> list[Entry]:
    activated = _activated(unit)
    return [
        ((_by_parts(path), condition, name), (path, condition, name, activated))
        for condition, path in unit.get("Paths") or ()
    ]


def _by_parts(path: str) -> list[bytes]:
    """A path to sort by: as its parts are."""
    return [part for part in path.encode("utf-8", "surrogateescape").split(b"/") if part]


# --- automounts ---


def _automount(name: str, unit: Properties, invocation: Invocation) -> list[Entry]:
    where = unit.get("Where", "")
    mount = f"{escape_path(where)}.mount"
    wanted = ["What", "ActiveState"]
    found = invocation.manager_or_files().call("Show", names=[mount], properties=wanted)["units"][0]["properties"]
    mounted = found.get("ActiveState") == "active"
    return [((_by_parts(where), name), (found.get("What", ""), where, mounted, unit.get("TimeoutIdleUSec", 0), name))]


_LISTINGS = {
    "list-timers": Listing(
        "timer",
        ("next", "left", "last", "passed", "unit", "activates"),
        ("NextElapseUSecRealtime", "NextElapseUSecMonotonic", "LastTriggerUSec", "Triggers"),
        _timer,
        {"next": _moment, "left": _distance, "last": _moment, "passed": _distance},
    ),
    "list-sockets": Listing("socket", ("listen", _TYPE, "unit", "activates"), ("Listen", "Triggers"), _socket, {}),
    "list-paths": Listing("path", ("path", "condition", "unit", "activates"), ("Paths", "Triggers"), _path, {}),
    "list-automounts": Listing(
        "automount",
        ("what", "where", "mounted", "idle timeout", "unit"),
        ("Where", "TimeoutIdleUSec"),
        _automount,
        {
            "mounted": lambda value, _now: "yes" if value else "no",
            "idle timeout": lambda value, _now: format_time_span(value, _MILLISECOND),
        },
    ),
}

VERBS = {verb: _listing(verb) for verb in _LISTINGS}
