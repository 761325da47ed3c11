"""The socket machine: what each event means in each state (systemd.socket(5); the diagram is docs/states.md)."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.units.commands.leaving import while_leaving
from systemctl_replacement.units.events import (
    Accepted,
    Action,
    ClosePort,
    ConnectionClosed,
    Context,
    Elapsed,
    Empty,
    Event,
    Exited,
    Forked,
    Listening,
    PortFailed,
    PortReady,
    Reloaded,
    ResetFailed,
    SpawnFailed,
    Start,
    StartLimitHit,
    Stop,
    TriggeredChanged,
    TriggerRefused,
)
from systemctl_replacement.units.socket import incoming
from systemctl_replacement.units.socket.config import SocketConfig
from systemctl_replacement.units.socket.flow import SocketFlow
from systemctl_replacement.units.socket.state import SocketState
from systemctl_replacement.units.socket.states import DOWN, FINAL, KILLING, STARTING, UP
from systemctl_replacement.units.states import RESOURCES, START_LIMIT_HIT, SUCCESS, TIMEOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def step(
    config: SocketConfig, state: SocketState, event: Event, context: Context
) -> tuple[SocketState, tuple[Action, ...]]:
    """The state after an event, and what is to be done about it, in order."""
    flow = SocketFlow(config, state, context)
    handler = _HANDLERS.get(type(event))
    if not while_leaving(flow, state, event) and handler is not None:
        handler(flow, event)
    return flow.state, tuple(flow.actions)


# --- requests ---------------------------------------------------------------------------------------------------


def _start(flow: SocketFlow, _event: Start) -> None:
    if flow.state.sub in DOWN:
        flow.set(result=SUCCESS, statuses=())
        flow.enter_start_pre()


def _start_limit_hit(flow: SocketFlow, _event: StartLimitHit) -> None:
    flow.log(LOG_WARNING, "Start request repeated too quickly.")
    if flow.state.sub in DOWN:
        flow.enter_dead(START_LIMIT_HIT)


def _stop(flow: SocketFlow, _event: Stop) -> None:
    if flow.state.sub in STARTING:
        flow.enter_signal("stop-pre-sigterm", SUCCESS)
    elif flow.state.sub in UP:
        flow.enter_stop_pre(SUCCESS)


def _reset_failed(flow: SocketFlow, _event: ResetFailed) -> None:
    flow.set(result=SUCCESS)
    if flow.state.sub == "failed":
        flow.enter("dead")


# --- ports ------------------------------------------------------------------------------------------------------


def _listening(flow: SocketFlow, event: Listening) -> None:
    if flow.state.sub != "start-chown" or event.port != flow.state.opening:
        if event.port not in flow.state.open:
            flow.ask(ClosePort(event.port))  # the start was given up meanwhile
        return
    for level, text in event.problems:
        flow.log(level, text)
    flow.set(open=(*flow.state.open, event.port), opening="")
    flow.open_next()


def _port_failed(flow: SocketFlow, event: PortFailed) -> None:
    state = flow.state
    if event.said:
        flow.log(LOG_ERR, event.said)
    if state.sub == "start-chown" and state.opening == event.port:
        flow.set(opening="")
        flow.log(LOG_WARNING, f"Failed to {event.task}: {event.message}")
        flow.enter_stop_pre(RESOURCES)
    elif state.sub == "listening" and any(one.port == event.port for one in state.accepting):
        flow.log(LOG_ERR, f"Failed to accept connection socket: {event.message}")
        flow.enter_stop_pre(RESOURCES)
    elif state.sub == "listening" and event.port in state.open:
        flow.log(LOG_WARNING, f"Failed to watch sockets: {event.message}")
        flow.enter_stop_pre(RESOURCES)


# --- processes --------------------------------------------------------------------------------------------------


def _forked(flow: SocketFlow, event: Forked) -> None:
    flow.forked(event)


def _spawn_failed(flow: SocketFlow, event: SpawnFailed) -> None:
    if flow.spawn_failed(event) is not None:
        flow.resources()


def _exited(flow: SocketFlow, event: Exited) -> None:
    if event.last:
        flow.set(populated=False)
    if flow.state.control is not None and event.pid == flow.state.control.pid:
        _control_exited(flow, event)
    elif event.last:
        _empty(flow, Empty())


def _control_exited(flow: SocketFlow, event: Exited) -> None:
    running, result = flow.control_ended(event)
    flow.log_exit("Control", running.phase, event, quiet=result == SUCCESS)
    flow.fail_with(result)
    if result == SUCCESS and flow.spawn_next(running, flow.config.timeout_usec):
        return
    sub = flow.state.sub
    if sub == "start-pre":
        if result == SUCCESS:
            flow.enter_start_chown()
        else:
            flow.enter_signal("final-sigterm", result)
    elif sub in ("start-chown", "start-post"):
        if result != SUCCESS:
            flow.enter_stop_pre(result)
        elif sub == "start-chown":
            flow.enter_start_post()
        else:
            flow.enter_listening()
    elif sub in ("stop-pre", *KILLING):
        flow.enter_stop_post(result)
    elif sub in ("stop-post", *FINAL):
        flow.enter_dead(result)


def _empty(flow: SocketFlow, _event: Empty) -> None:
    flow.set(populated=False)
    if flow.state.sub in flow.rungs and not flow.control_alive:
        flow.after_kill(flow.state.sub, SUCCESS)


# --- time -------------------------------------------------------------------------------------------------------


def _elapsed(flow: SocketFlow, _event: Elapsed) -> None:
    sub = flow.state.sub
    flow.set(deadline=None)
    if sub == "start-pre":
        flow.log(LOG_WARNING, "Starting timed out. Terminating.")
        flow.enter_signal("final-sigterm", TIMEOUT)
    elif sub in STARTING:
        flow.log(LOG_WARNING, "Starting timed out. Stopping.")
        flow.enter_stop_pre(TIMEOUT)
    elif sub == "stop-pre":
        flow.log(LOG_WARNING, "Stopping timed out. Terminating.")
        flow.enter_signal("stop-pre-sigterm", TIMEOUT)
    elif sub == "stop-post":
        flow.log(LOG_WARNING, "Stopping timed out (2). Terminating.")
        flow.enter_signal("final-sigterm", TIMEOUT)
    elif sub in flow.rungs:
        flow.kill_timed_out(sub)


def _reloaded(flow: SocketFlow, _event: Reloaded) -> None:
    incoming.reloaded(flow)


_HANDLERS: dict[type[Any], Callable[[SocketFlow, Any], None]] = {
    Start: _start,
    StartLimitHit: _start_limit_hit,
    Stop: _stop,
    ResetFailed: _reset_failed,
    Listening: _listening,
    PortReady: incoming.port_ready,
    Accepted: incoming.accepted,
    PortFailed: _port_failed,
    TriggerRefused: incoming.trigger_refused,
    ConnectionClosed: incoming.connection_closed,
    TriggeredChanged: incoming.triggered_changed,
    Reloaded: _reloaded,
    Forked: _forked,
    SpawnFailed: _spawn_failed,
    Exited: _exited,
    Empty: _empty,
    Elapsed: _elapsed,
}
