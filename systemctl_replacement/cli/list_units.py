"""list-units: the units that the manager has loaded."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import Invocation
from systemctl_replacement.cli.names import check_utf8, is_shown, matching
from systemctl_replacement.cli.terminal import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options

_LEGEND = (
    "LOAD   = Reflects whether the unit definition was properly loaded.",
    "ACTIVE = The high-level unit activation state, i.e. generalization of SUB.",
    "SUB    = The low-level unit activation state, values depend on unit type.",
)
_DESCRIPTION_AT_LEAST = 20


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
    legend = options.legend and not options.quiet
    if not units and not legend:
        return
    with_jobs = any(unit["job_id"] for unit in units)
    head = ["UNIT", "LOAD", "ACTIVE", "SUB", *(["JOB"] if with_jobs else []), "DESCRIPTION"]
    rows = [_row(unit, with_jobs) for unit in units]
    measured = [head, *rows] if legend else rows
    widths = [max(len(row[column]) for row in measured) for column in range(len(head) - 1)]
    fit = _fitted(rows, widths, options, terminal)
    if legend:
        invocation.out(("" if options.plain else "  ") + fit(head))
    for unit, row in zip(units, rows):
        invocation.out(_circle(unit, options, terminal) + fit(row))


def _row(unit: dict[str, Any], with_jobs: bool) -> list[str]:
    job = [unit["job_type"] if unit["job_id"] else ""] if with_jobs else []
    return [
        unit["id"],
        unit["load_state"],
        unit["active_state"],
        unit["sub_state"],
        *job,
        unit["description"],
    ]


def _fitted(rows: list[list[str]], widths: list[int], options: Options, terminal: Terminal) -> Any:
    """Turns a row into a line: pads the columns, and on a terminal cuts names and descriptions to its width."""
    description = 0
    if terminal.cuts and not options.full:
        available = terminal.columns - (0 if options.plain else 2) - len(widths)
        others = sum(widths[1:])
        longest = max((len(row[-1]) for row in rows), default=0)
        description = max(min(longest, _DESCRIPTION_AT_LEAST), available - others - widths[0])
        widths[0] = max(min(widths[0], available - others - description), 8)

    def fit(row: list[str]) -> str:
        cells = [f"{cell:<{width}}" for cell, width in zip(row[1:], widths[1:])]
        name = terminal.ellipsized(row[0], widths[0])
        last = terminal.ellipsized_end(row[-1], description) if description else row[-1]
        return " ".join([f"{name:<{widths[0]}}", *cells, last]).rstrip()

    return fit


def _circle(unit: dict[str, Any], options: Options, terminal: Terminal) -> str:
    if options.plain:
        return ""
    bad = unit["active_state"] == "failed" or unit["load_state"] not in ("loaded", "stub", "merged")
    if not bad:
        return "  "
    return terminal.colored(terminal.glyph("active"), "red") + " "


def _print_legend(units: list[dict[str, Any]], options: Options, invocation: Invocation, terminal: Terminal) -> None:
    if units:
        invocation.out("")
        for line in _LEGEND:
            invocation.out(line)
        if any(unit["job_id"] for unit in units):
            invocation.out("JOB    = Pending job for the unit.\n")
    count = terminal.colored(f"{len(units)} loaded units listed.", "" if units else "red")
    if options.all:
        invocation.out(f"{count}\nTo show all installed unit files use 'systemctl list-unit-files'.")
    elif options.states:
        invocation.out(count)
    else:
        invocation.out(
            f"{count} Pass --all to see loaded but inactive units, too.\n"
            "To show all installed unit files use 'systemctl list-unit-files'."
        )


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
