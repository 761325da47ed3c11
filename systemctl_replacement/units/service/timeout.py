"""What a service does when the deadline of its state has passed (systemd.service(5), Timeout…Sec=, RestartSec=)."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.message_ids import UNIT_RESTART_SCHEDULED
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.units.events import EnqueueRestart, Signal
from systemctl_replacement.units.service.exit import restart_delay
from systemctl_replacement.units.service.flow import ServiceFlow
from systemctl_replacement.units.service.states import RELOADS
from systemctl_replacement.units.states import SUCCESS, TIMEOUT


def time_out(flow: ServiceFlow) -> None:
    """The deadline of the state passed."""
    sub, config = flow.state.sub, flow.config
    flow.set(deadline=None)
    if sub in ("condition", "start-pre", "start", "start-post"):
        _time_out_by(flow, config.start_failure_mode, f"{sub} operation timed out.")
    elif sub == "running":
        flow.log(LOG_WARNING, "Service reached runtime time limit. Stopping.")
        flow.enter_stop(TIMEOUT)
    elif sub in RELOADS:
        flow.log(LOG_WARNING, "Reload operation timed out. Killing reload process.")
        if flow.state.control and flow.state.control.pid:
            flow.ask(Signal((flow.state.control.pid,), SIGKILL, cont=False))
        flow.set(reload_result=TIMEOUT)
        flow.enter_running(SUCCESS)
    elif sub == "stop":
        _time_out_by(flow, config.stop_failure_mode, "Stopping timed out.")
    elif sub == "stop-sigterm" and config.stop_failure_mode == "abort":
        flow.log(LOG_WARNING, f"State '{sub}' timed out. Aborting.")
        flow.enter_signal("stop-watchdog", TIMEOUT)
    elif sub == "stop-post":
        _time_out_final(flow, "State 'stop-post' timed out.")
    elif sub == "final-sigterm" and config.stop_failure_mode == "abort":
        flow.log(LOG_WARNING, f"State '{sub}' timed out. Aborting.")
        flow.enter_signal("final-watchdog", TIMEOUT)
    elif sub in flow.rungs:
        flow.kill_timed_out(sub)
    elif sub == "auto-restart":
        _restart(flow)


def _time_out_by(flow: ServiceFlow, mode: str, message: str) -> None:
    if mode == "kill":
        if flow.config.send_sigkill:
            flow.log(LOG_WARNING, f"{message} Killing.")
            flow.enter_signal("stop-sigkill", TIMEOUT)
        else:
            flow.log(LOG_WARNING, f"{message} Skipping SIGKILL.")
            flow.enter_stop_post(TIMEOUT)
    elif mode == "abort":
        flow.log(LOG_WARNING, f"{message} Aborting.")
        flow.enter_signal("stop-watchdog", TIMEOUT)
    else:
        flow.log(LOG_WARNING, f"{message} Terminating.")
        flow.enter_signal("stop-sigterm", TIMEOUT)


def _time_out_final(flow: ServiceFlow, message: str) -> None:
    mode = flow.config.stop_failure_mode
    if mode == "kill" and flow.config.send_sigkill:
        flow.log(LOG_WARNING, f"{message} Killing.")
        flow.enter_signal("final-sigkill", TIMEOUT)
    elif mode == "kill":
        flow.log(LOG_WARNING, f"{message} Skipping SIGKILL.")
        flow.enter_dead(TIMEOUT, allow_restart=False)
    elif mode == "abort":
        flow.log(LOG_WARNING, f"{message} Aborting.")
        flow.enter_signal("final-watchdog", TIMEOUT)
    else:
        flow.log(LOG_WARNING, f"{message} Terminating.")
        flow.enter_signal("final-sigterm", TIMEOUT)


def _restart(flow: ServiceFlow) -> None:
    if flow.context.stop_pending:
        # The unit goes down anyway; look again later in case the stop job is taken back.
        flow.deadline(restart_delay(flow.config, flow.state.restarts))
        return
    flow.set(restarts=flow.state.restarts + 1, flush_restarts=False)
    restarts = str(flow.state.restarts)
    message = f"Scheduled restart job, restart counter is at {restarts}."
    flow.log(LOG_INFO, message, UNIT_RESTART_SCHEDULED, N_RESTARTS=restarts)
    flow.ask(EnqueueRestart())
