"""What a service tells of itself (sd_notify(3)), and what that means for its state.

Fields that are malformed are told in the log and left out; the rest of the message counts.
"""

from __future__ import annotations

import errno

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.events import Notified
from systemctl_replacement.units.numbers import c_integer
from systemctl_replacement.units.service.flow import ServiceFlow
from systemctl_replacement.units.service.main_process import move
from systemctl_replacement.units.service.states import RELOADS, STOPPING, WATCHED
from systemctl_replacement.units.states import SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_ERRNO_MAX = 4095

# What a service is at. Of several in one message the last one counts.
PROGRESS = ("READY", "RELOADING", "STOPPING")

# While the service is being started, is up or goes down it may say which process is its main one.
_MAIN_MAY_CHANGE = frozenset({"start", "start-post", "running", *RELOADS, *STOPPING})


def notified(flow: ServiceFlow, event: Notified) -> None:
    """A notification that NotifyAccess= lets through."""
    fields = event.fields
    if event.main_pid and event.main_pid != flow.state.main_pid and flow.state.sub in _MAIN_MAY_CHANGE:
        move(flow, event.main_pid, event.main_alien)
    if "STATUS" in fields:
        _status(flow, fields["STATUS"])
    if "ERRNO" in fields:
        _errno(flow, fields["ERRNO"])
    extension = _usec(flow, event, "EXTEND_TIMEOUT_USEC")
    _watchdog(flow, event)
    if extension and extension < INFINITY:
        _extend(flow, flow.context.now + extension)
    _progress(flow, event)


def _status(flow: ServiceFlow, text: str) -> None:
    """A text that is no UTF-8 (surrogate escapes) empties what is shown, as under systemd."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        flow.log(LOG_WARNING, "Status message in notification message is not UTF-8 clean, ignoring.")
        text = ""
    flow.set(status_text=text)


def _errno(flow: ServiceFlow, text: str) -> None:
    """ERRNO= is a number or a name (ENOENT)."""
    number = next((number for number, name in errno.errorcode.items() if name == text), None)
    if number is None:
        number = c_integer(text)
    if number is not None and 0 <= number <= _ERRNO_MAX:
        flow.set(status_errno=number)
        return
    reason = "Invalid argument" if number is None else "Numerical result out of range"
    flow.log(LOG_WARNING, f"Failed to parse ERRNO= field value '{text}' in notification message: {reason}")


def _usec(flow: ServiceFlow, event: Notified, name: str) -> Optional[int]:
    """The microseconds of a field; None if there are none, or if they are no number, which is logged."""
    text = event.fields.get(name)
    if text is None:
        return None
    usec = c_integer(text)
    if usec is not None and 0 <= usec <= INFINITY:
        return usec
    flow.log(LOG_WARNING, f"Failed to parse {name}={text}")
    return None


def _watchdog(flow: ServiceFlow, event: Notified) -> None:
    said = event.fields.get("WATCHDOG")
    if said not in (None, "1", "trigger"):
        flow.log(LOG_WARNING, "Passed WATCHDOG= field is invalid, ignoring.")
    elif said == "1" and flow.state.sub in WATCHED:
        flow.sign_of_life()
    elif said == "trigger" and flow.state.sub in WATCHED:
        flow.hung(f"Watchdog request (last status: {flow.state.status_text or '<unset>'})!")
    usec = _usec(flow, event, "WATCHDOG_USEC")
    if usec is not None:
        flow.set(watchdog_usec=usec)
        if flow.state.sub in WATCHED:
            flow.sign_of_life()


def _extend(flow: ServiceFlow, until: int) -> None:
    """Time out no earlier than `until`; what never times out stays so."""
    state = flow.state
    if state.deadline is not None and state.deadline < until:
        flow.set(deadline=until)
    if state.watchdog_deadline is not None and state.watchdog_deadline < until:
        flow.set(watchdog_deadline=until)


def _progress(flow: ServiceFlow, event: Notified) -> None:
    """STOPPING=1, RELOADING=1, READY=1: what the service is at."""
    said = [name for name in event.fields if name in PROGRESS and event.fields[name] == "1"]
    if not said:
        return
    sub, reloads = flow.state.sub, flow.config.type == "notify-reload"
    # systemd 253, which introduced notify-reload, has them in an order of precedence.
    last = next(name for name in ("STOPPING", "READY", "RELOADING") if name in said) if reloads else said[-1]
    if last == "STOPPING":
        flow.set(notify_state="stopping")
        if sub in ("running", "reload-signal", "reload-notify"):
            flow.enter_stop_by_notify()
    elif last == "RELOADING":
        flow.set(notify_state="reloading")
        if sub == "running" or (sub == "reload-signal" and _is_answer(flow, event)):
            flow.enter_reload_by_notify()
    else:
        flow.set(notify_state="ready")
        if sub == "start" and flow.config.type in ("notify", "notify-reload"):
            flow.enter_start_post()
        elif sub == "reload-notify" or (sub == "reload" and not flow.control_alive):
            flow.enter_running(SUCCESS)
        elif sub == "reload-signal" and "RELOADING" in said and _is_answer(flow, event):
            flow.enter_running(SUCCESS)  # it began and ended in one message


def _is_answer(flow: ServiceFlow, event: Notified) -> bool:
    """Whether RELOADING=1 answers our signal: it must not be older (MONOTONIC_USEC=, systemd.service(5))."""
    text = event.fields.get("MONOTONIC_USEC")
    began = c_integer(text) if text is not None else None
    if text is not None and began is None:
        flow.log(LOG_WARNING, f"Failed to parse MONOTONIC_USEC= field in notification message, ignoring: {text}")
    return began is not None and began >= flow.state.reload_begin
