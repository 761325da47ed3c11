"""How a manager on demand leaves everything to an init that has started beside it (:mod:`.takeover` is the other end).

The init asks by `HandOver` on the control socket. What is sent is a re-execution's state, with the descriptors that it
names. From then on until the answer this manager is frozen: what it read from a supervisor now, nobody else would
hear. If the init has it all, this process ends in that moment; otherwise it goes on as if it had not been asked.
"""

from __future__ import annotations

import os
import select

from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.process.link import Link, pack_fds
from systemctl_replacement.supervision.client import make_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Any, Protocol

    from systemctl_replacement.control.request import Request
    from systemctl_replacement.manager.manager import Manager
    from systemctl_replacement.manager.reexec.reexecution import Reexecution

    class OnConnection(Request, Protocol):
        """A request that has come by a connection of the control protocol: no other one can be handed anything over."""

        def error(self, name: str) -> None:
            """End it with an error of the interface."""

        def take_socket(self) -> _socket.socket:
            """End it without an answer: the connection is the handler's from now on. ValueError if it has ended."""


# How many descriptors one message carries.
BATCH = 250

_FAILED = "org.freedesktop.DBus.Error.Failed"

# It waits for messages to be taken, as a re-execution does: a little longer each time, a few seconds in all.
_DELAY_USEC = 1000
_MOST_DELAYS = 80

# The init's own patience is shorter: when this one is over, nobody waits for us.
_PATIENCE_USEC = 30_000_000

_SOL_SOCKET, _SCM_RIGHTS = 1, 1


class Bequest:
    """Answers HandOver, with what a re-execution would take along."""

    def __init__(self, manager: Manager, reexecution: Reexecution) -> None:
        self._manager = manager
        self._loop = manager.loop
        self._log = manager.log
        self._reexecution = reexecution

    def begin(self, request: OnConnection) -> None:
        if self._manager.halt.requested:
            request.fail(_FAILED, "It is about to end.")
            return
        # Not before the request has been dealt with: the connection is taken from the server.
        self._loop.call_soon(lambda: self._try(request, 1))

    def _obstacle(self) -> str:
        # The forkserver stays with us: what it was asked for, it must have made.
        trackings = self._manager.processes.trackings.values()
        awaits = any(tracking.link is not None and not tracking.supervisor for tracking in trackings)
        return self._reexecution.obstacle() or ("a supervisor is being made" if awaits else "")

    def _state(self) -> dict[str, Any]:
        return {**self._reexecution.state(), "forkserver": None, "console": None}

    def _try(self, request: OnConnection, attempt: int) -> None:
        obstacle = "" if request.cancelled else self._obstacle()
        if obstacle and attempt <= _MOST_DELAYS:
            self._reexecution.rest()
            self._loop.call_at(now_monotonic() + _DELAY_USEC * attempt, lambda: self._try(request, attempt + 1))
            return
        self._reexecution.go_on()  # at the loop's next turn, if this process has one
        if obstacle:
            request.fail(_FAILED, f"There is work under way that cannot be handed over: {obstacle}.")
        elif not request.cancelled:
            self._give(request)

    def _give(self, request: OnConnection) -> None:
        socket = request.take_socket()
        try:
            if give(socket, self._state()):
                os._exit(0)  # nothing is closed or removed by us: it is another's now
        except OSError as error:
            self._log.manager(LOG_WARNING, f"Cannot hand over to another manager: {error.strerror}")
        else:
            self._log.manager(LOG_INFO, "The manager that wanted to take over did not.")
        finally:
            socket.close()


def give(socket: _socket.socket, state: dict[str, Any]) -> bool:
    """Send a state and its descriptors to whoever has asked on this connection; whether it has taken them. OSError."""
    link, theirs = make_pair()
    try:
        socket.sendmsg([b'{"parameters":{}}\0'], [(_SOL_SOCKET, _SCM_RIGHTS, pack_fds([theirs]))])
    finally:
        os.close(theirs)
    try:
        numbers = reexec_state.descriptors(state)
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start : start + BATCH]
            link.send({"descriptors": batch}, batch)
        link.send({"state": state})
        return _is_taken(link)
    finally:
        link.close()


def _is_taken(link: Link) -> bool:
    end = now_monotonic() + _PATIENCE_USEC
    poll = select.poll()
    while (left := end - now_monotonic()) > 0:
        poll.register(link.fileno(), select.POLLIN | (select.POLLOUT if link.wants_write else 0))
        poll.poll(left // 1000 + 1)
        try:
            link.flush()
            answers = link.receive()
        except EOFError:
            return False
        if answers:
            return answers[0][0] == {"taken": True}
    return False
