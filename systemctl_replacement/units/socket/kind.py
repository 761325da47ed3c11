"""What the manager asks of a socket (units/kind.py)."""

from __future__ import annotations

from systemctl_replacement.unitfile.names import slice_path
from systemctl_replacement.units.commands.kind import CommandsKind
from systemctl_replacement.units.commands.leaving import asked_for
from systemctl_replacement.units.events import Accept, Listen
from systemctl_replacement.units.listen_on import TakeOwnership
from systemctl_replacement.units.socket.config import PHASES, SocketConfig
from systemctl_replacement.units.socket.state import Accepting, Connection, SocketState
from systemctl_replacement.units.socket.states import (
    DOWN,
    SERVICE_DOWN,
    SOCKET_ACTIVE_STATE,
    STARTING,
    STOPPING,
    UP,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable, ClassVar

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Action, Context, Event, Other
    from systemctl_replacement.units.kind import Messages
    from systemctl_replacement.units.socket.flow import SocketFlow


class SocketKind(CommandsKind):
    """A socket (systemd.socket(5)). The states and the ways between them are in docs/states.md."""

    records = (*CommandsKind.records, TakeOwnership, SocketState, Accepting, Connection)
    phases = PHASES
    messages: ClassVar[Messages] = {
        ("start", ""): "Starting {}...",
        ("stop", ""): "Stopping {}...",
        ("start", "done"): "Listening on {}.",
        ("start", "failed"): "Failed to listen on {}.",
        ("stop", "done"): "Closed {}.",
        ("stop", "failed"): "Failed stopping {}.",
    }

    @property
    def flow(self) -> type[SocketFlow]:
        from systemctl_replacement.units.socket.flow import SocketFlow

        return SocketFlow

    def configure(self, file: Unit, manager: ManagerConfig, sees_all: Callable[[], bool]) -> SocketConfig:
        return SocketConfig.from_unit(file, manager)

    def initial_state(self) -> SocketState:
        return SocketState()

    def step(
        self, config: SocketConfig, state: SocketState, event: Event, context: Context
    ) -> tuple[SocketState, tuple[Action, ...]]:
        from systemctl_replacement.units.socket import step as machine  # many an image has sockets that never listen

        return machine.step(config, state, event, context)

    def active_state(self, config: SocketConfig, state: SocketState) -> str:
        return SOCKET_ACTIVE_STATE[state.sub]

    def resume(self, config: SocketConfig, state: SocketState, context: Context) -> tuple[Action, ...]:
        listens = [Listen(name, on) for name, on in config.addresses if name == state.opening]
        accepts = [Accept(one.port, one.connection, config.options) for one in state.accepting]
        return (*super().resume(config, state, context), *listens, *accepts, *asked_for(state))

    # --- what it can be asked ---

    def refusal(self, config: SocketConfig, triggered: Mapping[str, Other]) -> str:
        service = triggered.get(config.service)
        if service is None:
            return ""
        if service.load_state != "loaded":
            return f"Socket service {config.service} not loaded, refusing."
        if service.sub not in SERVICE_DOWN:
            return f"Socket service {config.service} already active, refusing."
        return ""

    def is_needed(self, state: SocketState) -> bool:
        return bool(state.connections)

    def must_settle(self, state: SocketState) -> bool:
        return state.sub in STOPPING

    def is_resting(self, state: SocketState) -> bool:
        return state.sub in DOWN or state.sub in UP

    def is_changing(self, state: SocketState) -> bool:
        return state.sub in STARTING or state.sub in STOPPING

    # --- at a halt ---

    def stop_takes_time(self, config: SocketConfig, state: SocketState) -> bool:
        return bool(config.phase("ExecStopPre") or config.phase("ExecStopPost"))

    # --- show ---

    def properties(self, file: Unit, config: SocketConfig, state: SocketState) -> dict[str, Any]:
        counters = {"NConnections": len(state.connections), "NAccepted": state.accepted, "NRefused": state.refused}
        return {**super().properties(file, config, state), **counters}

    def descriptor_name(self, file: Unit) -> str:
        return str(file.get("Socket", "FileDescriptorName") or file.id)

    def control_group(self, unit: str, parent: str) -> str:
        return f"{slice_path(parent)}/{unit}" if parent else ""


KIND = SocketKind()
