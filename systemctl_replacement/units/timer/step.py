"""What an event means to a timer (systemd.timer(5)): `step(config, state, event, context) -> (state, actions)`.

A timer waits for one time by either clock, whichever comes first. It starts the other unit, and is `running` until that
is down again; then it waits for the next time, or has `elapsed` if there is none.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_DEBUG, LOG_ERR, LOG_WARNING
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units.dates import WriteStamp, ZoneChanged
from systemctl_replacement.units.end_line import end_line
from systemctl_replacement.units.events import (
    MONOTONIC,
    REALTIME,
    Changed,
    ClockElapsed,
    ClockStepped,
    ClosePort,
    Log,
    PortFailed,
    Reloaded,
    ResetFailed,
    SetClock,
    Start,
    StartLimitHit,
    Stop,
    Trigger,
    Triggered,
    TriggeredChanged,
    TriggerRefused,
)
from systemctl_replacement.units.states import INACTIVE_OR_FAILED, RESOURCES, START_LIMIT_HIT, SUCCESS
from systemctl_replacement.units.timer.config import ACTIVE, UNIT_ACTIVE, UNIT_INACTIVE
from systemctl_replacement.units.timer.elapse import plan
from systemctl_replacement.units.timer.state import ACTIVE_STATES, NEVER, TimerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from systemctl_replacement.units.events import Action, Context, Event, Other
    from systemctl_replacement.units.timer.config import TimerConfig

# What AccuracySec=0 stands for.
_DEFAULT_ACCURACY_USEC = 250_000


def step(
    config: TimerConfig, state: TimerState, event: Event, context: Context
) -> tuple[TimerState, tuple[Action, ...]]:
    """The state after an event, and what is to be done about it."""
    life = _Life(config, state, context)
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(life, event)
    return life.state, tuple(life.actions)


class _Life:
    """A step in the making: the state so far, and the actions."""

    def __init__(self, config: TimerConfig, state: TimerState, context: Context) -> None:
        self.config = config
        self.state = state
        self.context = context
        self.actions: list[Action] = []

    @property
    def other(self) -> Optional[tuple[str, Other]]:
        """The unit that is to be started; None if the timer's file has gone."""
        return next(iter((self.context.triggered or {}).items()), None)

    def log(self, level: int, message: str) -> None:
        self.actions.append(Log(level, message))

    def enable(self, *bases: str) -> None:
        """Have times elapse again that have elapsed for good."""
        values = self.config.values
        left = [number for number in self.state.disabled if number < len(values) and values[number][0] not in bases]
        self.state = replace(self.state, disabled=tuple(left))

    def enter(self, sub: str, **changes: Any) -> None:
        """Enter a sub-state."""
        if sub != "waiting":
            if self.state.sub == "waiting":
                self.actions += (ClosePort(MONOTONIC), ClosePort(REALTIME))
            changes.update(realtime=INFINITY, monotonic=INFINITY)
        before = self.state.sub
        self.state = replace(self.state, sub=sub, **changes)
        if sub != before or ACTIVE_STATES[sub] in INACTIVE_OR_FAILED:
            self.actions.append(Changed(sub, ACTIVE_STATES[sub], self.state.result))

    def enter_dead(self, result: str) -> None:
        if self.state.result == SUCCESS:
            self.state = replace(self.state, result=result)
        self.actions.append(end_line(self.state.result))
        self.enter("dead" if self.state.result == SUCCESS else "failed")

    def enter_waiting(self, *, is_active: bool = True, clock_was_set: bool = False) -> None:
        """Wait for the next time, if there is one."""
        if self.other is None:
            self.vanished()
            return
        found = plan(self.config, self.state, self.context, self.other[1], is_active, clock_was_set)
        self.state = replace(self.state, next=found.next, disabled=found.disabled)
        watches = self.config.on_clock_change or self.config.on_timezone_change
        if found.realtime is None and found.monotonic is None and not watches:
            self.log(LOG_DEBUG, "Timer is elapsed.")
            if self.config.remain_after_elapse or found.stays:
                self.enter("elapsed")
            else:
                self.enter_dead(SUCCESS)
            return
        accuracy = self.config.accuracy or _DEFAULT_ACCURACY_USEC
        if found.monotonic is None:
            self.actions.append(ClosePort(MONOTONIC))
        else:
            self.actions.append(SetClock(MONOTONIC, MONOTONIC, found.monotonic, accuracy))
        # Also without a time: when the clock is set, or the time zone, all is worked out anew.
        self.actions.append(SetClock(REALTIME, REALTIME, found.realtime, accuracy))
        # Last: who hears of it may be the one who sets the clock.
        self.enter("waiting", realtime=found.realtime or 0, monotonic=found.monotonic or 0)

    def trigger(self) -> None:
        """Have the other unit started."""
        if self.context.stop_pending:
            return
        if self.other is None:
            self.vanished()
            return
        now = (self.context.realtime, self.context.now)
        details = (
            f"TRIGGER_UNIT={self.config.unit}",
            f"TRIGGER_TIMER_REALTIME_USEC={now[0]}",
            f"TRIGGER_TIMER_MONOTONIC_USEC={now[1]}",
        )
        self.actions.append(Trigger(self.other[0], details=details))
        self.state = replace(self.state, asked=now)

    def vanished(self) -> None:
        self.log(LOG_ERR, "Unit to trigger vanished.")
        self.enter_dead(RESOURCES)


