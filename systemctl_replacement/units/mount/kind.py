"""What the manager asks of a mount (units/kind.py)."""

from __future__ import annotations

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.names import slice_path
from systemctl_replacement.unitfile.without_file import without_file
from systemctl_replacement.units.commands.kind import CommandsKind
from systemctl_replacement.units.commands.leaving import asked_for
from systemctl_replacement.units.mount import step as machine
from systemctl_replacement.units.mount.config import PHASES, UNMOUNT, MountConfig
from systemctl_replacement.units.mount.state import ACTIVE_STATE, DOWN, RESTING, MountState
from systemctl_replacement.units.mount.step import MountFlow
from systemctl_replacement.units.mounted import Mounted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, ClassVar, Optional

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Action, Context, Event
    from systemctl_replacement.units.kind import Messages

# What systemd names as the source of a unit that was loaded because something is mounted.
_SOURCE = "/proc/self/mountinfo"


class MountKind(CommandsKind):
    """A mount. The states and the ways between them are in docs/states.md."""

    records = (*CommandsKind.records, MountState, Mounted)
    flow = MountFlow
    phases = PHASES
    messages: ClassVar[Messages] = {
        ("start", ""): "Mounting {}...",
        ("stop", ""): "Unmounting {}...",
        ("start", "done"): "Mounted {}.",
        ("start", "failed"): "Failed to mount {}.",
        ("start", "timeout"): "Timed out mounting {}.",
        ("stop", "done"): "Unmounted {}.",
        ("stop", "failed"): "Failed unmounting {}.",
        ("stop", "timeout"): "Timed out unmounting {}.",
    }

    def configure(self, file: Unit, manager: ManagerConfig, sees_all: Callable[[], bool]) -> MountConfig:
        return MountConfig.from_unit(file, manager)

    def found(self, file: Unit, mounted: Mounted) -> Unit:
        source = file.source_path or _SOURCE
        if file.load_state == "masked":  # it can be unmounted all the same
            return replace(file, source_path=source, settings={**file.settings, ("Mount", "Where"): mounted.where})
        if file.load_state == "loaded":
            return replace(file, source_path=source)
        said = {("Unit", "Description"): mounted.where, **file.settings, ("Mount", "Where"): mounted.where}
        kernel = {"What": mounted.what, "Type": mounted.type, "Options": mounted.options}
        return without_file(file, said, source, {("Mount", name): value for name, value in kernel.items()})

    def initial_state(self) -> MountState:
        return MountState()

    def up(self, mounted: Optional[Mounted] = None) -> MountState:
        return MountState(sub="mounted", kernel=mounted)

    def mounted(self, state: MountState) -> Optional[Mounted]:
        return state.kernel

    def is_foreign(self, state: MountState) -> bool:
        return not state.is_ours and state.sub not in DOWN

    def step(
        self, config: MountConfig, state: MountState, event: Event, context: Context
    ) -> tuple[MountState, tuple[Action, ...]]:
        return machine.step(config, state, event, context)

    def resume(self, config: MountConfig, state: MountState, context: Context) -> tuple[Action, ...]:
        return (*super().resume(config, state, context), *asked_for(state))

    def active_state(self, config: MountConfig, state: MountState) -> str:
        return ACTIVE_STATE[state.sub]

    # --- what it can be asked ---

    def can_reload(self, config: MountConfig) -> bool:
        return True

    def must_settle(self, state: MountState) -> bool:
        return state.sub.startswith("unmounting")

    # --- processes ---

    def is_resting(self, state: MountState) -> bool:
        return state.sub in RESTING

    def is_changing(self, state: MountState) -> bool:
        return state.sub not in RESTING

    # --- at a halt ---

    def stop_takes_time(self, config: MountConfig, state: MountState) -> bool:
        return state.is_ours

    def owed(self, config: MountConfig, state: MountState) -> tuple[str, ...]:
        return (UNMOUNT,) if state.is_ours else ()

    # --- show ---

    def properties(self, file: Unit, config: MountConfig, state: MountState) -> dict[str, Any]:
        from systemctl_replacement.units.commands.show import commands  # many a container never needs it

        ran = {phase for phase, _, _ in state.statuses}
        found = {"Result": state.result, "ControlPID": self.roles(state).control}
        found.update(commands(config, state, tuple([phase for phase in PHASES if phase in ran])))
        if state.kernel is not None:
            found.update({"What": state.kernel.what, "Type": state.kernel.type, "Options": state.kernel.options})
        return found

    def control_group(self, unit: str, parent: str) -> str:
        return f"{slice_path(parent)}/{unit}" if parent else ""


KIND = MountKind()
