"""The manager's handle of the console process.

The manager never writes to the container's stdout itself. It sends its lines to the console process over a link that
never blocks.
"""

from __future__ import annotations

import _socket
import os
import stat

from systemctl_replacement.loop import READ, Loop
from systemctl_replacement.process.link import Link
from systemctl_replacement.supervision import links
from systemctl_replacement.supervision.client import ForkServer, make_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


# With this many lines in the queue the console counts as blocked. Further lines are dropped and counted.
_QUEUE_LIMIT = 1000


class ConsoleHandle:
    """The process that owns the container's stdout. If it dies, a new one is made. That one gets the manager's lines
    again that its predecessor did not confirm; what supervisors had sent to the predecessor is lost."""

    def __init__(self, loop: Loop, stdout: int, as_json: bool) -> None:
        self.as_json = as_json
        self.pid = 0
        self.link: Link | None = None
        self._loop = loop
        self.stdout = stdout
        self._dropped = 0
        self.on_room: Callable[[int], object] | None = None  # told how many lines were dropped, once there is room
        self.on_lost: Callable[[], object] | None = None  # called when the process died, to have another one made
        self.on_debt: Callable[[], object] | None = None  # called when the process owes an answer, or none any more
        self._unconfirmed: list[dict[str, object]] = []
        self._covered = 0  # how many of these the last request to flush came after
        self._flushes = 0  # requests that are not answered yet
        self._flushed: list[Callable[[], object]] = []

    def start(self, forkserver: ForkServer) -> None:
        """Ask for a console process; its sources have to be given to it again. OSError."""
        self._disconnect()
        link, theirs = make_pair()
        try:
            forkserver.request_console(theirs, self.stdout, self.as_json, self.is_tty)
            self.adopt(link)
        except BaseException:
            self.link = None
            link.close()
            raise
        finally:
            os.close(theirs)
        for line in self._unconfirmed:
            self._send(line)
        if self._unconfirmed or self._flushed:
            self._request_flush()

    def adopt(self, link: Link) -> None:
        self.link = link
        self._loop.add(link.fileno(), READ, lambda _events: self._go_on(link))

    def _disconnect(self) -> None:
        if self.link is not None:
            self._loop.remove(self.link.fileno())
            self.link.close()
            self.link = None
        self.pid = self._flushes = 0

    def drop(self) -> None:
        """Go on without a console process."""
        self._disconnect()
        self._tell_flushed()

    def source(self, unit: str) -> int:
        """A descriptor for a supervisor to write its unit's lines to; -1 without a console process. The caller's.
        OSError."""
        if self.link is None:
            return -1
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
        try:
            self._send({"op": "add", "unit": unit}, [theirs.fileno()])
            return ours.detach()
        finally:
            ours.close()
            theirs.close()

    @property
    def is_tty(self) -> bool:
        """Whether the output is a terminal."""
        return stat.S_ISCHR(os.fstat(self.stdout).st_mode) and os.isatty(self.stdout)

    def write(self, record: dict[str, object], text: str) -> None:
        """Show one line of the manager: as a record, or as text. Without a console process the next one gets it."""
        self._write({"op": "record", "record": record} if self.as_json else {"op": "write", "text": text})

    def print(self, text: str) -> None:
        """Show one line as text."""
        self._write({"op": "write", "text": text})

    def print_for_now(self, text: str) -> None:
        """Show one line until there is another one to show, on a terminal that can take it back. It is left out when
        something else is still to be shown."""
        if self.link is not None and not self.link.queued and not self._flushes:
            self._send({"op": "for-now", "text": text})

    def _write(self, line: dict[str, object]) -> None:
        if self.link is not None and self.link.queued > _QUEUE_LIMIT:
            self._dropped += 1
            return
        try:
            if self.link is not None:
                self._send(line)
        except OSError:
            self._dropped += 1  # too long for a message, and no descriptor to be had
            return
        self._unconfirmed.append(line)
        if len(self._unconfirmed) > _QUEUE_LIMIT:
            del self._unconfirmed[0]
            self._covered = max(self._covered - 1, 0)
            self._dropped += self.link is None
        if self.link is not None and not self._flushes:
            self._request_flush()

    def flush(self, then: Callable[[], object]) -> None:
        """Call back once everything has been written, or at once if there is no console process."""
        self._flushed.append(then)
        if self.link is None:
            self._tell_flushed()
        else:
            self._request_flush()

    @property
    def flushing(self) -> bool:
        """Whether an answer is owed."""
        return bool(self._flushes)

    @property
    def is_asked_for(self) -> bool:
        """Whether a process was asked for that is not there yet."""
        return self.link is not None and not self.pid

    def made(self, pid: int) -> None:
        """The process is there; 0: there is none to be had."""
        self.pid = pid
        if not pid:
            self.drop()

    def look(self) -> None:
        """Somebody finds it blocked: have it answer, to see whether it can."""
        if self.link is not None and not self._flushes:
            self._request_flush()

    def _request_flush(self) -> None:
        self._covered = len(self._unconfirmed)
        self._flushes += 1
        self._send({"op": "flush"})
        if self.on_debt is not None:
            self.on_debt()

    def _confirmed(self) -> None:
        """A request to flush is answered. With several on their way only the last answer counts."""
        self._flushes = max(self._flushes - 1, 0)
        if self._flushes:
            return
        if self.on_debt is not None:
            self.on_debt()
        del self._unconfirmed[: self._covered]
        if self._unconfirmed:
            self._request_flush()
        else:
            self._tell_flushed()

    def _tell_flushed(self) -> None:
        flushed, self._flushed = self._flushed, []
        for callback in flushed:
            self._loop.guard(callback)

    def _send(self, message: dict[str, object], fds: list[int] | None = None) -> None:
        assert self.link is not None
        link = self.link
        link.send(message, fds or [])
        links.watch(self._loop, link, lambda: self._go_on(link))

    def lose(self) -> None:
        """The process is dead, or as good as that."""
        self._disconnect()
        if self.on_lost is not None:
            self.on_lost()
        else:
            self._tell_flushed()

    def _go_on(self, link: Link) -> None:
        if self.link is not link:
            return
        try:
            for message, _error in link.flush():
                if message["op"] == "flush":
                    raise EOFError  # an answer that is never given would be waited for
                self._dropped += message["op"] != "add"
            received = link.receive()
        except (EOFError, OSError, ValueError):
            self.lose()
            return
        for message, _fds in received:
            if message.get("ev") == "ready":
                self._loop.guard(self.made, message["pid"])
            elif message.get("ev") == "flushed":
                self._loop.guard(self._confirmed)
        if self.link is link:
            links.watch(self._loop, link, lambda: self._go_on(link))
            if self._dropped and not link.queued and self.on_room is not None:
                dropped, self._dropped = self._dropped, 0
                self.on_room(dropped)
