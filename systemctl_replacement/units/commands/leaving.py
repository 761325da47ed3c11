"""The end of a unit that is no service: what is removed with it (RuntimeDirectory=, credentials; systemd.exec(5)).

Until that is done the unit is on its way down: who comes next, be it the same unit once more, may make the directories
anew, and must not lose its own.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.records import dataclass
from systemctl_replacement.units.commands.state import CommandsState
from systemctl_replacement.units.events import (
    Elapsed,
    Empty,
    Exited,
    Forked,
    Removed,
    RemoveDirectories,
    RemoverDied,
    StopRemoving,
)
from systemctl_replacement.units.states import DEACTIVATING, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.commands.config import ExecSettings
    from systemctl_replacement.units.commands.flow import Flow
    from systemctl_replacement.units.events import Action, Event


@dataclass(frozen=True)
class LeavingState(CommandsState):
    """leaving: nothing but the removal is waited for; preserving: it spares the runtime directories."""

    leaving: bool = False
    preserving: bool = False


def leave(flow: Flow, config: ExecSettings, through: str) -> None:
    """Be down once everything is removed. through: the sub-state until then, where the unit is not on its way down."""
    active = flow.active_state(flow.state.sub)
    coming_back = flow.context.restart_pending or flow.context.start_pending
    preserve = config.preserve_directories
    preserving = preserve == "yes" or (preserve == "restart" and coming_back)
    if active in INACTIVE_OR_FAILED or (preserving and not config.has_credentials):
        flow.left()
        return
    if active != DEACTIVATING:
        flow.enter(through)
    flow.ask(RemoveDirectories(preserving))
    flow.set(leaving=True, preserving=preserving)
    flow.deadline(flow.config.timeout_stop_usec)


def while_leaving(flow: Flow, state: LeavingState, event: Event) -> bool:
    """Whether an event has been dealt with because nothing but the removal is waited for."""
    if not state.leaving:
        return False
    if isinstance(event, RemoverDied):
        flow.ask(RemoveDirectories(state.preserving))
    elif isinstance(event, (Removed, Elapsed)):
        if isinstance(event, Elapsed):
            flow.log(LOG_WARNING, "Removing the runtime directories takes too long, leaving them.")
            flow.ask(StopRemoving())
        flow.set(leaving=False, deadline=None)
        flow.left()
    elif isinstance(event, (Forked, Empty, Exited)):
        flow.set(populated=isinstance(event, Forked) or (isinstance(event, Exited) and not event.last))
    else:
        return False
    return True


def asked_for(state: LeavingState) -> tuple[Action, ...]:
    """The removal that is waited for."""
    return (RemoveDirectories(state.preserving),) if state.leaving else ()
