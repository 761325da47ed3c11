"""What the unit file verbs share: names from the command line, the directories that options choose, warnings."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.option_table import Options
from systemctl_replacement.enablement.directories import global_directories, system_directories
from systemctl_replacement.enablement.lookup import Planner
from systemctl_replacement.log_levels import LOG_INFO
from systemctl_replacement.paths import shipped_units
from systemctl_replacement.unitfile.names import is_glob, mangle, simplify_path, valid_unit_name
from systemctl_replacement.unitfile.syntax import Problem


def new_planner(options: Options, invocation: Invocation) -> Planner:
    """A planner for the root and the unit directories that the options choose."""
    if options.scope == "user":
        raise CommandError("Failed to connect to bus: No medium found")
    if options.scope == "global":
        directories = global_directories()
    else:
        directories = system_directories(invocation.paths.unit_path(), invocation.paths.root, shipped_units())
    return Planner(directories, invocation.paths.root)


def unit_names(arguments: list[str], use: str, options: Options, invocation: Invocation) -> list[str]:
    """Turn arguments into unit names, such as `foo` into `foo.service`. Paths are made absolute and kept.

    `use` says what for, in the words of a message: "to enable". Raises CommandError.
    """
    names = []
    for argument in arguments:
        if "/" in argument:
            names.append(simplify_path(os.path.join(os.getcwd(), argument)))
        else:
            try:
                names.append(unit_name(argument, ".service", use, options, invocation))
            except CommandError:
                raise CommandError(f"Failed to mangle unit name or path '{argument}': Invalid argument") from None
    return names


def unit_name(argument: str, suffix: str, use: str, options: Options, invocation: Invocation) -> str:
    """Turn one argument into a unit name, with a warning if characters had to be escaped. Raises CommandError."""
    glob = is_glob(argument)
    try:
        name = mangle(argument, suffix)
    except ValueError:
        raise CommandError("Failed to mangle unit name: Invalid argument") from None
    escaped = not valid_unit_name(argument) and "\\x" in name and "\\x" not in argument
    if escaped and not options.quiet:
        if glob:
            invocation.err(f"Glob pattern passed {use}, but globs are not supported for this.")
        hint = "" if glob else " (maybe you should use systemd-escape?)"
        invocation.err(
            f'Invalid unit name "{argument}" escaped as "{name_before_suffix(name, argument, suffix)}"{hint}.'
        )
    return name


def name_before_suffix(name: str, argument: str, suffix: str) -> str:
    """The escaped name without the suffix that was added."""
    return name if argument.endswith(suffix) or not name.endswith(suffix) else name[: -len(suffix)]


def report_problems(problems: list[Problem], invocation: Invocation) -> None:
    """Print the problems that systemd would print, and clear the list: a plan is reported in parts."""
    for problem in problems:
        if problem.level <= LOG_INFO:
            invocation.err(str(problem))
    problems.clear()
