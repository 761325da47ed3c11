"""The verbs that only read unit files: is-enabled, list-unit-files, get-default."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import check_utf8
from systemctl_replacement.cli.table import Cell, ends_of_types, table_lines
from systemctl_replacement.cli.unit_files_common import new_planner, report_problems, unit_names
from systemctl_replacement.cli.unit_files_sysv import synchronize
from systemctl_replacement.enablement import plans
from systemctl_replacement.enablement.changes import InstallError, unlinked
from systemctl_replacement.enablement.enablement_state import ENABLED_STATES, WITHOUT_PRESET, StateReader, UnitFile
from systemctl_replacement.enablement.lookup import Planner
from systemctl_replacement.unitfile.patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.cli.option_table import Options


_COLORS = {
    **dict.fromkeys(("enabled", "alias"), "green"),
    **dict.fromkeys(("disabled", "masked", "masked-runtime", "bad"), "red"),
}
_PRESET_COLORS = {"enabled": "green", "disabled": "red"}


def run_is_enabled(arguments: list[str], options: Options, invocation: Invocation) -> int:
    """`is-enabled`: 0 if any of the units is enabled, including statically.

    With --full it also prints the links that enable a unit. systemctl asks the manager for them, so below a root and
    without a manager it prints none.
    """
    names = unit_names(arguments, "to check", options, invocation)
    planner = new_planner(options, invocation)
    enabled = synchronize("is-enabled", names, options, invocation, planner)
    reader = StateReader(planner)
    for name in names:
        state = ""
        try:
            state = reader.state(name)
        except InstallError as failure:
            raise CommandError(f"Failed to get unit file state for {name}: {failure}") from None
        finally:
            _report(planner, options, invocation)
        enabled = enabled or state in ENABLED_STATES
        if not options.quiet:
            invocation.out(state)
            if options.full and not options.root and invocation.manager() is not None:
                _show_links(name, options, invocation)
    return 0 if enabled else 1


def _report(planner: Planner, options: Options, invocation: Invocation) -> None:
    """Print the problems of the files, unless a running manager has logged them."""
    if options.root or invocation.manager() is None:
        report_problems(planner.problems, invocation)
    planner.problems.clear()


def _show_links(name: str, options: Options, invocation: Invocation) -> None:
    """The links that `disable` would remove."""
    for path in unlinked(plans.disable(new_planner(options, invocation), [name], runtime=options.runtime).changes):
        invocation.out(f"  {path}")


def run_list_unit_files(arguments: list[str], options: Options, invocation: Invocation) -> int:
    """`list-unit-files [PATTERN…]`: 1 if there is nothing to list."""
    if not options.root and invocation.manager() is not None:
        check_utf8([*arguments, *options.states])
    planner = new_planner(options, invocation)
    reader = StateReader(planner)
    files = [file for file in reader.files(_filter(arguments)) if _is_wanted(file, options)]
    files.sort(key=_order)
    _report(planner, options, invocation)
    rows = []
    for file in files:
        preset = "-" if file.state in WITHOUT_PRESET else reader.preset(file.name)
        rows.append((file.name, file.state, preset))
    report_problems(planner.problems, invocation)  # presets are read by systemctl itself
    invocation.page()
    if options.output.startswith("json"):
        _print_json(rows, options, invocation)
    else:
        _print_table(rows, options, invocation, legend=options.legend and not options.quiet)
    return 0 if rows else 1


def _is_wanted(file: UnitFile, options: Options) -> bool:
    if options.types and file.name.rpartition(".")[2] not in options.types:
        return False
    return not options.states or file.state in options.states


def _filter(patterns: list[str]) -> Callable[[str], bool]:
    def wanted(name: str) -> bool:
        return not patterns or any(matches(name, pattern) for pattern in patterns)

    return wanted


def _order(file: UnitFile) -> tuple[str, str]:
    name = file.name.lower()
    return name.rpartition(".")[2], name


def _print_table(rows: list[tuple[str, str, str]], options: Options, invocation: Invocation, *, legend: bool) -> None:
    cells = [
        [
            Cell(name, underlined=last),
            Cell(state, _COLORS.get(state, ""), last),
            Cell(preset, _PRESET_COLORS.get(preset, "grey"), last),
        ]
        for (name, state, preset), last in zip(rows, ends_of_types([row[0] for row in rows]))
    ]
    terminal = invocation.terminal
    for line in table_lines(
        ("UNIT FILE", "STATE", "PRESET"), cells, terminal, legend=legend, cuts=terminal.cuts and not options.full
    ):
        invocation.out(line)
    invocation.table_printed()
    if legend:
        invocation.out(f"\n{len(rows)} unit files listed.")


def _print_json(rows: list[tuple[str, str, str]], options: Options, invocation: Invocation) -> None:
    from systemctl_replacement.cli.json_text import json_text

    listed = [
        {"unit_file": name, "state": state, "preset": None if preset == "-" else preset} for name, state, preset in rows
    ]
    invocation.out(json_text(listed, options.output))
    invocation.table_printed()


def run_get_default(arguments: list[str], options: Options, invocation: Invocation) -> int:
    """`get-default`: the name of the unit that default.target stands for."""
    invocation.out(default_target(options, invocation))
    return 0


def default_target(options: Options, invocation: Invocation) -> str:
    """The name of the unit that default.target stands for. Raises CommandError."""
    planner = new_planner(options, invocation)
    try:
        return plans.get_default(planner)
    except InstallError as failure:
        raise CommandError(f"Failed to get default target: {failure}") from None
    finally:
        _report(planner, options, invocation)
