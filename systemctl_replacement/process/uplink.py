"""Messages from a supervisor to its manager: none is lost, whatever resource the kernel lacks.

A message that cannot be sent now is sent later, in order. Descriptors cannot wait when none is left to duplicate them:
their message is sent without them, and says so.
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
        """Messages that could not even be queued. While there are any, or the link is stalled, :meth:`flush` has to be
        called every RETRY_SECONDS."""

    def send(self, message: Message, fds: Fds = ()) -> None:
        """Send a message, now or later. The caller keeps the descriptors."""
        if not self.late:
            try:
                self._link.send(message, fds)
                return
            except (OSError, MemoryError):
                pass  # tried again without the descriptors
        self._send_later({**message, "fds_lost": True} if fds else message)

    def flush(self) -> None:
        """Send what waits."""
        lost = [message for message, _ in self._link.flush()]
        late, self.late = lost + self.late, []
        for message in late:
            self._send_later(message)

    def _send_later(self, message: Message) -> None:
        if not self.late:  # else the late messages come first
            try:
                self._link.send(message)
                return
            except (OSError, MemoryError):
                pass
        self.late.append(message)
