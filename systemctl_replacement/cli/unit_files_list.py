"""The verbs that only look at unit files: is-enabled, list-unit-files, get-default."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import Context, Failure
from systemctl_replacement.cli.names import for_bus
from systemctl_replacement.cli.unit_files_common import new_plan, report_problems, unit_names
from systemctl_replacement.cli.unit_files_sysv import synchronize
from systemctl_replacement.enablement import plans
from systemctl_replacement.enablement.changes import InstallFailed, unlinked
from systemctl_replacement.enablement.enablement_state import ENABLED_STATES, StateReader, UnitFile
from systemctl_replacement.enablement.lookup import Plan
from systemctl_replacement.unitfile.patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.cli.option_table import Options

# States in which presets have no say.
_NO_PRESET = frozenset(("alias", "static", "generated", "transient"))


def run_is_enabled(arguments: list[str], options: Options, context: Context) -> int:
    """`is-enabled`: 0 if any of the units is enabled, statically too; with --full also the links that enable it.

    Those are a manager's to tell: below a root, and without one, systemctl says nothing of them.
    """
    names = unit_names(arguments, "to check", options, context)
    plan = new_plan(options, context)
    enabled = synchronize("is-enabled", names, options, context, plan)
    reader = StateReader(plan)
    for name in names:
        state = ""
        try:
            state = reader.state(name)
        except InstallFailed as failure:
            raise Failure(f"Failed to get unit file state for {name}: {failure}") from None
        finally:
            _report(plan, options, context)
        enabled = enabled or state in ENABLED_STATES
        if not options.quiet:
            context.out(state)
            if options.full and not options.root and context.manager() is not None:
                _show_links(name, options, context)
    return 0 if enabled else 1


def _report(plan: Plan, options: Options, context: Context) -> None:
    """Print the problems of the files, unless a running manager has done so in its log."""
    if options.root or context.manager() is None:
        report_problems(plan.problems, context)
    plan.problems.clear()


def _show_links(name: str, options: Options, context: Context) -> None:
    """The links that `disable` would remove."""
    for path in unlinked(plans.disable(new_plan(options, context), [name], runtime=options.runtime).changes):
        context.out(f"  {path}")


def run_list_unit_files(arguments: list[str], options: Options, context: Context) -> int:
    """`list-unit-files [PATTERN…]`: 1 if there is nothing to list."""
    if not options.root and context.manager() is not None:
        for_bus([*arguments, *options.states])
    plan = new_plan(options, context)
    reader = StateReader(plan)
    files = [file for file in reader.files(_filter(arguments)) if _is_wanted(file, options)]
    files.sort(key=_order)
    _report(plan, options, context)
    rows = []
    for file in files:
        preset = "-" if file.state in _NO_PRESET else reader.preset(file.name)
        rows.append((file.name, file.state, preset))
    report_problems(plan.problems, context)  # systemctl itself reads presets
    context.page()
    if options.output.startswith("json"):
        _print_json(rows, options, context)
    else:
        _print_table(rows, context, legend=options.legend and not options.quiet)
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


def _print_table(rows: list[tuple[str, str, str]], context: Context, *, legend: bool) -> None:
    head = [("UNIT FILE", "STATE", "PRESET")] if legend else []
    first = max((len(row[0]) for row in head + rows), default=0)
    second = max((len(row[1]) for row in head + rows), default=0)
    for name, state, preset in head + rows:
        context.out(f"{name:<{first}} {state:<{second}} {preset}")
    context.table_printed()
    if legend:
        context.out(f"\n{len(rows)} unit files listed.")


def _print_json(rows: list[tuple[str, str, str]], options: Options, context: Context) -> None:
    from systemctl_replacement.cli.json_text import json_text

    listed = [
        {"unit_file": name, "state": state, "preset": None if preset == "-" else preset} for name, state, preset in rows
    ]
    context.out(json_text(listed, options.output))
    context.table_printed()


def run_get_default(arguments: list[str], options: Options, context: Context) -> int:
    """`get-default`: the name of the unit that default.target stands for."""
    context.out(default_target(options, context))
    return 0


def default_target(options: Options, context: Context) -> str:
    """The name of the unit that default.target stands for. Raises Failure."""
    plan = new_plan(options, context)
    try:
        return plans.get_default(plan)
    except InstallFailed as failure:
        raise Failure(f"Failed to get default target: {failure}") from None
    finally:
        _report(plan, options, context)