def _start(life: _Life, _event: Start) -> None:
    since = (life.context.realtime, life.context.now)
    life.state = replace(life.state, result=SUCCESS, since=since, last_trigger=_stamp(life))
    life.enable(ACTIVE)
    life.enter_waiting(is_active=False)


def _stamp(life: _Life) -> tuple[int, int]:
    """When the timer has elapsed last according to its file, which is made if it is missing."""
    found = life.context.stamp
    if not life.config.stamp or found is None:
        return NEVER
    if not found:
        life.actions.append(WriteStamp(None))
    elif found < life.context.realtime:
        return found, 0
    else:
        assert life.context.dates is not None
        when = life.context.dates.shown(found)
        life.log(LOG_WARNING, f"Not using persistent file timestamp {when} as it is in the future.")
    return NEVER


def _start_limit_hit(life: _Life, _event: StartLimitHit) -> None:
    life.log(LOG_WARNING, "Start request repeated too quickly.")
    life.enter_dead(START_LIMIT_HIT)


def _stop(life: _Life, _event: Stop) -> None:
    if ACTIVE_STATES[life.state.sub] not in INACTIVE_OR_FAILED:
        life.enter_dead(SUCCESS)


def _reset_failed(life: _Life, _event: ResetFailed) -> None:
    life.state = replace(life.state, result=SUCCESS)
    if life.state.sub == "failed":
        life.enter("dead")


def _elapsed(life: _Life, _event: ClockElapsed) -> None:
    if life.state.sub == "waiting":
        life.log(LOG_DEBUG, "Timer elapsed.")
        life.trigger()


def _clock_stepped(life: _Life, _event: ClockStepped) -> None:
    if life.state.sub != "waiting":
        return
    # Where the clock was set back the timer has elapsed in the future, which is to come again.
    realtime, monotonic = life.state.last_trigger
    life.state = replace(life.state, last_trigger=(min(realtime, life.context.realtime), monotonic))
    if life.config.on_clock_change:
        life.log(LOG_DEBUG, "Time change, triggering activation.")
        life.trigger()
    else:
        life.log(LOG_DEBUG, "Time change, recalculating next elapse.")
        life.enter_waiting(clock_was_set=True)


def _zone_changed(life: _Life, _event: ZoneChanged) -> None:
    if life.state.sub != "waiting":
        return
    if life.config.on_timezone_change:
        life.log(LOG_DEBUG, "Timezone change, triggering activation.")
        life.trigger()
    else:
        life.log(LOG_DEBUG, "Timezone change, recalculating next elapse.")
        life.enter_waiting()


def _triggered_changed(life: _Life, _event: TriggeredChanged) -> None:
    life.enable(UNIT_ACTIVE, UNIT_INACTIVE)
    if life.state.sub in ("waiting", "elapsed"):
        life.enter_waiting()
    elif life.state.sub == "running" and (life.other is None or _is_over(life.state, life.other[1])):
        life.log(LOG_DEBUG, "Got notified about unit deactivation.")
        life.enter_waiting()


def _is_over(state: TimerState, other: Other) -> bool:
    """Whether the other unit has been down since it was triggered, or is not going to come up: it may be on its way up
    again by now, or still wait for its turn."""
    went_down = other.stamps.get("InactiveEnter", NEVER)[1] > state.last_trigger[1]
    return went_down or (other.active in INACTIVE_OR_FAILED and other.job != "start")


def _triggered(life: _Life, _event: Triggered) -> None:
    if life.state.sub != "waiting":
        return
    if life.config.stamp:
        life.actions.append(WriteStamp(life.state.asked[0]))
    life.enter("running", last_trigger=life.state.asked)


def _trigger_refused(life: _Life, event: TriggerRefused) -> None:
    if life.state.sub == "waiting":
        life.log(LOG_WARNING, f"Failed to queue unit startup job: {event.message}")
        life.enter_dead(RESOURCES)


def _reloaded(life: _Life, _event: Reloaded) -> None:
    """As systemd does: OnActiveSec= begins anew. But a date that has come meanwhile, while the manager was replaced,
    say, is not forgotten."""
    has_come = 0 < life.state.realtime <= life.context.realtime
    life.state = replace(life.state, disabled=(), next=())
    if life.state.sub != "waiting":
        return
    if has_come:
        life.trigger()
    else:
        life.enter_waiting(is_active=False)


def _port_failed(life: _Life, event: PortFailed) -> None:
    if life.state.sub == "waiting":
        life.log(LOG_WARNING, f"Failed to enter waiting state: {event.message}")
        life.enter_dead(RESOURCES)


_HANDLERS: dict[type[Any], Callable[[_Life, Any], None]] = {
    Start: _start,
    StartLimitHit: _start_limit_hit,
    Stop: _stop,
    ResetFailed: _reset_failed,
    ClockElapsed: _elapsed,
    ClockStepped: _clock_stepped,
    ZoneChanged: _zone_changed,
    TriggeredChanged: _triggered_changed,
    Triggered: _triggered,
    TriggerRefused: _trigger_refused,
    Reloaded: _reloaded,
    PortFailed: _port_failed,
}
