"""What a supervisor reports of its unit's processes, and what it could not be told, made into the events of the unit's
machine."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.process.descendants import wait_status
from systemctl_replacement.process.foreign import is_child
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.units.events import (
    Empty,
    Event,
    Executed,
    Exited,
    Forked,
    MainGuessed,
    Notified,
    Removed,
    SpawnFailed,
)
from systemctl_replacement.wait_status import decode_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def report(
    tracking: Tracking,
    message: dict[str, Any],
    on_event: Callable[[str, Event], None],
    log_unit: Callable[[str, int, str], None],
) -> None:
    """Take note of one message (:mod:`systemctl_replacement.supervision.client` describes them) and pass it on."""
    event, unit = message["ev"], tracking.unit
    if event == "forked":
        tracking.tokens.discard(message["token"])
        tracking.populated = True
        on_event(unit, Forked(message["token"], message["pid"], tuple(message["time"])))
    elif event == "executed":
        on_event(unit, Executed(message["token"], message.get("uid", -1), message.get("gid", -1)))
    elif event == "spawn-failed":
        tracking.tokens.discard(message["token"])
        on_event(unit, SpawnFailed(message["token"], message["message"]))
    elif event == "exited":
        pid, code, status = message["pid"], message["code"], message["status"]
        if message.get("unseen"):
            code, status = _how_it_ended(tracking, pid)
        if message["last"]:
            tracking.populated = False
        empty = message["last"] and not tracking.has_strays
        on_event(unit, Exited(pid, code, status, tuple(message["time"]), last=empty))
    elif event == "empty":
        if tracking.populated:
            tracking.populated = False
            if not tracking.has_strays:
                on_event(unit, Empty())
    elif event == "notify":
        on_event(unit, Notified(message["pid"], message["text"], uid=message["uid"]))
    elif event == "children":
        tracking.children = [(pid, start) for pid, start in message["pids"]]
        if tracking.children:
            tracking.populated = True
    elif event == "guess":
        on_event(unit, MainGuessed(message["pid"]))
    elif event == "signalled":
        del tracking.unanswered[:1]
    elif event == "kill-denied":
        pids = ", ".join(map(str, message["pids"]))
        log_unit(unit, LOG_WARNING, f"Not permitted to signal processes: {pids}")
    elif event == "removed":
        if message["number"] == tracking.removing:
            tracking.removing = 0
            on_event(unit, Removed())
    elif event == "log-dropped":
        log_unit(unit, LOG_WARNING, f"{message['count']} lines dropped, the console was blocked")
    elif event == "problem":
        log_unit(unit, LOG_ERR, f"supervisor: {message['message']}")


def _how_it_ended(tracking: Tracking, pid: int) -> tuple[str, int]:
    """The code and status of a process that its supervisor is not the parent of. We may be: it is reaped, and yet to be
    told of, or about to be reaped. Of another's child nobody tells us: systemd, too, counts such an end as success."""
    if end := tracking.ended.pop(pid, None):
        return decode_status(end[0])
    return decode_status(wait_status(pid) if is_child(pid) else 0)


def undelivered(
    tracking: Tracking,
    message: dict[str, Any],
    error: OSError,
    on_event: Callable[[str, Event], None],
    complain: Callable[[str, str], None],
) -> None:
    """A message to the supervisor could not be sent: nobody will do what it asks for, nor answer it."""
    operation, unit = message["op"], tracking.unit
    complain(unit, f"Cannot send '{operation}' to the supervisor: {error.strerror}")
    tracking.unanswered = [sent for sent in tracking.unanswered if sent is not message]
    if operation == "spawn" and message["token"] in tracking.tokens:
        tracking.tokens.discard(message["token"])
        on_event(unit, SpawnFailed(message["token"], error.strerror or str(error)))
    elif operation == "remove" and message["number"] == tracking.removing:
        tracking.removing = 0
        on_event(unit, Removed())
