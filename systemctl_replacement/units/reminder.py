"""Telling a service that the time to stop is nearly over, while its ExecStop= is still at work."""

from __future__ import annotations

from systemctl_replacement.units.events import Signal, SignalAll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.events import Action
    from systemctl_replacement.units.service_config import ServiceConfig
    from systemctl_replacement.units.service_state import ServiceState


def remind(config: ServiceConfig, state: ServiceState) -> tuple[Action, ...]:
    """KillSignal= for the main process, which has had no signal yet, or else for all but the command; it goes on."""
    if state.sub != "stop" or config.kill_mode == "none":
        return ()
    if state.main_pid:
        return (Signal((state.main_pid,), config.kill_signal, hup=config.send_sighup, cont=True),)
    if config.kill_mode != "control-group":
        return ()
    spare = (state.control.pid,) if state.control is not None else ()
    return (SignalAll(config.kill_signal, spare, hup=config.send_sighup),)
