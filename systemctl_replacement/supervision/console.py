"""The manager's end of the console process, and the log of the manager itself.

The manager never writes to the container's stdout: it sends its lines to the console process over a non-blocking link.
Its records go to its own journal file, marked with the unit they speak of (UNIT=), as systemd's do; the container's
output gets those that `show_status` lets through.
"""

from __future__ import annotations

import _socket
import os
import stat
import time

from systemctl_replacement.journal.record import printable
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import READ, Loop
from systemctl_replacement.process.link import Link
from systemctl_replacement.supervision import links
from systemctl_replacement.supervision.client import ForkServer, make_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.journal.record import Value


# How much the container's output is told (init --show-status=), beside what services print: warnings and errors; also
# what becomes of services; all that goes to the journal.
SHOW_PROBLEMS, SHOW_CHANGES, SHOW_ALL = "no", "yes", "full"

# With so many lines waiting the console is blocked: further ones are dropped and counted.
_QUEUE_LIMIT = 1000


class Console:
    """The process that owns the container's stdout. Made anew when it dies: the next one is told again what the manager
    said and it has not confirmed; what units' supervisors had sent it is lost."""

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
            is_tty = stat.S_ISCHR(os.fstat(self.stdout).st_mode) and os.isatty(self.stdout)
            forkserver.request_console(theirs, self.stdout, self.as_json, is_tty)
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

    def write(self, record: dict[str, object], text: str) -> None:
        """Show one line of the manager: as a record, or as text. Without a console process the next one gets it."""
        if self.link is not None and self.link.queued > _QUEUE_LIMIT:
            self._dropped += 1
            return
        line: dict[str, object] = {"op": "record", "record": record} if self.as_json else {"op": "write", "text": text}
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


def highest_shown(show_status: str, news: bool) -> int:
    """The highest level that the container's output gets of the manager's lines."""
    if show_status == SHOW_ALL:
        return LOG_DEBUG
    return LOG_INFO if show_status == SHOW_CHANGES and news else LOG_WARNING


class Log:
    """The manager's log lines: to its journal and to the console. Levels above `maximum` are left out."""

    def __init__(self, writer: Writer, console: Console | None, boot_id: str, maximum: int = LOG_INFO) -> None:
        self.maximum = maximum
        self.show_status = SHOW_CHANGES
        self._writer = writer
        self._console = console
        if console is not None:
            console.on_room = lambda count: self.manager(LOG_WARNING, f"{count} lines dropped, the console was blocked")
        self._fixed: dict[str, Value] = {
            "_BOOT_ID": boot_id,
            "_PID": str(os.getpid()),
            "_UID": str(os.geteuid()),
            "_COMM": "systemd",
            "_SYSTEMD_UNIT": "init.scope",
            "SYSLOG_IDENTIFIER": "systemd",
        }

    def manager(self, level: int, message: str, news: bool = True) -> None:
        """A line that speaks of no unit in particular. One that is no news is left to the journal by SHOW_CHANGES."""
        self._write(level, message, {}, news)

    def unit(self, unit: str, level: int, message: str, invocation_id: str = "", news: bool = True) -> None:
        """A line about a unit, shown as `unit: message`."""
        self.about(unit, level, f"{unit}: {message}", invocation_id, news)

    def about(self, unit: str, level: int, message: str, invocation_id: str = "", news: bool = True) -> None:
        """A line that speaks of a unit in its own words. One that is no news is left to the journal by SHOW_CHANGES."""
        fields: dict[str, Value] = {"UNIT": unit}
        if invocation_id:
            fields["INVOCATION_ID"] = invocation_id
        self._write(level, message, fields, news)

    def _write(self, level: int, message: str, fields: dict[str, Value], news: bool = True) -> None:
        if level > self.maximum:
            return
        record: dict[str, Value] = {"PRIORITY": str(level), **self._fixed, **fields, "MESSAGE": message}
        when = (time.time_ns() // 1000, time.monotonic_ns() // 1000)
        self._writer.write(record, when)
        if self._console is not None and level <= highest_shown(self.show_status, news):
            shown: dict[str, object] = {
                "__REALTIME_TIMESTAMP": str(when[0]),
                "__MONOTONIC_TIMESTAMP": str(when[1]),
                **record,
            }
            self._console.write(shown, f"systemd[{os.getpid()}]: {printable(message)}\n")
