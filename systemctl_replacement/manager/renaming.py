"""Units become other units: what is kept by a unit's id follows it when its file has become a link to another one.

Who takes which name is decided by :mod:`.aliases`; here it is done: to a manager when it reloads (`follow`), and to the
state of one that went before (`follow_in`). Nothing else gives a unit another id.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import NOP, WAITING
from systemctl_replacement.manager.aliases import DOWN, ON, RUNNING, Claim, Names, settle
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.units.states import INACTIVE_OR_FAILED
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

LOG_NOTICE, LOG_WARNING = 5, 4

# The sub-states of units that are down, of whatever type.
_DOWN = ("dead", "failed")


def follow(manager: Manager, canonical: Callable[[str], str]) -> None:
    """Give the units of a manager the ids that their files have now (`canonical` of the name). To be followed by the
    registry's reload, which reads the files."""
    registry = manager.registry
    names = settle(Claim(unit.id, canonical(unit.id), _weight(unit)) for unit in registry.needed())
    for old, heir in names.given_up.items():
        _give_up(manager, registry[old], registry[heir])
    for old, new in names.renamed.items():
        _rename(manager, registry[old], new)
    registry.apart = names.apart
    _say(manager, names)


def _weight(unit: ManagedUnit) -> int:
    if unit.tracking is not None and not unit.tracking.releasing:
        return RUNNING
    if unit.active_state in INACTIVE_OR_FAILED:
        return DOWN
    return RUNNING if unit.traits.runs_processes else ON


def _give_up(manager: Manager, unit: ManagedUnit, heir: ManagedUnit) -> None:
    manager.jobs.hand_over(unit, heir)
    manager.processes.forget(unit.id)
    if unit.fd_store is not None:
        unit.fd_store.clear()
    if unit.ports is not None:
        unit.ports.close()
    manager.registry.forget(unit)


def _rename(manager: Manager, unit: ManagedUnit, new: str) -> None:
    old = unit.id
    manager.registry.rename(unit, new)
    manager.jobs.rename(old, new)
    manager.processes.rename(old, new)
    manager.leftovers.rename(old, new)


def _say(manager: Manager, names: Names) -> None:
    for old, new in names.renamed.items():
        manager.log_unit(new, LOG_NOTICE, f"Unit {old} is this one from now on.")
    for unit, name in names.apart.items():
        text = f"Unit is another name of {name} now, and both run: it keeps a state of its own until it has stopped."
        manager.log_unit(unit, LOG_WARNING, text)


# --- in the state of the manager before ---------------------------------------------------------------------------


def follow_in(manager: Manager, state: dict[str, Any], canonical: Callable[[str], str]) -> bool:
    """Do the same to the state of a re-execution that a manager is about to restore; whether anything of it is left
    out, with descriptors of its own."""
    trackings, jobs = _named(state["trackings"], "unit"), _named(state["jobs"], "unit")
    tracked = {saved["unit"] for saved in trackings if not saved.get("releasing")}
    busy = {saved["unit"] for saved in (*trackings, *jobs)}
    claims, idle = [], []
    for saved in _named(state["units"], "id"):
        name, sub = canonical(saved["id"]), _saved_sub(saved)
        if sub == "dead" and saved["id"] not in busy:
            idle.append((saved["id"], name))
        else:
            claims.append(Claim(saved["id"], name, _saved_weight(saved, sub, tracked)))
    names = settle(claims)
    manager.registry.apart = names.apart
    # A unit that nothing is kept of is read anew if it is another one now, or another one is called like it.
    gone = {unit for unit, name in idle if unit != name or name in names.renamed.values()}.union(names.given_up)
    heirs = {**dict.fromkeys(gone, ""), **names.given_up}
    _hand_over_in(jobs, heirs)
    for saved in trackings:
        saved.setdefault("known_as", saved["unit"])
    for key, field in (("units", "id"), ("trackings", "unit"), ("jobs", "unit")):
        for saved in _named(state[key], field):
            if saved[field] in gone:
                state[key].remove(saved)
            saved[field] = names.renamed.get(saved[field], saved[field])
    state["asked_for"] = [names.renamed.get(unit, unit) for unit in state.get("asked_for", ())]
    for old, new in names.renamed.items():
        manager.leftovers.rename(old, new)
    _say(manager, names)
    return bool(gone)


def _named(entries: list[Any], field: str) -> list[dict[str, Any]]:
    """Those that say which unit they are of. (What is wrong with others is said when they are restored.)"""
    return [saved for saved in entries if isinstance(saved, dict) and isinstance(saved.get(field), str)]


def _saved_sub(saved: dict[str, Any]) -> str:
    state = saved.get("state")
    return str(state.get("sub")) if isinstance(state, dict) else ""


def _saved_weight(saved: dict[str, Any], sub: str, tracked: set[str]) -> int:
    if saved["id"] in tracked:
        return RUNNING
    if sub in _DOWN:
        return DOWN
    return RUNNING if traits_of(saved["id"]).runs_processes else ON


def _hand_over_in(jobs: list[dict[str, Any]], heirs: dict[str, str]) -> None:
    """The jobs of units that are given up, for those that have none."""
    taken = {(job["unit"], job.get("type") == NOP) for job in jobs}
    for job in jobs:
        key = (heirs.get(job["unit"], ""), job.get("type") == NOP)
        if key[0] and key not in taken:
            taken.add(key)
            job["unit"], job["state"] = key[0], WAITING
