"""What the collector has to know of units: below which supervisors their processes are, and what their settings say of
what they log."""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


@dataclass(frozen=True)
class Whose:
    """A unit's processes: all below its supervisor (0: it has none), and those of `pids` with all below them."""

    unit: str
    supervisor: int
    pids: tuple[int, ...]
    invocation: str
    settings: Mapping[str, Any]


def messages(before: Whose | None, now: Whose | None) -> list[dict[str, Any]]:
    """What is to be told where something else is known, or nothing at all."""
    # What is gone comes last: a unit of which nothing is left loses its settings, and what was counted for its limits.
    gone = [{"op": "gone", "pid": pid} for pid in sorted(_all_pids(before) - _all_pids(now))]
    if now is None:
        return gone
    told: list[dict[str, Any]] = []
    if before is not None and before.unit != now.unit:
        told.append({"op": "rename", "unit": before.unit, "to": now.unit})
    unit = {"unit": now.unit, "invocation": now.invocation, **now.settings}
    is_new = before is None or (before.unit, before.invocation, before.settings) != (
        now.unit,
        now.invocation,
        now.settings,
    )
    if now.supervisor and (is_new or before is None or before.supervisor != now.supervisor):
        told.append({"op": "unit", "supervisor": now.supervisor, **unit})
    told += [{"op": "pid", "pid": pid, **unit} for pid in sorted(_pids(now) if is_new else _pids(now) - _pids(before))]
    return told + gone


def everything(whose: Iterable[Whose]) -> dict[str, Any]:
    """What ends the telling of all units to a collector that may have been told of others before."""
    return {"op": "all", "pids": sorted({pid for one in whose for pid in _all_pids(one)})}


def _pids(whose: Whose | None) -> set[int]:
    return set(whose.pids) if whose is not None else set()


def _all_pids(whose: Whose | None) -> set[int]:
    return _pids(whose) | ({whose.supervisor} if whose is not None and whose.supervisor else set())
