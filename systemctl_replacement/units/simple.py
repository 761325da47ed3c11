"""Units that run nothing: targets and slices are just on or off; mounts show what the kernel has mounted.

Units of types that are not built yet have failed, once somebody has wanted them.

Sources: systemd.target(5), systemd.slice(5), systemd.mount(5).
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.units.events import Action, Changed, Event, NotBuilt, ResetFailed, Start, Stop
from systemctl_replacement.units.states import ACTIVE, FAILED, INACTIVE, RESOURCES, SUCCESS

# What "on" is called, by unit type. Types that are missing here cannot be started by us.
ON = {"target": "active", "slice": "active", "mount": "mounted", "device": "plugged", "swap": "active"}

# Types whose units we can switch on; the others of ON only mirror the kernel.
STARTABLE = frozenset({"target", "slice"})

# Types whose units only mirror the kernel: they are not ours to stop.
MIRRORED = frozenset({"mount", "automount", "swap", "device"})


_INACTIVE = {"dead": INACTIVE, "failed": FAILED}


@dataclass(frozen=True)
class SimpleState:
    """The state of a unit without processes: `dead`, what its type calls being on, or `failed`."""

    sub: str = "dead"


def active_state(sub: str) -> str:
    """The active state a sub-state stands for."""
    return _INACTIVE.get(sub, ACTIVE)


def result(sub: str) -> str:
    """The property Result of a unit in a sub-state."""
    return RESOURCES if sub == "failed" else SUCCESS


def step(unit_type: str, state: SimpleState, event: Event) -> tuple[SimpleState, tuple[Action, ...]]:
    """The state after an event, and what is to be announced."""
    sub = state.sub
    if isinstance(event, Start) and unit_type in STARTABLE:
        sub = ON[unit_type]
    elif isinstance(event, NotBuilt):
        sub = "failed"
    elif isinstance(event, Stop) or (isinstance(event, ResetFailed) and sub == "failed"):
        sub = "dead"
    if sub == state.sub:
        return state, ()
    return replace(state, sub=sub), (Changed(sub, active_state(sub), result(sub)),)
