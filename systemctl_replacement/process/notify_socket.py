"""A unit's notify socket as its supervisor reads it: what is passed up to the manager, and with which descriptors.

Those that the manager would only close, because the unit may store no more of them, are closed here: anybody who may
speak for a unit could otherwise keep the manager busy with closing.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.process import notify
from systemctl_replacement.process.link import close_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.log_limit import LogLimit
    from systemctl_replacement.process.link import Message


class NotifySocket:
    """access: NotifyAccess=; barriers: descriptors that are closed once everything so far has been sent (BARRIER=1)."""

    __slots__ = (
        "_complaints",
        "_guard",
        "_may_speak",
        "_removals",
        "_room",
        "_send",
        "_socket",
        "access",
        "barriers",
    )

    def __init__(
        self,
        fd: int,
        send: Callable[[Message, list[int]], None],
        complaints: LogLimit,
        may_speak: Callable[[int, int], bool],
        guard: Callable[..., None],
    ) -> None:
        self.access = "main"
        self.barriers: list[int] = []
        self._socket = notify.open_socket(fd)
        self._send = send
        self._complaints = complaints
        self._may_speak = may_speak
        self._guard = guard
        self._room = 0
        self._removals = 0  # that have not been answered: there may be more room than we know of

    def fileno(self) -> int:
        return self._socket.fileno()

    def set_room(self, room: int, is_answer: bool) -> None:
        """How many more descriptors the unit may store."""
        self._room = room
        self._removals -= is_answer

    def read(self, main: int, control: int) -> bool:
        """Handle one datagram. Returns whether there was one."""
        datagram = notify.receive(self._socket)
        if datagram is None:
            return False
        self._guard(self._hear, datagram, main, control)
        close_fds(datagram.fds)
        return True

    def _hear(self, datagram: notify.Datagram, main: int, control: int) -> None:
        complaint, heard = notify.judge(datagram, self.access, main, control, self._may_speak)
        if complaint:
            self._complaints.log(LOG_WARNING, complaint)
        if datagram.text.get("BARRIER") == "1":
            self.barriers += datagram.fds
            datagram.fds = []
        elif heard:
            message, fds = notify.message(datagram)
            if fds and not (self._room or self._removals):
                message["refused"], fds = len(fds), []
            if datagram.text.get("FDSTOREREMOVE") == "1":
                message["asks"] = True
                self._removals += 1
            self._send(message, fds)
