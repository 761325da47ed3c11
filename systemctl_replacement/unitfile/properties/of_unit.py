"""A unit's files as the raw properties of `systemctl show`: for the manager, and for clients that have none.

A directive's property has its typed value in the form that its kind requires (kinds.py). What only a running manager
knows is left out.
"""

from __future__ import annotations

from systemctl_replacement import exec_directories
from systemctl_replacement.defaults import NOFILE_HARD, NOFILE_SOFT
from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.not_applied import not_applied
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.properties import convert_resource as resource
from systemctl_replacement.unitfile.properties import derived as derived_properties
from systemctl_replacement.unitfile.properties import kinds as properties
from systemctl_replacement.unitfile.properties.convert import raw
from systemctl_replacement.unitfile.values import ResourceLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.unitfile.parsers.commands import ExecCommand

UNPRINTABLE = "Unprintable"
"""The key under which the properties are named that cannot be shown."""

_LIMIT_PREFIX = "Limit"


def of_file(unit: Unit, config: ManagerConfig) -> dict[str, Any]:
    """The properties that the unit's files set, and those that the manager's configuration decides."""
    kinds = {entry.name: entry.kind for entry in properties.of_type(unit.type)}
    found: dict[str, Any] = {
        "Id": unit.id,
        "Names": list(unit.names),
        "FragmentPath": unit.fragment_path,
        "SourcePath": unit.source_path,
        "DropInPaths": list(unit.dropin_paths),
        "LoadState": unit.load_state,
        "Description": unit.get("Unit", "Description") or unit.id,
        "LoadError": list(unit.load_error) if unit.load_error else ["", ""],
    }
    if "TasksMax" in kinds and unit.type != "slice":
        found["TasksMax"] = resource.default_tasks()
    if "Slice" in kinds:
        found["Slice"] = next(iter(unit.dependencies.get("Slice", ())), "")
    found.update(derived_properties.defaults(unit, config))
    for (section, name), value in unit.settings.items():
        directive = directives.lookup(section, name)
        if directive is None or not directive.property or value is None:
            continue
        kind = kinds.get(directive.property, "")
        if kind == "commands":
            _commands(directive.property, value, kinds, found)
        elif kind:
            try:
                found[directive.property] = raw(directive.property, kind, value)
            except Exception:  # a bug of ours costs this property only
                found.setdefault(UNPRINTABLE, []).append(directive.property)
    own = directives.TYPE_SECTIONS.get(unit.type, "")
    # Those that the unit states, and those of its directories.
    found["RequiresMountsFor"] = sorted(unit.dependencies.get("RequiresMountsFor", ()))
    for key in [kind.directive for kind in exec_directories.KINDS]:
        if f"{key}Symlink" in kinds:
            paths = unit.settings.get((own, key)) or ()
            found[f"{key}Symlink"] = [[path, link] for path, *links in paths for link in links]
    if "CanClean" in kinds and unit.load_state == "loaded":
        found["CanClean"] = [kind.word for kind in exec_directories.KINDS if unit.settings.get((own, kind.directive))]
        if unit.type == "timer" and unit.get("Timer", "Persistent"):
            found["CanClean"] = ["state"]
    derived_properties.complete(unit, found)
    _limits(unit, config, kinds, found)
    missing = not_applied(unit)
    if missing:
        found["NotApplied"] = missing
    for condition_group, name in (("Conditions", "Conditions"), ("Asserts", "Asserts")):
        entries: list[list[Any]] = []
        for condition in unit.get("Unit", condition_group):
            prefix = "Condition" if condition_group == "Conditions" else "Assert"
            entries.append([prefix + condition.kind, condition.trigger, condition.negate, condition.parameter, 0])
        if entries:
            found[name] = entries
    return found


def _commands(name: str, commands: tuple[ExecCommand, ...], kinds: dict[str, str], found: dict[str, Any]) -> None:
    """Commands as if they had not run; a manager that has run them overrides this."""
    found[name] = [command_entry(command) for command in commands]
    if f"{name}Ex" in kinds:
        found[f"{name}Ex"] = [
            {**entry, "flags": command_flags(command)} for entry, command in zip(found[name], commands)
        ]


def command_entry(command: ExecCommand) -> dict[str, Any]:
    """A command that has not run yet, as properties have it."""
    return {
        "path": command.path,
        "argv": list(command.argv),
        "ignore_errors": command.ignore_failure,
        "start_time": 0,
        "stop_time": 0,
        "pid": 0,
        "code": 0,
        "status": 0,
    }


def command_flags(command: ExecCommand) -> list[str]:
    """The prefixes of a command in words."""
    flags = []
    if command.ignore_failure:
        flags.append("ignore-failure")
    if command.no_environment:
        flags.append("no-env-expand")
    privileged = {"+": "privileged", "!": "no-setuid", "!!": "ambient"}.get(command.privileged)
    return [*flags, privileged] if privileged else flags


def _limits(unit: Unit, config: ManagerConfig, kinds: dict[str, str], found: dict[str, Any]) -> None:
    """Hard and soft limits: the unit's, else the manager's default, else those of this process."""
    from systemctl_replacement.syscalls import RLIMITS, get_limit

    own = directives.TYPE_SECTIONS.get(unit.type, "")
    for name in kinds:
        short = name[len(_LIMIT_PREFIX) :]
        if not name.startswith(_LIMIT_PREFIX) or short not in RLIMITS:
            continue
        limit = unit.settings.get((own, name)) or config.default_limits.get(short)
        if isinstance(limit, ResourceLimit):
            found[name], found[f"{name}Soft"] = limit.hard, limit.soft
        elif short == "NOFILE" and unit.derived:
            found[name], found[f"{name}Soft"] = NOFILE_HARD, NOFILE_SOFT
        else:
            found[f"{name}Soft"], found[name] = get_limit(short)
