"""Which process is the main one of a service: what PIDFile= names, a guess, and how it moves (systemd.service(5)).

PIDFile= is read when a process of the service ends, and while it is awaited. The end of the main process is no end of
the service when the file names another process by then: servers that replace themselves write it anew (nginx, unicorn).
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_WARNING
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.units.events import GuessMain, MainGuessed, PidFileRead, WatchPidFile
from systemctl_replacement.units.service.flow import ServiceFlow
from systemctl_replacement.units.states import PROTOCOL, SUCCESS


def move(flow: ServiceFlow, pid: int, alien: bool) -> None:
    """Another process is the main one from now on."""
    start = (flow.context.realtime, flow.context.now)
    flow.set(main_status=ExecStatus(pid, start))
    flow.set_main(pid, alien)


def moved(flow: ServiceFlow) -> bool:
    """The main process has ended: whether PIDFile= names another one, which is the main process now."""
    before = flow.state.main_pid
    return _take(flow, flow.context.pid_file, patient=True) and flow.state.main_pid != before


def _take(flow: ServiceFlow, read: PidFileRead | None, patient: bool) -> bool:
    """Believe a PID file; whether it names a main process. What is missing is told unless we are `patient`."""
    if read is None:
        return False
    if not read.pid:
        if read.refused:
            flow.log(LOG_ERR, read.message)
        elif not patient:
            flow.log(LOG_INFO, read.message)
        return False
    if read.pid != flow.state.main_pid:
        move(flow, read.pid, read.alien)
    return True


def starter_ended(flow: ServiceFlow) -> None:
    """The ExecStart= command of a forking service ended well."""
    if flow.config.pid_file and flow.config.phase("ExecStartPost"):
        # Which may be what writes the file: then it is read again after that.
        _take(flow, flow.context.pid_file, patient=True)
        flow.enter_start_post()
    else:
        find(flow)


def find(flow: ServiceFlow) -> None:
    """Find out the main process before going on from `start` or `start-post`; that may take its time."""
    config = flow.config
    if config.pid_file:
        if _take(flow, flow.context.pid_file, patient=False):
            _go_on(flow)
        elif flow.state.populated:
            flow.set(waiting_for="pidfile")
            flow.ask(WatchPidFile(True))
        elif flow.state.sub == "start":
            flow.enter_signal("stop-sigterm", PROTOCOL)
        else:
            flow.enter_stop(PROTOCOL)
    elif not _guess(flow):
        _go_on(flow)


def _guess(flow: ServiceFlow) -> bool:
    """Ask for a guess, where there may be one; whether the answer is to be waited for."""
    state = flow.state
    if state.main_known or not flow.config.guess_main_pid or not state.populated:
        return False
    flow.set(waiting_for="guess")
    flow.ask(GuessMain())
    return True


def reloaded(flow: ServiceFlow) -> bool:
    """ExecReload= ended well, and may have moved the main process; whether an answer is to be waited for."""
    return not _take(flow, flow.context.pid_file, patient=False) and _guess(flow)


def _go_on(flow: ServiceFlow) -> None:
    flow.set(waiting_for="")
    if flow.state.sub == "start":
        flow.enter_start_post()
    else:
        flow.enter_running(SUCCESS)


def main_guessed(flow: ServiceFlow, event: MainGuessed) -> None:
    """The answer to a guess."""
    if flow.state.waiting_for != "guess":
        return
    if event.pid:
        move(flow, event.pid, alien=False)
    _go_on(flow)


def pid_file_read(flow: ServiceFlow, event: PidFileRead) -> None:
    """PIDFile= is awaited, and something happened to it."""
    if flow.state.waiting_for == "pidfile" and _take(flow, event, patient=True):
        flow.ask(WatchPidFile(False))
        _go_on(flow)


def give_up(flow: ServiceFlow) -> None:
    """PIDFile= is awaited, and nobody is left to write it."""
    flow.log(LOG_WARNING, "Daemon never wrote its PID file. Failing.")
    if flow.state.sub == "start":
        flow.enter_stop_post(PROTOCOL)
    else:
        flow.enter_stop(PROTOCOL)
