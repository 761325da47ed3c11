"""What a supervisor tells its manager: nothing of it is lost, whatever the kernel is short of.

A message that cannot be sent now is sent later, in its order. Descriptors of which none are left cannot wait for that:
their message goes without them, and says so.
"""

from __future__ import annotations

from systemctl_replacement.process.link import RETRY_SECONDS, Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.link import Fds, Message


class Uplink:
    """The sending side of a supervisor's link."""

    __slots__ = ("_late", "_link")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._late: list[Message] = []  # what could not even be queued

    @property
    def queued(self) -> int:
        """How many messages the manager was not sent yet."""
        return len(self._late) + self._link.queued

    @property
    def pause(self) -> float | None:
        """Seconds until :meth:`flush` is to be called though nothing has happened; None for never."""
        return RETRY_SECONDS if self._late or self._link.stalled else None

    def send(self, message: Message, fds: Fds = ()) -> None:
        """Sends a message, now or later. The descriptors stay the caller's."""
        if fds:
            if self._try(message, fds):
                return
            message = {**message, "fds_lost": True}
        if not self._try(message):
            self._late.append(message)

    def flush(self) -> None:
        """Goes on with what waits."""
        lost = [message for message, _ in self._link.flush()]
        late, self._late = lost + self._late, []
        for message in late:
            self.send(message)

    def _try(self, message: Message, fds: Fds = ()) -> bool:
        if self._late:
            return False  # which came before
        try:
            self._link.send(message, fds)
        except (OSError, MemoryError):
            return False
        return True
