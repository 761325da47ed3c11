"""What the manager asks of a unit that runs commands, as far as that is the same for all such kinds."""

from __future__ import annotations

from systemctl_replacement.units.commands.state import ExecStatus, Running
from systemctl_replacement.units.events import Elapsed
from systemctl_replacement.units.kind import Kind, Roles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.units.commands.flow import Flow
    from systemctl_replacement.units.commands.state import CommandsConfig
    from systemctl_replacement.units.events import Action, Context, Event

ELAPSED = Elapsed()


class CommandsKind(Kind):
    """A unit that runs commands in steps of its `flow`. It adds its own state to `records`."""

    records: tuple[type[Any], ...] = (ExecStatus, Running)
    # The directives that hold commands, in the order in which the life of a unit runs them.
    phases: ClassVar[tuple[str, ...]] = ()

    @property
    def flow(self) -> type[Flow]:
        """How its commands run; most kinds name the class itself."""
        raise NotImplementedError

    def result(self, state: Any) -> str:
        return str(state.result)

    def deadlines(self, state: Any) -> tuple[tuple[int, Event], ...]:
        return ((state.deadline, ELAPSED),) if state.deadline is not None else ()

    def resume(self, config: Any, state: Any, context: Context) -> tuple[Action, ...]:
        flow = self.flow(config, state, context)
        return tuple([flow.spawn_action(running) for running in flow.commands_under_way() if not running.pid])

    def roles(self, state: Any) -> Roles:
        return Roles(control=state.control.pid if state.control is not None else 0)

    def expects(self, state: Any, token: int) -> bool:
        return state.control is not None and state.control.token == token

    def is_killing(self, state: Any) -> bool:
        return state.sub in self.flow.rungs

    def stopping(self, config: CommandsConfig) -> tuple[int, int]:
        return config.timeout_stop_usec, config.kill_signal

    def properties(self, file: Unit, config: Any, state: Any) -> dict[str, Any]:
        from systemctl_replacement.units.commands.show import commands  # many a container never needs it

        control = self.roles(state).control
        return {"Result": self.result(state), "ControlPID": control, **commands(config, state, self.phases)}
