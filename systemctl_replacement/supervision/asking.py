"""Requests to a supervisor: a process, with what has to arrive before it, and signals."""

from __future__ import annotations

from systemctl_replacement.process import exec_spec
from systemctl_replacement.process.exec_spec import ExecSpec
from systemctl_replacement.process.link import MAXIMUM_FDS
from systemctl_replacement.supervision.unit_processes import Tracking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Send = Callable[[dict[str, Any], Sequence[int]], object]

_NO_TOKEN = 0


def how(signal: int, cont: bool, hup: bool, purpose: str) -> dict[str, Any]:
    """The fields of a message that say how processes are to be signalled (process/told.py)."""
    return {"signal": signal, "cont": cont, "hup": hup, "why": purpose}


def identity(tracking: Tracking) -> dict[str, Any]:
    """The message that says which process is which, and who may notify."""
    access = {"notify_access": tracking.notify_access} if tracking.notify_access else {}
    return {"op": "identity", "main": tracking.main, "control": tracking.control, **access}


def ask(
    tracking: Tracking, token: int, spec: ExecSpec, fds: Sequence[int], settings: dict[str, Any], send: Send
) -> None:
    """Request a process, with descriptors to pass on. Changed settings of the supervisor are sent before. OSError if
    there is no room for the descriptors."""
    if settings != tracking.settings:
        if tracking.settings:
            send({"op": "settings", **settings["stopping"], **settings["journal"]}, ())
        tracking.settings = settings
    tracking.users.prepare(spec, send)
    tracking.tokens.add(token)
    try:
        while len(fds) > MAXIMUM_FDS:
            send({"op": "pass", "token": token}, fds[:MAXIMUM_FDS])
            fds = fds[MAXIMUM_FDS:]
        send({"op": "spawn", "token": token, **exec_spec.encode(spec)}, fds)
    except OSError:
        tracking.tokens.discard(token)
        send({"op": "pass", "token": _NO_TOKEN}, ())  # the supervisor drops what was sent ahead
        raise
