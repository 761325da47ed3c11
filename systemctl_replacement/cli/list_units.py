"""list-units: the units that the manager has loaded."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import Invocation
from systemctl_replacement.cli.names import check_utf8, is_shown, matching
from systemctl_replacement.cli.table import Cell, ends_of_types, table_lines
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options

_LEGEND = (
    "LOAD   = Reflects whether the unit definition was properly loaded.",
    "ACTIVE = The high-level unit activation state, i.e. generalization of SUB.",
    "SUB    = The low-level unit activation state, values depend on unit type.",
)
_NOT_LOADED = ("error", "not-found", "bad-setting", "masked")


def list_units(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print a table of units."""
    units = selected_units(words, options, invocation)
    invocation.page()
    terminal = invocation.terminal
    if options.output.startswith("json"):
        _print_json(units, options, invocation)
    else:
        _print_table(units, options, invocation, terminal)
    invocation.table_printed()
    if options.legend and not options.quiet:
        _print_legend(units, options, invocation, terminal)
    return 0


def selected_units(words: list[str], options: Options, invocation: Invocation) -> list[dict[str, Any]]:
    """The units that patterns and options choose, in systemd's order."""
    check_utf8([*words, *options.states])
    units: list[dict[str, Any]] = invocation.manager_or_files().call("Units", patterns=[])["units"]
    if words:
        chosen = set(matching(words, units))
        if options.with_dependencies:
            chosen = _with_dependencies(chosen, invocation)
        units = [unit for unit in units if unit["id"] in chosen]
    return sorted((unit for unit in units if is_shown(unit, options)), key=_order)


def _with_dependencies(names: set[str], invocation: Invocation) -> set[str]:
    from systemctl_replacement.cli.list_dependencies import FORWARD

    found = set(names)
    for unit in invocation.manager_or_files().call("Show", names=sorted(names), properties=list(FORWARD))["units"]:
        for kind in FORWARD:
            found.update(unit["properties"].get(kind) or ())
    return found


def _order(unit: dict[str, Any]) -> tuple[str, str]:
    name = unit["id"].lower()
    return name.rpartition(".")[2], name


def _print_table(units: list[dict[str, Any]], options: Options, invocation: Invocation, terminal: Terminal) -> None:
    with_jobs = any(unit["job_id"] for unit in units)
    head = [" ", "UNIT", "LOAD", "ACTIVE", "SUB", *(["JOB"] if with_jobs else []), "DESCRIPTION"]
    rows = [
        _row(unit, with_jobs=with_jobs, last=last, plain=options.plain, terminal=terminal)
        for unit, last in zip(units, ends_of_types([unit["id"] for unit in units]))
    ]
    first = 1 if options.plain else 0  # the column of the bullets
    lines = table_lines(
        head[first:],
        [row[first:] for row in rows],
        terminal,
        legend=options.legend and not options.quiet,
        cuts=terminal.cuts and not options.full,
    )
    for line in lines:
        invocation.out(line)


def _row(unit: dict[str, Any], *, with_jobs: bool, last: bool, plain: bool, terminal: Terminal) -> list[Cell]:
    """The cells of a unit. last: of its type; such a row is underlined, but for what is coloured otherwise."""
    calm = Cell("", underlined=last)
    bullet = name = load = active = calm
    if unit["load_state"] in _NOT_LOADED and not plain:
        bullet = Cell(terminal.glyph("active"), "yellow", last)
        load = Cell("", "red", last)
        name = active = Cell("")
    elif unit["active_state"] == "failed" and not plain:
        bullet = Cell(terminal.glyph("active"), "red", last)
        name = active = Cell("", "red", last)
        load = Cell("")
    return [
        replace(bullet, text=bullet.text or " "),
        replace(name, text=unit["id"]),
        replace(load, text=unit["load_state"]),
        replace(active, text=unit["active_state"]),
        replace(active, text=unit["sub_state"]),
        *([replace(calm, text=unit["job_type"] if unit["job_id"] else "")] if with_jobs else []),
        replace(calm, text=unit["description"]),
    ]


def _print_legend(units: list[dict[str, Any]], options: Options, invocation: Invocation, terminal: Terminal) -> None:
    if units:
        invocation.out("")
        for line in _LEGEND:
            invocation.out(line)
        if any(unit["job_id"] for unit in units):
            invocation.out("JOB    = Pending job for the unit.\n")
    if options.states and not options.all and "inactive" not in options.states:
        invocation.out(f"{len(units)} loaded units listed.")
        return
    count = terminal.colored(f"{len(units)} loaded units listed.", "bold" if units else "red")
    if not (options.all or options.states):
        count += " " + terminal.colored("Pass --all to see loaded but inactive units, too.", "grey")
    invocation.out(count)
    invocation.out(terminal.colored("To show all installed unit files use 'systemctl list-unit-files'.", "grey"))


def _print_json(units: list[dict[str, Any]], options: Options, invocation: Invocation) -> None:
    from systemctl_replacement.cli.json_text import json_text

    with_jobs = any(unit["job_id"] for unit in units)
    rows = [
        {
            "unit": unit["id"],
            "load": unit["load_state"],
            "active": unit["active_state"],
            "sub": unit["sub_state"],
            **({"job": unit["job_type"] if unit["job_id"] else None} if with_jobs else {}),
            "description": unit["description"],
        }
        for unit in units
    ]
    invocation.out(json_text(rows, options.output))


VERBS = {"list-units": list_units}
