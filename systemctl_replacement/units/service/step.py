"""The service machine: what each event means in each state (systemd.service(5); the diagram is docs/states.md)."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.values import format_time_span
from systemctl_replacement.units.bus_events import BusLost, BusMissing, BusNameChanged
from systemctl_replacement.units.commands.exit import result_of
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.units.events import (
    Action,
    Context,
    Elapsed,
    Empty,
    Event,
    Executed,
    Exited,
    Forked,
    MainGuessed,
    Notified,
    PidFileRead,
    Reload,
    Removed,
    RemoveDirectories,
    RemoverDied,
    ResetFailed,
    RestartRefused,
    SpawnFailed,
    Start,
    StartLimitHit,
    Stop,
    StopRemoving,
    WatchdogElapsed,
)
from systemctl_replacement.units.service.bus_name import await_name, bus_lost, bus_missing, bus_name_changed
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.flow import ServiceFlow
from systemctl_replacement.units.service.main_process import (
    find,
    give_up,
    main_guessed,
    moved,
    pid_file_read,
    reloaded,
    starter_ended,
)
from systemctl_replacement.units.service.notify import notified
from systemctl_replacement.units.service.state import ServiceState
from systemctl_replacement.units.service.states import FINAL, KILLING, RELOADS, STARTING, STOPPING, WATCHED
from systemctl_replacement.units.service.timeout import time_out
from systemctl_replacement.units.states import EXIT_CODE, PROTOCOL, RESOURCES, SKIP_CONDITION, START_LIMIT_HIT, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def step(
    config: ServiceConfig, state: ServiceState, event: Event, context: Context
) -> tuple[ServiceState, tuple[Action, ...]]:
    """The state after an event, and what is to be done about it, in order."""
    flow = ServiceFlow(config, state, context)
    handler = _HANDLERS[type(event)] if state.waiting_for != "removal" else _while_removing
    handler(flow, event)
    return flow.state, tuple(flow.actions)


# --- requests ---------------------------------------------------------------------------------------------------


def _start(flow: ServiceFlow, _event: Start) -> None:
    state = flow.state
    if state.sub not in ("dead", "failed"):
        return
    flow.set(
        result=SUCCESS,
        reload_result=SUCCESS,
        main_pid=0,
        main_known=False,
        main_alien=False,
        main_status=ExecStatus(),
        statuses=(),
        forbid_restart=False,
        notify_state="",
        status_text="",
        status_errno=0,
        restarts=0 if state.flush_restarts else state.restarts,
        watchdog_usec=flow.config.watchdog_usec,
        flush_restarts=False,
    )
    flow.enter_condition()


def _start_limit_hit(flow: ServiceFlow, _event: StartLimitHit) -> None:
    flow.log(LOG_WARNING, "Start request repeated too quickly.")
    if flow.state.sub in ("dead", "failed"):
        # What it failed of before stays its result.
        flow.enter_dead(START_LIMIT_HIT, allow_restart=False)


def _stop(flow: ServiceFlow, _event: Stop) -> None:
    sub = flow.state.sub
    flow.set(forbid_restart=True)
    if sub == "auto-restart":
        flow.enter("dead")
    elif sub in STARTING or sub in RELOADS or sub == "stop-watchdog":
        flow.enter_signal("stop-sigterm", SUCCESS)
    elif sub not in STOPPING and sub not in ("dead", "failed"):
        flow.enter_stop(SUCCESS)


def _reload(flow: ServiceFlow, _event: Reload) -> None:
    if flow.state.sub in ("running", "exited"):
        flow.enter_reload()


def _reset_failed(flow: ServiceFlow, _event: ResetFailed) -> None:
    if flow.state.sub == "failed":
        flow.set(result=SUCCESS, reload_result=SUCCESS)
        flow.enter("dead")
    flow.set(result=SUCCESS, reload_result=SUCCESS, restarts=0, flush_restarts=False)


# --- processes --------------------------------------------------------------------------------------------------


def _forked(flow: ServiceFlow, event: Forked) -> None:
    flow.forked(event)
    main = flow.state.main
    if main is None or main.token != event.token or flow.state.sub != "start":
        return
    if flow.config.type in ("simple", "idle"):
        flow.enter_start_post()


def _executed(flow: ServiceFlow, event: Executed) -> None:
    running = flow.command_of(event.token)
    if running is None:
        return
    flow.set(uid=event.uid, gid=event.gid)
    if not flow.is_main(running) or flow.state.sub != "start":
        return
    if flow.config.type == "exec":
        flow.enter_start_post()
    elif flow.config.type == "dbus":
        await_name(flow)


def _spawn_failed(flow: ServiceFlow, event: SpawnFailed) -> None:
    if flow.spawn_failed(event) is not None:
        flow.resources()


def _exited(flow: ServiceFlow, event: Exited) -> None:
    if event.last:
        flow.set(populated=False)
    if event.pid == flow.state.main_pid:
        _main_exited(flow, event)
    elif flow.state.control is not None and event.pid == flow.state.control.pid:
        _control_exited(flow, event)
    over = flow.state.sub in ("dead", "failed", "auto-restart") or flow.state.waiting_for == "removal"
    if event.last and not over:
        _empty(flow, Empty())


def _main_exited(flow: ServiceFlow, event: Exited) -> None:
    if moved(flow):
        return
    state, config = flow.state, flow.config
    result = result_of(config.success, event.code, event.status, daemon=config.type != "oneshot")
    running = state.main
    ended = replace(state.main_status, pid=event.pid, exit=event.time, code=event.code, status=event.status)
    flow.set(main_pid=0, main_known=True, main_alien=False, main_status=ended)
    if running is not None:
        flow.record(running, exit=event.time, code=event.code, status=event.status)
        if running.command.ignore_failure:
            result = SUCCESS
    elif any(command.ignore_failure for command in config.phase("ExecStart")[:1]):
        result = SUCCESS
    flow.log_exit("Main", "ExecStart", event, quiet=result == SUCCESS)
    flow.fail_with(result)

    following = None
    if running is not None and config.type == "oneshot" and result == SUCCESS and state.sub == "start":
        following = flow.next_index(running)
    flow.set(main=None)
    if following is not None:
        flow.spawn_main(following, config.timeout_start_usec)
        return
    if config.exit_type == "cgroup" and flow.state.populated:
        return  # the service lives as long as any of its processes
    sub = flow.state.sub
    if sub in ("start-post", "reload", "stop"):
        # With a control process at work its end decides.
        if not flow.control_alive:
            if sub == "stop":
                flow.enter_signal("stop-sigterm", result)
            else:
                flow.enter_stop(result)
    elif sub == "start" and config.type == "oneshot":
        if result == SUCCESS:
            flow.enter_start_post()
        else:
            flow.enter_signal("stop-sigterm", result)
    elif sub == "start" and config.type in ("notify", "notify-reload"):
        # Only a notification makes such a service active.
        if result != SUCCESS:
            flow.enter_signal("stop-sigterm", result)
        elif not config.remain_after_exit or config.notify_access == "main":
            flow.enter_signal("stop-sigterm", PROTOCOL)
    elif sub in ("start", "running", "reload-signal", "reload-notify"):
        flow.enter_running(result)
    elif sub in KILLING:
        if not flow.control_alive:
            flow.enter_stop_post(result)
    elif sub == "stop-post":
        if not flow.control_alive:
            flow.enter_signal("final-sigterm", result)
    elif sub in FINAL and not flow.control_alive:
        flow.enter_dead(result)


def _control_exited(flow: ServiceFlow, event: Exited) -> None:
    state, config = flow.state, flow.config
    # Of control processes only the starter of a forking service counts as a daemon.
    daemon = config.type != "oneshot" and state.control is not None and state.control.phase == "ExecStart"
    running, result = flow.control_ended(event, daemon=daemon)
    sub = state.sub
    if sub == "condition" and result == EXIT_CODE and event.status < 255:
        result = SKIP_CONDITION
    role = "Condition check" if sub == "condition" else "Control"
    flow.log_exit(role, running.phase, event, quiet=result in (SUCCESS, SKIP_CONDITION))
    if sub != "reload":
        flow.fail_with(result)
    if result == SUCCESS:  # also of one that was to be killed but ended well: the next one runs
        starting = sub in STARTING or sub == "reload"
        if flow.spawn_next(running, config.timeout_start_usec if starting else config.timeout_stop_usec):
            return
    if sub == "condition":
        if result == SUCCESS:
            flow.enter_start_pre()
        else:
            flow.enter_signal("stop-sigterm", result)
    elif sub == "start-pre":
        if result == SUCCESS:
            flow.enter_start()
        else:
            flow.enter_signal("stop-sigterm", result)
    elif sub == "start":
        if config.type == "forking":
            if result == SUCCESS:
                starter_ended(flow)
            else:
                flow.enter_signal("stop-sigterm", result)
    elif sub == "start-post":
        if result != SUCCESS:
            flow.enter_signal("stop-sigterm", result)
        else:
            find(flow)
    elif sub == "reload":
        flow.set(reload_result=result)
        if result == SUCCESS and reloaded(flow):
            return
        if config.type == "notify-reload" and state.notify_state == "reloading":
            flow.enter("reload-notify")
        else:
            flow.enter_running(SUCCESS)
    elif sub == "stop":
        flow.enter_signal("stop-sigterm", result)
    elif flow.main_alive():
        return  # wait for the main process as well
    elif sub in KILLING:
        flow.enter_stop_post(result)
    elif sub == "stop-post":
        flow.enter_signal("final-sigterm", result)
    elif sub in FINAL:
        flow.enter_dead(result)


# --- everything else ----------------------------------------------------------------------------------------------


def _empty(flow: ServiceFlow, _event: Empty) -> None:
    flow.set(populated=False)
    state, config = flow.state, flow.config
    sub = state.sub
    if state.main_pid and not state.main_alien:
        return  # its own exit is still to be reported, and says more
    main_gone, control_gone = not flow.main_alive(), not flow.control_alive
    if sub in ("start", "start-post") and main_gone and control_gone:
        if state.waiting_for == "pidfile":
            give_up(flow)
        elif sub == "start" and config.type in ("notify", "notify-reload"):
            flow.enter_stop_post(PROTOCOL)
    elif sub in ("running", "reload-signal", "reload-notify"):
        flow.enter_running(SUCCESS)
    elif main_gone and control_gone and sub in KILLING:
        flow.enter_stop_post(SUCCESS)
    elif main_gone and control_gone and (sub == "stop-post" or sub in FINAL):
        flow.enter_dead(SUCCESS)


def _elapsed(flow: ServiceFlow, _event: Elapsed) -> None:
    time_out(flow)


def _restart_refused(flow: ServiceFlow, _event: RestartRefused) -> None:
    if flow.state.sub == "auto-restart":
        flow.log(LOG_WARNING, "Failed to schedule restart job.")
        flow.enter_dead(RESOURCES, allow_restart=False)


def _removed(flow: ServiceFlow, _event: Removed) -> None:
    if flow.state.waiting_for != "removal":
        return
    flow.set(waiting_for="")
    if flow.state.sub in ("dead", "failed"):
        flow.enter(flow.state.sub)  # for who waits to start it
    else:
        flow.leave()


def _remover_died(flow: ServiceFlow, _event: RemoverDied) -> None:
    if flow.state.waiting_for == "removal":
        flow.ask(RemoveDirectories(flow.state.preserving))


def _while_removing(flow: ServiceFlow, event: Event) -> None:
    """Between the end of the service and that of its runtime directories: nothing happens to it any more."""
    if isinstance(event, Removed):
        _removed(flow, event)
    elif isinstance(event, RemoverDied):
        _remover_died(flow, event)
    elif isinstance(event, Elapsed):
        flow.log(LOG_WARNING, "Removing the runtime directories takes too long, leaving them.")
        flow.ask(StopRemoving())
        _removed(flow, Removed())
    elif isinstance(event, ResetFailed):
        _reset_failed(flow, event)
        flow.set(waiting_for="removal")
    elif isinstance(event, Forked):
        flow.set(populated=True)
    elif isinstance(event, Empty) or (isinstance(event, Exited) and event.last):
        flow.set(populated=False)
    elif isinstance(event, Stop):
        flow.set(forbid_restart=True)


def _watchdog_elapsed(flow: ServiceFlow, _event: WatchdogElapsed) -> None:
    if flow.state.sub in WATCHED:
        flow.hung(f"Watchdog timeout (limit {format_time_span(flow.state.watchdog_usec or 0)})!")


_HANDLERS: dict[type[Any], Callable[[ServiceFlow, Any], None]] = {
    Start: _start,
    StartLimitHit: _start_limit_hit,
    Stop: _stop,
    Reload: _reload,
    ResetFailed: _reset_failed,
    Forked: _forked,
    Executed: _executed,
    SpawnFailed: _spawn_failed,
    Exited: _exited,
    Empty: _empty,
    Elapsed: _elapsed,
    RestartRefused: _restart_refused,
    WatchdogElapsed: _watchdog_elapsed,
    Notified: notified,
    MainGuessed: main_guessed,
    PidFileRead: pid_file_read,
    BusNameChanged: bus_name_changed,
    BusMissing: bus_missing,
    BusLost: bus_lost,
    Removed: _removed,
    RemoverDied: _remover_died,
}
