"""Whose process a name means when unit files have become links to others: who takes the name, who keeps its own.

A package is renamed, and its old unit file becomes a link to the new one. What runs under the old name is the other
unit's from then on, as under systemd. Where both run no process may be lost: one keeps the name it has until it stops.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# What a unit has to lose: nothing but a failure or a job; a state that any unit of its name can take on; what it runs.
DOWN, ON, RUNNING = range(3)


@dataclass(frozen=True)
class Claim:
    """A unit that cannot be forgotten, the name that its file gives it now, and what it has to lose."""

    id: str
    name: str
    weight: int


@dataclass(frozen=True)
class Names:
    """What becomes of units whose names mean others; those that it does not name stay as they are."""

    renamed: dict[str, str]  # id -> the id it has from now on
    given_up: dict[str, str]  # id of a unit that is no more -> id of the one that gets its job, before that is renamed
    apart: dict[str, str]  # id of a unit that keeps it until it has stopped -> the id of the unit it is then a name of


def settle(claims: Iterable[Claim]) -> Names:
    """Who gets which name. If several units claim one, the one with most to lose gets it; among equals, its present
    owner, or else the first."""
    by_name: dict[str, list[Claim]] = {}
    for claim in claims:
        by_name.setdefault(claim.name, []).append(claim)
    names = Names({}, {}, {})
    for name, rivals in by_name.items():
        owner = max(rivals, key=lambda claim: (claim.weight, claim.id == name))
        if owner.id != name:
            names.renamed[owner.id] = name
        for rival in rivals:
            if rival is owner:
                continue
            if rival.weight == RUNNING:
                names.apart[rival.id] = name
            else:
                names.given_up[rival.id] = owner.id
    return names
