"""The manager's handle of the collector: the process that reads what is logged through sockets (process/collector/).

Messages to it (`op`) and from it (`ev`) go over a link that never blocks:

    settings    what journald.conf and the command line say, all of it each time
    unit        unit, supervisor (pid), invocation, slice, journal: whose the processes below a supervisor are
    pid         pid, and as above           the same of a process that has no supervisor, with all below it
    gone        pid                         it is nobody's any more, supervisor or not
    all         pids                        nor is any other that was told of
    rename      unit, to
    console     fd: where lines for the container's output go; none without
    socket      name; fd                    read this one
    directory   fd                          where journals are from now on; nothing is stored without it
    stream      number, state; fd           a connection that the collector before had
    sync        number                      answered by "synced" when all that had arrived is written
    rotate      number                      as well

    ready       pid, uid
    synced      number
    stream      number, state; fd           a connection that the manager keeps for the next collector
    closed      number                      keep it no longer
    trouble     message, level
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.loop import READ
from systemctl_replacement.process.link import Link, close_fds
from systemctl_replacement.supervision import links
from systemctl_replacement.supervision.client import make_pair
from systemctl_replacement.supervision.pace import Pace
from systemctl_replacement.supervision.patience import ANSWER, NOTHING, WORK, Helper, is_stopped
from systemctl_replacement.syscalls import get_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from systemctl_replacement.loop import Loop
    from systemctl_replacement.supervision.helpers import Helpers
    from systemctl_replacement.supervision.patience import Patience

TAG = "collector"
# As in journald, but no more than this part of the descriptors that we may have.
_MOST_STREAMS = 4096
_PART_OF_DESCRIPTORS = 4


class Collector:
    """One such process at a time. A killed one is replaced, and the new one told everything again.

    stopped: as the reaper's; on_made: told that there is a new one, which knows nothing yet; on_ready: that it reads;
    on_console: that it needs a source of the console; has_work: whether something is waiting to be read by it; log: a
    line of ours, by level.
    """

    def __init__(
        self,
        loop: Loop,
        helpers: Helpers,
        patience: Patience,
        stopped: dict[int, Callable[[], object]],
        log: Callable[[int, str], object],
        request: Callable[[], dict[str, Any]],
        on_made: Callable[[], object],
        on_ready: Callable[[], object],
        on_console: Callable[[], object],
        has_work: Callable[[], bool],
    ) -> None:
        """request: what the process must be told before it gives up its rights."""
        self.pid = 0
        self.uid = -1  # known when it is ready
        self.link: Link | None = None
        self._loop = loop
        self._helpers = helpers
        self._patience = patience
        self._stopped = stopped
        self._log = log
        self._request = request
        self._on_made = on_made
        self._on_ready = on_ready
        self._on_console = on_console
        self._has_work = has_work
        self._pace = Pace(loop, self._start)
        self._is_wanted = False
        self._streams: dict[int, tuple[int, Any]] = {}  # by number: the descriptor and what the collector knows of it
        self._number = 0
        self._awaited: dict[int, tuple[str, Callable[[], object]]] = {}  # by number: what is asked for, and by whom
        helpers.others.append(lambda: self.pid)
        helpers.asked[TAG] = self

    # --- its life ---

    def begin(self) -> None:
        """Have one from now on."""
        self._is_wanted = True
        self._pace.want()

    def end(self) -> None:
        """Let it end; what it has read is written."""
        self._is_wanted = False
        self._disconnect()
        for number in list(self._streams):
            self._forget_stream(number)

    def _start(self) -> None:
        if not self._is_wanted or self.link is not None or not self._helpers.is_there:
            return
        try:
            link, theirs = make_pair()
        except OSError as error:
            self._failed(str(error.strerror))
            return
        try:
            self._helpers.forkserver.request_collector(theirs, **self._request(), streams=max(self._streams, default=0))
            self._listen(link)
        except OSError as error:
            link.close()
            self._failed(str(error.strerror))
            return
        finally:
            os.close(theirs)
        self._helpers.flush()
        self._on_made()
        for number, (fd, state) in self._streams.items():
            self.tell({"op": "stream", "number": number, "state": state}, [fd])
        for number, (operation, _) in self._awaited.items():
            self.tell({"op": operation, "number": number})

    def _listen(self, link: Link) -> None:
        self.link = link
        self._loop.add(link.fileno(), READ, lambda _events: self._go_on(link))

    def _disconnect(self) -> None:
        self._patience.over(self)
        if self.link is not None:
            self._loop.remove(self.link.fileno())
            self.link.close()
            self.link = None
        self._stopped.pop(self.pid, None)
        self.pid, self.uid = 0, -1

    @property
    def is_asked_for(self) -> bool:
        """Whether a process was asked for that is not there yet."""
        return self.link is not None and not self.pid

    def answered(self, pid: int, problem: str) -> None:
        """The forkserver has made it; 0: there is none to be had."""
        if pid:
            self._is(pid)
        else:
            self._failed(problem)

    def forkserver_is_there(self) -> None:
        """There is a new forkserver. What the one before was asked for, it may have made."""
        if self.link is None:
            self._pace.want()
        else:
            self.expect()  # which the forkserver before may not have told us to

    def console_is_there(self) -> None:
        """There is a new console."""
        if self.link is not None:
            self._on_console()

    def _is(self, pid: int) -> None:
        self.pid = pid
        self._stopped[pid] = self.expect  # should it become our own child
        self.expect()

    def _failed(self, why: str) -> None:
        self._disconnect()
        self._log(LOG_ERR, f"Cannot start the collector of the log, trying again: {why}")
        self._pace.failed()

    def _lose(self) -> None:
        """It is dead, or as good as that. What waits in the sockets is for the next one."""
        self._disconnect()
        self._helpers.look()
        if self._is_wanted:
            self._pace.want()

    # --- what it owes ---

    def expect(self) -> None:
        """It has something to do, or has been stopped, as it must not be: whoever logs then waits for it."""
        if self.pid:
            self._patience.expect(self, lambda: Helper(self.pid, "collector of the log", self._lose), self._debt)

    def _debt(self) -> int:
        if self.link is None:
            return NOTHING
        if self._awaited:
            return ANSWER
        return WORK if self._has_work() or is_stopped(self.pid) else NOTHING

    def sync(self, then: Callable[[], object]) -> None:
        """Call back when all that has arrived until now is written; at once if there is no collector."""
        self._ask("sync", then)

    def rotate(self, then: Callable[[], object]) -> None:
        """Begin new files."""
        self._ask("rotate", then)

    def _ask(self, operation: str, then: Callable[[], object]) -> None:
        if not self._is_wanted:
            then()
            return
        self._number += 1
        self._awaited[self._number] = operation, then
        self.tell({"op": operation, "number": self._number})
        self.expect()

    # --- the link ---

    def tell(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Tell it something, if it is there. Who comes after it is told everything."""
        link = self.link
        if link is None:
            return
        try:
            link.send(message, fds)
        except OSError as error:
            # One that does not know what it has to is worse than none.
            self._log(LOG_WARNING, f"Cannot tell the collector of the log, making another one: {error.strerror}")
            self._loop.call_soon(lambda: self._lose() if self.link is link else None)
            return
        links.watch(self._loop, link, lambda: self._go_on(link))

    def _go_on(self, link: Link) -> None:
        if self.link is not link:
            return
        received: list[tuple[dict[str, Any], list[int]]] = []
        try:
            if link.flush():
                raise EOFError  # it does not know what it has to
            received = link.receive()
        except (EOFError, OSError, ValueError):
            self._lose()
            return
        for message, fds in received:
            self._loop.guard(self._received, message, fds)
        if self.link is link:
            links.watch(self._loop, link, lambda: self._go_on(link), any(fds for _, fds in received))

    def _received(self, message: dict[str, Any], fds: list[int]) -> None:
        event = message["ev"]
        if event == "stream" and len(fds) == 1 and len(self._streams) < _most_streams():
            self._forget_stream(message["number"])
            self._streams[message["number"]] = (fds.pop(), message["state"])
        close_fds(fds)
        if event == "ready":
            self._is(message["pid"])
            self.uid = message["uid"]
            self._on_ready()
        elif event == "synced":
            _, then = self._awaited.pop(message["number"], ("", None))
            if not self._awaited and not self._has_work():
                self._patience.answered(self)
            if then is not None:
                then()
        elif event == "closed":
            self._forget_stream(message["number"])
        elif event == "trouble":
            self._log(message.get("level", LOG_WARNING), message["message"])

    def _forget_stream(self, number: int) -> None:
        fd, _ = self._streams.pop(number, (-1, None))
        if fd >= 0:
            os.close(fd)

    # --- over a re-execution ---

    @property
    def is_amid(self) -> bool:
        """Whether a message is on its way, or the process itself."""
        return self.link is not None and (self.link.is_amid or self.is_asked_for)

    def saved(self) -> dict[str, Any]:
        """As plain data; "fd" is a descriptor, -1 for none."""
        streams = [{"number": number, "fd": fd, "state": state} for number, (fd, state) in self._streams.items()]
        fd = self.link.fileno() if self.link is not None else -1
        return {"pid": self.pid, "uid": self.uid, "fd": fd, "streams": streams, "number": self._number}

    def adopt(self, saved: dict[str, Any]) -> None:
        """Go on with the process that a manager before us has made. It is told everything again. OSError."""
        self._number = int(saved["number"])
        for stream in saved["streams"]:
            if stream["fd"] >= 0:
                os.fstat(stream["fd"])
                self._streams[int(stream["number"])] = (stream["fd"], stream["state"])
        self._is_wanted = True
        if saved["fd"] < 0:
            self._pace.want()
            return
        os.fstat(saved["fd"])
        self._listen(Link(saved["fd"]))
        self._is(int(saved["pid"]))  # who was before us may have been told that it was stopped
        self.uid = int(saved.get("uid", -1))
        self._on_made()


def _most_streams() -> int:
    """How many connections are kept. Who has one that is not loses it when the collector dies."""
    return min(_MOST_STREAMS, get_limit("NOFILE")[0] // _PART_OF_DESCRIPTORS)
