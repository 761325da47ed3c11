"""The name of a service on the system bus: what taking and losing it means (BusName=, systemd.service(5)).

As under systemd only changes count: a name that somebody else has owned since before the start has to change hands.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_NOTICE
from systemctl_replacement.units.bus_events import AwaitBusName, BusLost, BusMissing, BusNameChanged
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.flow import ServiceFlow
from systemctl_replacement.units.service.main_process import move
from systemctl_replacement.units.service.state import ServiceState
from systemctl_replacement.units.states import SUCCESS

# Where a main process that is not known yet is the one that owns the name.
_MAIN_MAY_BE_FOUND = frozenset({"start", "start-post", "running", "reload"})


def is_awaited(config: ServiceConfig, state: ServiceState) -> bool:
    """Whether the name is what the service waits for."""
    return config.type == "dbus" and state.sub == "start" and bool(state.main_pid)


def await_name(flow: ServiceFlow) -> None:
    """The program is executed, and has to take the name, unless it was faster than we have heard."""
    if flow.state.name_taken:
        flow.enter_start_post()
    else:
        flow.ask(AwaitBusName())


def bus_name_changed(flow: ServiceFlow, event: BusNameChanged) -> None:
    """The name has changed hands, or it is told who owns it."""
    state, before = flow.state, flow.state.bus_owner
    flow.set(bus_owner=event.owner, without_bus=state.without_bus and not event.owner)
    if event.owner == before:
        return
    if flow.config.type != "dbus":
        if event.pid and not flow.main_alive() and state.sub in _MAIN_MAY_BE_FOUND:
            move(flow, event.pid, event.alien)
    elif is_awaited(flow.config, state):
        if event.owner:
            flow.enter_start_post()
    elif state.sub == "running":
        if not flow.good():
            flow.enter_running(SUCCESS)
    elif state.sub == "start" or flow.context.start_pending:
        flow.set(name_taken=bool(event.owner))


def bus_missing(flow: ServiceFlow, _event: BusMissing) -> None:
    """There is no bus to see the name on."""
    if is_awaited(flow.config, flow.state) and not flow.state.bus_lost:
        flow.log(LOG_NOTICE, "There is no bus to see BusName= on, the service counts as started.")
        flow.set(without_bus=True)
        flow.enter_start_post()


def bus_lost(flow: ServiceFlow, _event: BusLost) -> None:
    """The bus is gone: somebody has killed it, and may start it again. Until TimeoutStartSec= nobody counts as started
    for that."""
    if is_awaited(flow.config, flow.state):
        flow.set(bus_lost=True)
