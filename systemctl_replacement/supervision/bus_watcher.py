"""The manager's handle of the process that is on the system bus for it (process/bus/watcher.py)."""

from __future__ import annotations

import os

from systemctl_replacement import paths as paths_module
from systemctl_replacement.loop import READ, Loop
from systemctl_replacement.process.link import Link, make_pair
from systemctl_replacement.process.spawn_program import spawn_program
from systemctl_replacement.supervision import links
from systemctl_replacement.supervision.patience import NOTHING, WORK, Helper, is_stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.supervision.patience import Patience


class BusWatcher:
    """One such process at a time. It ends when the bus does, and whenever somebody kills it.

    stopped: as the reaper's; on_news: told what it says; on_end: told that it is gone; is_awaited: whether anybody
    waits for what it may say.
    """

    def __init__(
        self,
        loop: Loop,
        patience: Patience,
        stopped: dict[int, Callable[[], object]],
        on_news: Callable[[dict[str, Any]], object],
        on_end: Callable[[], object],
        is_awaited: Callable[[], bool],
    ) -> None:
        self.pid = 0
        self.link: Link | None = None
        self._loop = loop
        self._patience = patience
        self._stopped = stopped
        self._on_news = on_news
        self._on_end = on_end
        self._is_awaited = is_awaited

    def start(self, socket: str) -> None:
        """Make the process, for the bus at this path. OSError."""
        link, theirs = make_pair()
        try:
            self.pid = spawn_program([*paths_module.self_command(), "--bus", "3", socket], {}, {3: theirs})
            self._listen(link)
        except OSError:
            link.close()
            raise
        finally:
            os.close(theirs)

    def adopt(self, pid: int, fd: int) -> None:
        """Take over the process that a manager before us has made. OSError."""
        os.fstat(fd)
        self.pid = pid
        self._listen(Link(fd))
        self.expect()  # who was before us may have been told that it was stopped

    def _listen(self, link: Link) -> None:
        self._loop.add(link.fileno(), READ, lambda _events: self._go_on(link))
        self.link = link
        self._stopped[self.pid] = self.expect

    def tell(self, **order: Any) -> None:
        """Tell it to do something, if it is there."""
        link = self.link
        if link is not None:
            link.send(order)
            links.watch(self._loop, link, lambda: self._go_on(link))

    def expect(self) -> None:
        """Somebody waits from now on, or it has been stopped, as it must not be: units may lose their names and the bus
        may want others at any time. That the bus says nothing is no fault of it."""
        if self.pid:
            helper = Helper(self.pid, "process that watches the bus", self._lose)
            self._patience.expect(self, lambda: helper, self._debt)

    def _debt(self) -> int:
        return WORK if self.link is not None and (self._is_awaited() or is_stopped(self.pid)) else NOTHING

    def release(self) -> None:
        """Let it end: it hears nothing more of us, nor we of it."""
        if self.link is not None:
            self._patience.over(self)
            self._stopped.pop(self.pid, None)
            self._loop.remove(self.link.fileno())
            self.link.close()
            self.link = None

    def _lose(self) -> None:
        """It is dead, or as good as that."""
        self.release()
        self.pid = 0
        self._on_end()

    def _go_on(self, link: Link) -> None:
        if self.link is not link:
            return
        received: list[Any] = []
        try:
            link.flush()
            received = link.receive()
        except (EOFError, OSError, ValueError):  # if its words cannot be read, nothing can be known of it
            self._lose()
            return
        for message, _fds in received:
            self._loop.guard(self._on_news, message)
        if self.link is link:
            links.watch(self._loop, link, lambda: self._go_on(link))
