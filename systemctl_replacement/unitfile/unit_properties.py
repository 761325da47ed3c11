"""What a unit's files say, as the properties of `systemctl show`, raw: for the manager, and for a client without one.

A property that a directive stands behind has the directive's typed value, brought into the form its kind asks for
(properties.KINDS). Everything that only a running manager knows is left out.
"""

from __future__ import annotations

from systemctl_replacement.unitfile import directives, properties
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.values import ResourceLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from systemctl_replacement.unitfile.manager_config import ManagerConfig

_LIMIT_PREFIX = "Limit"


def _plain(value: Any) -> Any:
    """Tuples as lists, sets as sorted lists; anything else as it is."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return value


def _statuses(value: Any) -> Any:
    return [sorted(value.statuses), sorted(value.signals)]


def _files(value: Any) -> Any:
    return [[path, ignore] for ignore, path in value]


def _paths(value: Any) -> Any:
    return [entry[0] if isinstance(entry, tuple) else entry for entry in value]


_BY_KIND: dict[str, Callable[[Any], Any]] = {"exit-statuses": _statuses, "environment-files": _files}

# Properties whose values the machines and the manager know better than the file does.
_SKIPPED_KINDS = frozenset(("commands", "commands-ex"))


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
    if unit.load_state != "loaded":
        return found
    for (section, name), value in unit.settings.items():
        directive = directives.lookup(section, name)
        if directive is None or not directive.property or value is None:
            continue
        kind = kinds.get(directive.property, "")
        if kind and kind not in _SKIPPED_KINDS:
            found[directive.property] = _raw(kind, value)
    _limits(unit, config, kinds, found)
    for condition_group, name in (("Conditions", "Conditions"), ("Asserts", "Asserts")):
        entries: list[list[Any]] = []
        for condition in unit.get("Unit", condition_group):
            prefix = "Condition" if condition_group == "Conditions" else "Assert"
            entries.append([prefix + condition.kind, condition.trigger, condition.negate, condition.parameter, 0])
        if entries:
            found[name] = entries
    return found


def _raw(kind: str, value: Any) -> Any:
    convert = _BY_KIND.get(kind)
    if convert is not None:
        return convert(value)
    if kind == "strings" and value and isinstance(value, (tuple, list)) and isinstance(value[0], tuple):
        return _paths(value)
    if kind == "string" and isinstance(value, tuple):
        return "".join(("!" if value[0] else "", str(value[1]))) if len(value) == 2 else " ".join(map(str, value))
    return _plain(value)


def _limits(unit: Unit, config: ManagerConfig, kinds: dict[str, str], found: dict[str, Any]) -> None:
    """Limit*= and the soft halves of each: from the unit, else from the manager's configuration."""
    own = directives.TYPE_SECTIONS.get(unit.type)
    for name in kinds:
        if not name.startswith(_LIMIT_PREFIX) or name.endswith("Soft") or own is None:
            continue
        limit = unit.settings.get((own, name)) or config.default_limits.get(name[len(_LIMIT_PREFIX) :])
        if isinstance(limit, ResourceLimit):
            found[name], found[f"{name}Soft"] = limit.hard, limit.soft
        elif name == "LimitNOFILE":
            found[name], found[f"{name}Soft"] = 524288, 1024

