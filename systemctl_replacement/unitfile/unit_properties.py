"""What a unit's files say, as the properties of `systemctl show`, raw: for the manager, and for a client without one.

A property that a directive stands behind has the directive's typed value, brought into the form its kind asks for
(properties.KINDS). Everything that only a running manager knows is left out.
"""

from __future__ import annotations

from systemctl_replacement.unitfile import directives, honoured, properties
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.property_values import raw
from systemctl_replacement.unitfile.values import ResourceLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.manager_config import ManagerConfig

_LIMIT_PREFIX = "Limit"
_NOFILE_SOFT, _NOFILE_HARD = 1024, 524288
_TASKS_LIMIT = 4194304  # the kernel's own, for 64 bits

# Words of `systemctl clean --what=` and the directories they stand for.
_CLEANABLE = (
    ("runtime", "RuntimeDirectory"),
    ("state", "StateDirectory"),
    ("cache", "CacheDirectory"),
    ("logs", "LogsDirectory"),
    ("configuration", "ConfigurationDirectory"),
)

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
    if "TasksMax" in kinds and unit.type != "slice":
        found["TasksMax"] = default_tasks()
    if unit.load_state != "loaded":
        _limits(unit, config, kinds, found)
        return found
    if "Slice" in kinds:
        found["Slice"] = next(iter(unit.dependencies.get("Slice", ())), "")
    for (section, name), value in unit.settings.items():
        directive = directives.lookup(section, name)
        if directive is None or not directive.property or value is None:
            continue
        kind = kinds.get(directive.property, "")
        if kind and kind not in _SKIPPED_KINDS:
            found[directive.property] = raw(directive.property, kind, value)
    own = directives.TYPE_SECTIONS.get(unit.type, "")
    # What the unit asks for, and what its directories need.
    found["RequiresMountsFor"] = sorted(unit.dependencies.get("RequiresMountsFor", ()))
    for _, key in _CLEANABLE:
        directories = unit.settings.get((own, key))
        if directories:
            found[key] = list(dict.fromkeys(entry[0] for entry in directories))
            if f"{key}Symlink" in kinds:
                found[f"{key}Symlink"] = _symlinks(found[key], directories)
    if "CanClean" in kinds:
        found["CanClean"] = [word for word, key in _CLEANABLE if unit.settings.get((own, key))]
    rooted = any(unit.settings.get((own, key)) for key in ("RootDirectory", "RootImage"))
    if rooted and unit.settings.get((own, "MountAPIVFS")) is None:
        found["MountAPIVFS"] = True
    _limits(unit, config, kinds, found)
    missing = honoured.not_applied(unit)
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


def _symlinks(directories: list[str], entries: Any) -> list[list[str]]:
    """The links to directories, (directory, link), in the order of the directories."""
    return [[path, entry[1]] for path in directories for entry in entries if entry[0] == path and len(entry) > 1]


def _limits(unit: Unit, config: ManagerConfig, kinds: dict[str, str], found: dict[str, Any]) -> None:
    """Limit*= and their soft halves: the unit's, else the manager's default, else what this process has itself."""
    from systemctl_replacement.syscalls import RLIMITS, get_limit

    own = directives.TYPE_SECTIONS.get(unit.type, "")
    for name in kinds:
        short = name[len(_LIMIT_PREFIX) :]
        if not name.startswith(_LIMIT_PREFIX) or short not in RLIMITS:
            continue
        limit = unit.settings.get((own, name)) or config.default_limits.get(short)
        if isinstance(limit, ResourceLimit):
            found[name], found[f"{name}Soft"] = limit.hard, limit.soft
        elif short == "NOFILE" and unit.load_state == "loaded":
            found[name], found[f"{name}Soft"] = _NOFILE_HARD, _NOFILE_SOFT
        else:
            found[f"{name}Soft"], found[name] = get_limit(short)


def default_tasks() -> int:
    """DefaultTasksMax=: 15% of what the kernel allows in all (systemd-system.conf(5))."""
    allowed = [_TASKS_LIMIT]
    for path in ("/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"):
        try:
            with open(path, encoding="ascii") as file:
                allowed.append(int(file.read()))
        except (OSError, ValueError):
            continue
    return min(allowed) * 15 // 100
