"""The raw values of `systemctl show` for a unit that only a running manager knows.

Values from the unit's files are in unitfile/properties/of_unit.py; order, kinds and defaults in
unitfile/properties/kinds.py; of the manager itself in show_manager.py.
"""

from __future__ import annotations

import os

from systemctl_replacement import wire
from systemctl_replacement.manager.jobs.job_view import can_reload, can_start, can_stop, ignore_on_isolate
from systemctl_replacement.manager.registry import PERPETUAL, PULLS_IN
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.unitfile.loadpath import is_mask
from systemctl_replacement.units.states import INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.manager.manager import Manager

_DEPENDENCIES = (
    "Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds", "RequiredBy", "RequisiteOf", "WantedBy",
    "BoundBy", "UpheldBy", "ConsistsOf", "Conflicts", "ConflictedBy", "Before", "After", "OnSuccess", "OnSuccessOf",
    "OnFailure", "OnFailureOf", "Triggers", "TriggeredBy", "PropagatesReloadTo", "ReloadPropagatedFrom",
    "PropagatesStopTo", "StopPropagatedFrom", "JoinsNamespaceOf", "SliceOf",
)  # fmt: skip


def need_reload(unit: ManagedUnit) -> bool:
    """Whether a file of the unit was written since it was read (NeedDaemonReload). As for systemd, one that is older
    than what was read (a link in its place may lead to such) is no news."""
    for path, stamp in unit.file.stamps:
        try:
            status = os.stat(path)
        except OSError:
            return True
        was_mask = unit.file.load_state == "masked" and path == unit.file.fragment_path
        if not is_mask(status) if was_mask else status.st_mtime_ns > stamp:
            return True
    return False


def of_unit(manager: Manager, unit: ManagedUnit) -> dict[str, Any]:
    """The properties of a unit that may differ from their defaults."""
    # The tables behind it take a hundred kilobytes that many containers never need.
    from systemctl_replacement.unitfile.properties.of_unit import of_file

    properties: dict[str, Any] = of_file(unit.file, manager.config)
    properties.update(
        {
            "Id": unit.id,
            "Names": manager.registry.names(unit),
            "Description": unit.description,
            "LoadState": unit.file.load_state,
            "ActiveState": unit.active_state,
            "SubState": unit.sub_state,
            "CanStart": can_start(unit) and not unit.get("Unit", "RefuseManualStart"),
            "CanStop": can_stop(unit) and not unit.get("Unit", "RefuseManualStop"),
            "CanReload": can_reload(unit),
            "CanIsolate": bool(unit.get("Unit", "AllowIsolate")) and not unit.get("Unit", "RefuseManualStart"),
            "IgnoreOnIsolate": ignore_on_isolate(unit),
            "Job": unit.job.id if unit.job is not None else 0,
            "NeedDaemonReload": need_reload(unit),
            "ConditionResult": unit.condition_result,
            "AssertResult": unit.assert_result,
            "InvocationID": unit.invocation_id,
            "Perpetual": unit.id in PERPETUAL,
            "ControlGroup": _control_group(unit, properties.get("Slice", "")),
            **_tested(properties, "Conditions", unit.condition_results),
            **_tested(properties, "Asserts", unit.assert_results),
            "LoadError": list(unit.file.load_error) if unit.file.load_error else ["", ""],
        }
    )  # fmt: skip
    for kind in _DEPENDENCIES:
        properties[kind] = list(unit.related(kind))
    if unit.traits.holds_members:
        properties["CanFreeze"] = _can_freeze(manager, unit)
    stamp_file = unit.kind.stamp_file(unit.config)
    if stamp_file:
        properties["StampFile"] = stamp_file
    execution = manager.execution
    not_applied = [
        *execution.ignored_identity(unit), *execution.ignored_owners(unit), *properties.get("NotApplied", ())
    ]  # fmt: skip
    if not_applied:
        properties["NotApplied"] = not_applied
    if unit.skipped:
        properties["SkipReason"] = unit.skipped
        for kind in PULLS_IN:  # what it would pull in is not loaded
            properties[kind] = list(dict.fromkeys((*properties[kind], *unit.file.dependencies.get(kind, ()))))
    for name, stamp in unit.stamps.items():
        key = "StateChangeTimestamp" if name == "StateChange" else f"{name}Timestamp"
        properties[key], properties[f"{key}Monotonic"] = stamp
    if unit.traits.stores_descriptors:
        properties["NFileDescriptorStore"] = len(unit.fd_store) if unit.fd_store is not None else 0
    properties.update(unit.kind.properties(unit.file, unit.config, unit.state))
    triggered = manager.registry.find(properties["Unit"]) if properties.get("Unit") else None
    if triggered is not None:
        properties["Unit"] = triggered.id  # the file may have another of its names
    return properties


def answer(
    unit_type: str, properties: dict[str, Any], wanted: frozenset[str] | None, with_kinds: bool | None
) -> dict[str, Any]:
    """What is told of a unit (of the manager for the type ""): the properties that are wanted, and their kinds."""
    from systemctl_replacement.unitfile.properties.kinds import complete

    kinds = complete(unit_type, properties, wanted) if with_kinds else None
    if wanted is not None:
        properties = {name: value for name, value in properties.items() if name in wanted}
    found = {"properties": writable(properties)}
    return found if kinds is None else {**found, "kinds": kinds}


def writable(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties without those that have no JSON text, whose names are listed: only these are lost."""
    from systemctl_replacement.unitfile.properties.of_unit import UNPRINTABLE

    if _has_text(properties):
        return properties
    found = {name: value for name, value in properties.items() if _has_text(value)}
    found[UNPRINTABLE] = [*found.get(UNPRINTABLE, ()), *(name for name in properties if name not in found)]
    return found


def _has_text(value: Any) -> bool:
    try:
        wire.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _can_freeze(manager: Manager, unit: ManagedUnit) -> bool:
    """CanFreeze: of a unit that holds others, whether all of these can be frozen."""
    if not unit.traits.holds_members:
        return unit.traits.freezable
    return all(_can_freeze(manager, manager.registry[name]) for name in unit.related("SliceOf"))


def _control_group(unit: ManagedUnit, parent: str) -> str:
    """The control group that systemd would have made for a unit that is up (docs/differences.md)."""
    if unit.active_state in INACTIVE_OR_FAILED:
        return ""
    return unit.kind.control_group(unit.id, parent)


def _tested(properties: dict[str, Any], name: str, results: tuple[int, ...]) -> dict[str, Any]:
    """Conditions or Asserts, each with its result when it was last tested."""
    entries = properties.get(name)
    if not entries:
        return {}
    padded = [*results, *[0] * (len(entries) - len(results))]
    return {name: [[*entry[:4], result] for entry, result in zip(entries, padded)]}


def dump(manager: Manager) -> list[str]:
    """The manager's state as lines of text, for SIGUSR2."""
    lines = [f"State: {manager.system_state()}, {len(manager.jobs.jobs)} jobs"]
    for job in manager.jobs.jobs.values():
        lines.append(f"Job {job.id}: {job.unit}/{job.type} {job.state}")
    for unit in manager.registry:
        if unit.tracking is not None or unit.active_state != "inactive":
            supervisor = unit.tracking.supervisor if unit.tracking is not None else 0
            lines.append(f"{unit.id}: {unit.active_state} ({unit.sub_state}), supervisor {supervisor}")
    return lines
