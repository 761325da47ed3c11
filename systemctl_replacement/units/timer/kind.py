"""What the manager asks of a timer (units/kind.py)."""

from __future__ import annotations

from systemctl_replacement.units.kind import Kind
from systemctl_replacement.units.timer import config as configuration
from systemctl_replacement.units.timer import step as machine
from systemctl_replacement.units.timer.config import CALENDAR, TimerConfig
from systemctl_replacement.units.timer.state import ACTIVE_STATES, TimerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Action, Context, Event, Other


class TimerKind(Kind):
    """A timer (systemd.timer(5)). The states and the ways between them are in docs/states.md."""

    records = (TimerState,)

    def configure(self, file: Unit, manager: ManagerConfig, sees_all: Callable[[], bool]) -> TimerConfig:
        return configuration.from_unit(file, manager)

    def initial_state(self) -> TimerState:
        return TimerState()

    def step(
        self, config: TimerConfig, state: TimerState, event: Event, context: Context
    ) -> tuple[TimerState, tuple[Action, ...]]:
        return machine.step(config, state, event, context)

    def active_state(self, config: TimerConfig, state: TimerState) -> str:
        return ACTIVE_STATES[state.sub]

    def result(self, state: TimerState) -> str:
        return state.result

    def refusal(self, config: TimerConfig, triggered: Mapping[str, Other]) -> str:
        for unit, other in triggered.items():
            if other.load_state != "loaded":
                return f"Refusing to start, unit {unit} to trigger not loaded."
        return ""

    def stamp_file(self, config: TimerConfig) -> str:
        return config.stamp

    def properties(self, file: Unit, config: TimerConfig, state: TimerState) -> dict[str, Any]:
        known = state.next if len(state.next) == len(config.values) else (0,) * len(config.values)
        shown = [
            (base, [base if base == CALENDAR else f"{base[:-3]}USec", value, elapse])
            for (base, value), elapse in zip(config.values, known)
        ]
        shown.reverse()  # systemd shows the last one first
        return {
            "TimersMonotonic": [timer for base, timer in shown if base != CALENDAR],
            "TimersCalendar": [timer for base, timer in shown if base == CALENDAR],
            "NextElapseUSecRealtime": state.realtime,
            "NextElapseUSecMonotonic": state.monotonic,
            "LastTriggerUSec": state.last_trigger[0],
            "LastTriggerUSecMonotonic": state.last_trigger[1],
            "Result": state.result,
        }


KIND = TimerKind()
