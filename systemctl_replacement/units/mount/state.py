"""The state of a mount: plain frozen data, so that it can be shown, tested and carried over a re-execution."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.commands.leaving import LeavingState
from systemctl_replacement.units.mounted import Mounted
from systemctl_replacement.units.states import (
    ACTIVATING,
    ACTIVE,
    DEACTIVATING,
    FAILED,
    INACTIVE,
    RELOADING,
    SUCCESS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Optional

# The sub-states of a mount, each with the active state it stands for (`systemctl --state=help`, systemd 252).
ACTIVE_STATE: Final[dict[str, str]] = {
    "dead": INACTIVE,
    "mounting": ACTIVATING,
    "mounting-done": ACTIVATING,
    "mounted": ACTIVE,
    "remounting": RELOADING,
    "unmounting": DEACTIVATING,
    "remounting-sigterm": RELOADING,
    "remounting-sigkill": RELOADING,
    "unmounting-sigterm": DEACTIVATING,
    "unmounting-sigkill": DEACTIVATING,
    "failed": FAILED,
}

DOWN: Final = frozenset({"dead", "failed"})
RESTING: Final = frozenset({"dead", "failed", "mounted"})
MOUNTING: Final = frozenset({"mounting", "mounting-done"})
REMOUNTING: Final = frozenset({"remounting", "remounting-sigterm", "remounting-sigkill"})


@dataclass(frozen=True)
class MountState(LeavingState):
    """Everything that changes in the life of a mount."""

    kernel: Optional[Mounted] = None  # what is mounted there, whoever has mounted it
    reload_result: str = SUCCESS
    attempts: int = 0  # to unmount, of those that are mounted one over the other
    is_ours: bool = False  # a start job has mounted it
