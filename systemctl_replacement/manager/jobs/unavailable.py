"""Why a job failed if it needs a unit of a type that is not built yet (unitfile/not_built.py)."""

from __future__ import annotations

from systemctl_replacement.jobs.model import DEPENDENCY, UNSUPPORTED
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.unitfile import not_built
from systemctl_replacement.units.states import INACTIVE_OR_FAILED

_NEEDS = ("Requires", "BindsTo", "Requisite")


def explain(registry: Registry, unit: ManagedUnit, result: str) -> str:
    """What to add to the result of a start job: "" unless the reason is a type that is not built yet."""
    if result == UNSUPPORTED:
        return not_built.reason(unit.type)
    if result == DEPENDENCY:
        return "; ".join(f"{name} cannot be started: {reason}" for name, reason in _missing(registry, unit))
    return ""


def _missing(registry: Registry, unit: ManagedUnit) -> list[tuple[str, str]]:
    """The units of types not built yet that a unit needs, directly or not, each with the reason."""
    found = []
    seen = {unit.id}
    pending = [unit]
    while pending:
        for kind in _NEEDS:
            for name in pending[-1].related(kind):
                other = registry.find(name)
                if other is None or name in seen or other.active_state not in INACTIVE_OR_FAILED:
                    continue
                seen.add(name)
                pending.insert(0, other)
                reason = not_built.reason(other.type)
                if reason and not other.skipped:
                    found.append((name, reason))
        pending.pop()
    return found
