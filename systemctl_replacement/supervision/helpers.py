"""The processes that serve all units, forkserver and console above all: requests to them, and replacing them.

A request to the forkserver is carried out exactly once. What tells is the link that goes along with it: whoever has the
other end is its supervisor, and when nobody has, the link is at its end, and nobody ever will.
"""

from __future__ import annotations

import os

from systemctl_replacement import paths as paths_module
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.loop import READ, Loop, now_monotonic
from systemctl_replacement.process.link import Link, close_fds
from systemctl_replacement.supervision import links
from systemctl_replacement.supervision.client import ForkServer, make_pair
from systemctl_replacement.supervision.console import ConsoleHandle
from systemctl_replacement.supervision.pace import RETRY_USEC, Pace
from systemctl_replacement.supervision.patience import ANSWER, NOTHING, WORK, Helper, Patience
from systemctl_replacement.supervision.unit_processes import Tracking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Callable

    from systemctl_replacement.supervision.collector import Collector

# A supervisor says that it is there within milliseconds, unless it never came to be and something else, stopped between
# two system calls, holds its link.
_READY_USEC = 1_000_000


class Helpers:
    """The forkserver, the console if there is one, and the requests to them."""

    def __init__(
        self,
        loop: Loop,
        forkserver: ForkServer,
        console: ConsoleHandle | None,
        patience: Patience,
        log: Callable[[int, str], object],
        on_made: Callable[[Tracking, int, str], object],
        on_unmade: Callable[[Tracking], object],
        trackings: Mapping[str, Tracking],
        send: Callable[[Tracking, dict[str, Any], Sequence[int]], object],
    ) -> None:
        """on_made: told of a supervisor (pid, else 0 and why there is none); on_unmade: there is reason to believe
        that a supervisor will never come to be; send: a message to a supervisor, with descriptors (OSError)."""
        self.forkserver = forkserver
        self.console = console
        self.patience = patience
        self.others: list[Callable[[], int]] = []  # the pids of helpers that units do not depend on; 0: there is none
        self.asked: dict[str, Collector] = {}  # who else asks the forkserver for a process, by the tag of the answer
        self.is_there = True  # the forkserver takes requests
        self._loop = loop
        self._log = log
        self._on_made = on_made
        self._on_unmade = on_unmade
        self._trackings = trackings
        self._send = send
        self._asked: set[Tracking] = set()  # trackings whose supervisors have been requested and not made yet
        self._forkserver_pace = Pace(loop, self._make)
        self._console_pace = Pace(loop, self._start_missing_console)
        if console is not None:
            console.on_lost = self._console_lost
            console.on_debt = self._expect_console
        loop.add(forkserver.fileno(), READ, self._ready)

    @property
    def pids(self) -> set[int]:
        """Those of ours; 0 stands for none."""
        console = self.console.pid if self.console is not None else 0
        return {self.forkserver.pid, console, *self.patience.left, *[pid() for pid in self.others]}

    def close(self) -> None:
        """Close the links. Both processes then exit."""
        if self.console is not None:
            self.console.on_lost = None
            self.console.drop()
        for other in self.asked.values():
            other.end()
        self.forkserver.link.close()

    # --- the console ---

    def start_console(self) -> None:
        """Request the console and give it its sources; later, if that is impossible now."""
        if self.console is None:
            return
        try:
            self.console.start(self.forkserver)
        except OSError as error:
            self._console_failed(str(error.strerror))
            return
        self.flush()
        for tracking in list(self._trackings.values()):
            self._give_console(tracking)
        for other in self.asked.values():
            other.console_is_there()

    def _give_console(self, tracking: Tracking) -> None:
        """Connect a unit's supervisor to the current console."""
        if self._trackings.get(tracking.unit) is not tracking or tracking.link is None:
            return
        assert self.console is not None
        fd = -1
        try:
            fd = self.console.source(tracking.unit)
            if fd >= 0:
                self._send(tracking, {"op": "console", "json": self.console.as_json}, [fd])
        except OSError as error:
            self._log(LOG_ERR, f"What {tracking.unit} prints is not shown for now: {error.strerror}")
            self._loop.call_at(now_monotonic() + RETRY_USEC, lambda: self._give_console(tracking))
        finally:
            if fd >= 0:
                os.close(fd)

    def _console_failed(self, why: str) -> None:
        """The console died. Units go on without it, and their journals have what they print."""
        assert self.console is not None
        self.console.drop()
        self._log(LOG_ERR, f"Cannot start the console process, trying again: {why}")
        self._console_pace.failed()

    def _start_missing_console(self) -> None:
        console = self.console
        if self.is_there and console is not None and console.link is None and console.on_lost is not None:
            self.start_console()

    def _console_lost(self) -> None:
        self.look()
        self._console_pace.want()

    def _expect_console(self) -> None:
        assert self.console is not None
        if not self.console.flushing:
            self.patience.answered(self.console)
        elif self.console.is_asked_for:
            self._expect_forkserver()
        else:
            self.patience.expect(self.console, self._console_process, self._debt_of_console)

    def _console_process(self) -> Helper:
        assert self.console is not None
        return Helper(self.console.pid, "console process", self._replace_console)

    def _replace_console(self) -> None:
        assert self.console is not None
        self.console.lose()

    def _debt_of_console(self) -> int:
        assert self.console is not None
        return WORK if self.console.flushing and self.console.pid else NOTHING

    def flush_console(self, then: Callable[[], object]) -> None:
        """Call back when everything is written; at once if there is no console."""
        if self.console is None:
            then()
        else:
            self.console.flush(then)

    # --- the forkserver ---

    def ask(self, tracking: Tracking, journal: dict[str, Any], stopping: dict[str, Any]) -> Link:
        """Request a supervisor for a unit. Returns our end of the link to it. OSError."""
        link, theirs = make_pair()
        console = -1
        try:
            console = self.console.source(tracking.unit) if self.console is not None else -1
            self.forkserver.request_supervisor(
                tracking.unit,
                theirs,
                tracking.log_read,
                tracking.notify.fileno() if tracking.notify is not None else -1,
                console,
                journal,
                log_write_fd=tracking.log_write,
                console_json=self.console is not None and self.console.as_json,
                console_comes=self.console is not None,
                **stopping,
            )
        except BaseException:
            link.close()
            raise
        finally:
            close_fds([theirs] if console < 0 else [theirs, console])
        tracking.known_as = tracking.unit
        return link

    def expect(self, tracking: Tracking) -> None:
        """Record that a supervisor was requested."""
        self._asked.add(tracking)
        self.flush()

    def settled(self, tracking: Tracking) -> None:
        """The supervisor has been made, or is no longer wanted."""
        self._asked.discard(tracking)
        if not self._debt():
            self.patience.answered(self.forkserver)

    def flush(self) -> None:
        """Send a request to the forkserver, and expect an answer."""
        if not self.is_there:
            return
        self._flush_link()
        self._expect_forkserver()

    def _flush_link(self) -> None:
        for request, error in self.forkserver.flush():
            # As if it had answered that no process can be made.
            answer = {"pid": 0, "tag": request.get("unit", request["op"]), "message": error.strerror}
            self._loop.call_soon(lambda answer=answer: self._made(answer))  # type: ignore[misc]
        links.watch(self._loop, self.forkserver.link, self.look)

    def _expect_forkserver(self) -> None:
        if self._debt():
            self.patience.expect(
                self.forkserver, lambda: Helper(self.forkserver.pid, "forkserver", self._make_anew), self._debt
            )

    def _debt(self) -> int:
        wanted = [self.console, *self.asked.values()]
        waits = any(one is not None and one.is_asked_for for one in wanted)
        return ANSWER if self.is_there and (self._asked or waits) else NOTHING

    def _ready(self, _events: int) -> None:
        try:
            self._flush_link()
            answers = self.forkserver.receive()
        except (EOFError, OSError, ValueError):  # if its answers cannot be read, nothing can be known of it
            self._make_anew()
            return
        for answer in answers:
            if "stopped" in answer:
                self._loop.guard(self._stopped, answer["stopped"])
            else:
                self._loop.guard(self._made, answer)

    def _stopped(self, pid: int) -> None:
        """Somebody has stopped a child of the forkserver. All but these are looked at when they owe something."""
        for other in self.asked.values():
            if other.pid == pid:
                other.expect()

    def _made(self, answer: dict[str, Any]) -> None:
        pid, tag, problem = answer["pid"], answer["tag"], answer.get("message", "")
        if tag == "console" and self.console is not None:
            self.console.made(pid)
            if not pid:
                self._console_failed(problem)
            self._expect_console()
        elif tag in self.asked:
            self.asked[tag].answered(pid, problem)
        else:
            for tracking in [one for one in self._asked if one.known_as == tag]:  # its unit may be called otherwise now
                self._on_made(tracking, pid, problem)
            return
        if not self._debt():
            self.patience.answered(self.forkserver)

    def look(self) -> None:
        """Check whether the forkserver has died."""
        if self.is_there:
            self._ready(READ)

    def _make_anew(self) -> None:
        """The forkserver died: make a new one, unless the last one died as soon."""
        self.is_there = False
        self._loop.remove(self.forkserver.fileno())
        self.patience.over(self.forkserver)
        for tracking in self._asked:
            self._doubt(tracking)
        self._forkserver_pace.want()

    def _doubt(self, tracking: Tracking) -> None:
        link = tracking.link

        def look() -> None:
            if tracking.link is link and tracking in self._asked:
                self._on_unmade(tracking)

        self._loop.call_at(now_monotonic() + _READY_USEC, look)

    def _make(self) -> None:
        try:
            self.forkserver.spawn_fresh(paths_module.self_command())
        except OSError as error:
            self._log(LOG_ERR, f"Cannot start a forkserver, trying again: {error.strerror}")
            self._forkserver_pace.failed()
            # Whoever waits for a supervisor is told so, as by a forkserver that cannot fork.
            for tracking in [tracking for tracking in self._asked if tracking.is_unmade]:
                self._on_made(tracking, 0, str(error.strerror))
            return
        self.is_there = True
        self._loop.add(self.forkserver.fileno(), READ, self._ready)
        if self.console is not None and self.console.link is None:
            self.start_console()
        for other in self.asked.values():
            other.forkserver_is_there()
        for tracking in [tracking for tracking in self._asked if tracking.is_unmade]:
            self._on_unmade(tracking)
