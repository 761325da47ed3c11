"""What a service tells of itself (sd_notify(3)), and what that means for its state.

Fields that are malformed are told in the log and left out; the rest of the message counts.
"""

from __future__ import annotations

from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.events import Notified
from systemctl_replacement.units.service_flow import LOG_WARNING, Flow
from systemctl_replacement.units.service_state import ExecStatus
from systemctl_replacement.units.states import RELOADS, STOPPING, SUCCESS, WATCHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# While the service is being started, is up or goes down it may say which process is its main one.
_MAIN_MAY_CHANGE = frozenset({"start", "start-post", "running", *RELOADS, *STOPPING})


def notified(flow: Flow, event: Notified) -> None:
    """A notification that NotifyAccess= lets through."""
    fields = event.fields
    if event.main_pid and event.main_pid != flow.state.main_pid and flow.state.sub in _MAIN_MAY_CHANGE:
        flow.set(main=None, main_status=ExecStatus(event.main_pid, flow.state.main_status.start))
        flow.set_main(event.main_pid, event.main_alien)
    if "STATUS" in fields:
        flow.set(status_text=fields["STATUS"])
    errno = _number(flow, event, "ERRNO")
    if errno is not None:
        flow.set(status_errno=errno)
    _watchdog(flow, event)
    extension = _number(flow, event, "EXTEND_TIMEOUT_USEC")
    if extension and extension < INFINITY:
        _extend(flow, flow.context.now + extension)
    _progress(flow, event)


def _number(flow: Flow, event: Notified, name: str) -> Optional[int]:
    """The decimal number of a field; None if there is none, or if it is no number, which is logged."""
    text = event.fields.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and int(text) <= INFINITY:
        return int(text)
    flow.log(LOG_WARNING, f"Failed to parse {name}= field value '{text}' in notification message, ignoring.")
    return None


def _watchdog(flow: Flow, event: Notified) -> None:
    usec = _number(flow, event, "WATCHDOG_USEC")
    if usec is not None:
        flow.set(watchdog_usec=usec)
        if flow.state.sub in WATCHED:
            flow.sign_of_life()
    said = event.fields.get("WATCHDOG")
    if said == "1" and flow.state.sub in WATCHED:
        flow.sign_of_life()
    elif said == "trigger" and flow.state.sub in WATCHED:
        flow.hung()


def _extend(flow: Flow, until: int) -> None:
    """Time out no earlier than `until`; what never times out stays so."""
    state = flow.state
    if state.deadline is not None and state.deadline < until:
        flow.set(deadline=until)
    if state.watchdog_deadline is not None and state.watchdog_deadline < until:
        flow.set(watchdog_deadline=until)


def _progress(flow: Flow, event: Notified) -> None:
    """STOPPING=1, RELOADING=1, READY=1: what the service is at."""
    fields = event.fields
    sub = flow.state.sub
    if fields.get("STOPPING") == "1":
        flow.set(notify_state="stopping")
        if sub in ("running", "reload-signal", "reload-notify"):
            flow.enter_stop_by_notify()
    elif fields.get("RELOADING") == "1":
        flow.set(notify_state="reloading")
        if sub == "running" or (sub == "reload-signal" and _is_answer(flow, event)):
            flow.enter_reload_by_notify()
    elif fields.get("READY") == "1":
        flow.set(notify_state="ready")
        if sub == "start" and flow.config.type in ("notify", "notify-reload"):
            flow.enter_start_post()
        elif sub == "reload-notify" or (sub == "reload" and not flow.control_alive):
            flow.enter_running(SUCCESS)


def _is_answer(flow: Flow, event: Notified) -> bool:
    """Whether RELOADING=1 answers our signal: it must not be older (MONOTONIC_USEC=, systemd.service(5))."""
    began = _number(flow, event, "MONOTONIC_USEC")
    return began is not None and began >= flow.state.reload_begin
