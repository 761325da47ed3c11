"""What a supervisor tells its manager: nothing of it is lost, whatever the kernel is short of.

A message that cannot be sent now is sent later, in its order. Descriptors of which none are left cannot wait for that:
their message goes without them, and says so.
"""

from __future__ import annotations

from systemctl_replacement.process.link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.link import Fds, Message


class Uplink:
    """The sending side of a supervisor's link."""

    __slots__ = ("_link", "late")

    def __init__(self, link: Link) -> None:
        self._link = link
        self.late: list[Message] = []
        """What could not even be queued. While there is any, or the link is stalled, :meth:`flush` has to be called
        every RETRY_SECONDS."""

    def send(self, message: Message, fds: Fds = ()) -> None:
        """Sends a message, now or later. The descriptors stay the caller's."""
        if not self.late:
            try:
                self._link.send(message, fds)
                return
            except (OSError, MemoryError):
                pass  # it is tried again, without what makes it difficult
        self._send_later({**message, "fds_lost": True} if fds else message)

    def flush(self) -> None:
        """Goes on with what waits."""
        lost = [message for message, _ in self._link.flush()]
        late, self.late = lost + self.late, []
        for message in late:
            self._send_later(message)

    def _send_later(self, message: Message) -> None:
        if not self.late:  # else that comes before
            try:
                self._link.send(message)
                return
            except (OSError, MemoryError):
                pass
        self.late.append(message)
