"""Units that are just on or off: what they have in common (systemd.target(5), systemd.slice(5))."""

from __future__ import annotations

from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.units.events import Changed, Start, Stop
from systemctl_replacement.units.kind import Kind
from systemctl_replacement.units.states import ACTIVE, INACTIVE, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from systemctl_replacement.units.events import Action, Context, Event
    from systemctl_replacement.units.mounted import Mounted


@dataclass(frozen=True)
class SimpleState:
    """The state of a unit without processes: `dead`, or what its type calls being on."""

    sub: str = "dead"


class SimpleKind(Kind):
    """A unit that is on as soon as it is started and off as soon as it is stopped."""

    records = (SimpleState,)
    on = "active"  # what being on is called
    is_switch = True  # a start switches it on; otherwise that is the kernel's doing

    def initial_state(self) -> SimpleState:
        return SimpleState()

    def up(self, mounted: Optional[Mounted] = None) -> SimpleState:
        return SimpleState(self.on)

    def active_state(self, config: Any, state: SimpleState) -> str:
        return INACTIVE if state.sub == "dead" else ACTIVE

    def result(self, state: SimpleState) -> str:
        return SUCCESS

    def step(
        self, config: Any, state: SimpleState, event: Event, context: Context
    ) -> tuple[SimpleState, tuple[Action, ...]]:
        sub = state.sub
        if isinstance(event, Start) and self.is_switch:
            sub = self.on
        elif isinstance(event, Stop):
            sub = "dead"
        if sub == state.sub:
            return state, ()
        after = replace(state, sub=sub)
        return after, (Changed(sub, self.active_state(config, after), self.result(after)),)
