"""When the time to stop is nearly over, or is over: whom a service has still to tell, and what it has still to do."""

from __future__ import annotations

from systemctl_replacement.units.events import Signal, SignalAll
from systemctl_replacement.units.service.states import FINAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.service.config import ServiceConfig
    from systemctl_replacement.units.service.state import ServiceState


def remind(config: ServiceConfig, state: ServiceState) -> tuple[Signal | SignalAll, ...]:
    """Signal the processes that KillMode= selects: while ExecStop= runs, none was signalled yet. ExecStop= goes on."""
    if state.sub != "stop" or config.kill_mode == "none":
        return ()
    main = (Signal((state.main_pid,), config.kill_signal, hup=config.send_sighup),) if state.main_pid else ()
    if config.kill_mode == "process" or (config.kill_mode == "mixed" and main):
        return main
    spare = (state.control.pid,) if state.control is not None else ()
    everyone = SignalAll(config.kill_signal, spare, hup=config.send_sighup)
    return (*main, everyone) if state.main_alien else (everyone,)


def signalled(config: ServiceConfig, state: ServiceState) -> tuple[int, ...] | None:
    """The processes of a service that its stop signals and waits for; None: all but those that KillMode= leaves to
    their parent. The rest is left behind."""
    if config.kill_mode not in ("process", "none"):
        return None
    return (state.main_pid,) if config.kill_mode == "process" and state.main_pid else ()


def owed(config: ServiceConfig, state: ServiceState) -> tuple[str, ...]:
    """The directives whose commands have still to run, or to end, before the service is down."""
    sub = state.sub
    if sub in ("dead", "failed", "auto-restart", *FINAL) or (sub == "stop-post" and state.control is None):
        return ()
    both = sub in ("running", "exited", "stop")
    return tuple([name for name in ("ExecStop", "ExecStopPost")[not both :] if config.phase(name)])
