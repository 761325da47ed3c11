"""What a socket does about what comes in: it starts its service, or an instance for each connection (Accept=yes).

Source: systemd.socket(5), Accept=, MaxConnections=, TriggerLimitIntervalSec=.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.unitfile.names import valid_unit_name
from systemctl_replacement.units.events import (
    Accept,
    Accepted,
    ClosePort,
    ConnectionClosed,
    PortReady,
    Trigger,
    TriggeredChanged,
    TriggerRefused,
    WatchPort,
)
from systemctl_replacement.units.ratelimit import below_limit
from systemctl_replacement.units.socket.flow import SocketFlow
from systemctl_replacement.units.socket.state import Accepting, Connection
from systemctl_replacement.units.socket.states import SERVICE_GONE, UP
from systemctl_replacement.units.states import (
    ACTIVATING,
    ACTIVE_OR_RELOADING,
    RESOURCES,
    SERVICE_START_LIMIT_HIT,
    TRIGGER_LIMIT_HIT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.events import Other


def port_ready(flow: SocketFlow, event: PortReady) -> None:
    """Something has come in."""
    state = flow.state
    if state.sub != "listening":
        return  # whoever listens again asks again
    if flow.config.accept:
        taken = {one.connection for one in state.accepting} | {one.port for one in state.connections}
        number = next(number for number in range(len(taken) + 1) if _name(number) not in taken)
        flow.set(accepting=(*state.accepting, Accepting(event.port, _name(number))))
        flow.ask(Accept(event.port, _name(number), flow.config.options))
    elif flow.context.stop_pending:
        flow.flush()
        flow.watch()
    elif _may_trigger(flow):
        if not any(_is_coming(other) for other in flow.triggered.values()):
            flow.ask(Trigger(flow.config.service))
        flow.enter("running")


def _name(number: int) -> str:
    """What a connection is called as long as it is there."""
    return f"connection {number}"


def _is_coming(other: Other) -> bool:
    """Whether a unit is there or will be."""
    return other.active in (*ACTIVE_OR_RELOADING, ACTIVATING) or other.job in ("start", "restart", "reload-or-start")


def _may_trigger(flow: SocketFlow) -> bool:
    config = flow.config
    interval, burst = config.trigger_limit_interval_usec, config.trigger_limit_burst
    allowed, triggers = below_limit(list(flow.state.triggers), flow.context.now, interval, burst)
    flow.set(triggers=tuple(triggers))
    if not allowed:
        flow.log(LOG_WARNING, "Trigger limit hit, refusing further activation.")
        flow.set(refused=flow.state.refused + 1)
        flow.enter_stop_pre(TRIGGER_LIMIT_HIT)
    return allowed


def accepted(flow: SocketFlow, event: Accepted) -> None:
    """A connection has been taken: it goes to an instance, or is refused."""
    state, config, peer = flow.state, flow.config, event.peer
    for level, text in event.problems:
        flow.log(level, text)
    if not any(one.connection == event.connection for one in state.accepting):
        flow.ask(ClosePort(event.connection))  # the socket has been closed meanwhile
        return
    flow.set(accepting=tuple([one for one in state.accepting if one.connection != event.connection]))
    if state.sub != "listening":
        flow.ask(ClosePort(event.connection))
        return
    flow.ask(WatchPort(event.port))
    if flow.context.stop_pending:
        _refuse(flow, event, "")
    elif not _may_trigger(flow):
        flow.ask(ClosePort(event.connection))
    elif len(state.connections) >= config.max_connections:
        _refuse(flow, event, f"Too many incoming connections ({len(state.connections)}), dropping connection.")
    else:
        limit = config.max_connections_per_source
        same = 1 + sum(one.source == peer.source for one in state.connections)
        if limit and peer.source and same > limit:
            text = f"Too many incoming connections ({same}) from source {peer.source}, dropping connection."
            _refuse(flow, event, text)
        else:
            _start_instance(flow, event)


def _refuse(flow: SocketFlow, event: Accepted, message: str) -> None:
    if message:
        flow.log(LOG_WARNING, message)
    flow.set(refused=flow.state.refused + 1)
    flow.ask(ClosePort(event.connection))


def _start_instance(flow: SocketFlow, event: Accepted) -> None:
    state, peer = flow.state, event.peer
    instance = f"{flow.config.prefix}@{state.accepted}-{peer.instance}.service"
    if not valid_unit_name(instance):
        flow.ask(ClosePort(event.connection))
        _cannot_start(flow, "Invalid argument")
        return
    connection = Connection(event.connection, instance, peer.source)
    flow.set(accepted=state.accepted + 1, connections=(*state.connections, connection))
    flow.ask(Trigger(instance, event.connection, peer.text))


def _cannot_start(flow: SocketFlow, message: str) -> None:
    kind = "template" if flow.config.accept else "non-template"
    hint = f"(Maybe the service file is missing or not a {kind} unit?)"
    flow.log(LOG_WARNING, f"Failed to queue service startup job {hint}: {message}")
    flow.enter_stop_pre(RESOURCES)


def trigger_refused(flow: SocketFlow, event: TriggerRefused) -> None:
    """What should have been started has got no job."""
    lost = [one for one in flow.state.connections if one.unit == event.unit]
    for one in lost:
        flow.ask(ClosePort(one.port))
    flow.set(connections=tuple([one for one in flow.state.connections if one not in lost]))
    if flow.state.sub in UP:
        _cannot_start(flow, event.message)


def connection_closed(flow: SocketFlow, event: ConnectionClosed) -> None:
    """An instance is down, and its connection with it."""
    flow.set(connections=tuple([one for one in flow.state.connections if one.port != event.connection]))


def triggered_changed(flow: SocketFlow, event: TriggeredChanged) -> None:
    """Something has become of the service."""
    other = flow.triggered.get(event.unit)
    if other is not None:
        _follow(flow, other)


def _follow(flow: SocketFlow, other: Other) -> None:
    sub = flow.state.sub
    if flow.config.accept or sub not in UP:
        return
    if other.limit_hit:
        flow.enter_stop_pre(SERVICE_START_LIMIT_HIT)
    elif other.job:
        return  # it is about to become something else
    elif other.sub in SERVICE_GONE and sub == "running":
        flow.enter_listening()
    elif other.sub == "running" and sub == "listening":
        flow.enter("running")


def reloaded(flow: SocketFlow) -> None:
    """The files may have changed, and what has happened meanwhile may not have been told."""
    wanted = [name for name, _on in flow.config.addresses]
    for port in flow.state.open:
        if port not in wanted:
            flow.ask(ClosePort(port))
    flow.set(open=tuple([port for port in flow.state.open if port in wanted]))
    if flow.state.sub in ("start-post", *UP) and len(flow.state.open) < len(wanted):
        changed = "Socket unit configuration has changed while unit has been running"
        if flow.state.open:
            missing = "and some socket file descriptors have not been opened yet"
            text = f"{changed}, {missing}. The socket unit is not fully functional until restarted."
        else:
            missing = "no open socket file descriptor left"
            text = f"{changed}, {missing}. The socket unit is not functional until restarted."
        flow.log(LOG_WARNING, text)
    if flow.state.sub == "listening":
        flow.watch()
    other = flow.triggered.get(flow.config.service)
    if flow.state.sub == "running" and other is not None:
        _follow(flow, other)
