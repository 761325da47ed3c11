"""The collector's life: it reads what the manager says first, then some of what has been logged through each socket, in
turn, then writes that down. It never waits for anybody but at the end of a turn, and an idle one never wakes up.

Over the link it is told {"op": "settings", …}, "unit", "pid", "gone", "all", "rename", "console", "socket", "close",
"stream", "directory", "sync", "rotate". It says {"ev": "ready", "pid", "uid"}, {"ev": "synced", "number"}, {"ev":
"stream", "number", "state"} with a connection that is to be kept for its successor, {"ev": "closed", "number"}, {"ev":
"trouble", "level", "message"}.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import errno
import os
import time

from systemctl_replacement.journal.names import RECEIVED
from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.log_limit import LogLimit
from systemctl_replacement.process.collector import datagrams, native, passed_file, records
from systemctl_replacement.process.collector.dispatch import Dispatch, Settings
from systemctl_replacement.process.collector.files import Files
from systemctl_replacement.process.collector.senders import Senders
from systemctl_replacement.process.collector.streams import Streams
from systemctl_replacement.process.collector.units import Units
from systemctl_replacement.process.describe_error import describe, guard
from systemctl_replacement.process.link import RETRY_SECONDS, Link, close_fds
from systemctl_replacement.process.poller import READABLE, WRITABLE, Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.process.collector.datagrams import Datagram
    from systemctl_replacement.process.collector.senders import Sender
    from systemctl_replacement.process.collector.stream import Line, Stream
    from systemctl_replacement.process.link import Message

_LINES_MAX = 2048
"""After so many lines of streams a turn ends: others wait."""
_BACKLOG_MAX = 4096
"""No more wait to be accepted."""
_TROUBLES_MAX = 10
_CONTINUED = (_signal.SIGCONT,)
_AT_ONCE = ("unit", "pid", "gone", "all", "rename", "settings")


class Collector:
    """Reads what is logged, until the manager is gone."""

    def __init__(self, link: Link, directory: str, streams: int = 0) -> None:
        """directory: where the journals are, "" to store none. streams: the highest number that a connection has which
        is to be resumed."""
        self._link = link
        self._managed = True
        self._poller = Poller()
        self._units = Units()
        self._files = Files(directory)
        self._senders = Senders(self._units, self._listen)
        self._dispatch = Dispatch(self._senders, self._files)
        self._streams = Streams(self._poller, self._senders, self._units, self._take_line, self._report, streams)
        self._sockets: dict[str, _socket.socket] = {}
        self._datagrams: dict[int, tuple[_socket.socket, Callable[[Datagram], object]]] = {}
        self._console = -1  # the console's descriptor while it is watched
        self._dispatch.console.on_close = self._forget_console
        self._listening = -1  # the descriptor of the socket for streams
        self._orders: list[tuple[Message, list[int]]] = []  # heard, and not obeyed yet
        self._trouble = LogLimit(self._say_trouble, _TROUBLES_MAX)
        self._late: list[int] = []  # the streams that come first in the next turn
        self._latest: dict[int, int] = {}  # when the last message was sent that came from a socket
        self._boot: dict[str, str] = {}
        self._usual = records.UsualSyslog()

    def run(self) -> None:
        """Read and write until the manager closes the link."""
        self._poller.watch(self._link.fileno(), READABLE)
        self._report({"ev": "ready", "pid": os.getpid(), "uid": os.getuid()}, -1)
        while self._managed:
            ready = self._poller.wait(self._patience())
            # All signals are blocked, and this one waits, too: what is there now may have come long ago.
            was_stopped = _signal.sigtimedwait(_CONTINUED, 0) is not None
            self._turn(ready, was_stopped)
        self._dispatch.flush(ends=True)
        self._files.close()

    def _patience(self) -> int | None:
        return int(RETRY_SECONDS * 1000) if self._link.stalled else None

    def _turn(self, ready: list[tuple[int, int]], was_stopped: bool) -> None:
        self._read([fd for fd, _ in ready], was_stopped)
        self._obey()
        self._flush_link()

    def _read(self, ready: list[int], was_stopped: bool = False) -> None:
        """Read some of what has come to each of these descriptors. First the senders of datagrams are looked for, who
        may be gone a moment later. Then what the manager has said counts, before anything is made of them."""
        received = [
            (fd, datagrams.receive(self._datagrams[fd][0], self._senders)) for fd in ready if fd in self._datagrams
        ]
        self._listen()
        self._refresh()
        self._streams.note_ready(ready, self._listening in ready, was_stopped)
        self._dispatch.begin()
        for fd, some in received:
            self._latest[fd] = some[-1].sent if some else self._latest.get(fd, 0)
            for datagram in some:
                guard(self._defect, self._datagrams[fd][1], datagram)
                close_fds(datagram.fds)
                if self._dispatch.is_full:
                    self._dispatch.flush()
        self._read_streams([fd for fd in ready if fd in self._streams])
        for fd in ready:
            if fd == self._listening:
                guard(self._defect, self._streams.accept, self._sockets["stdout"])
            elif fd == self._console:
                self._dispatch.console.announce_dropped()
        self._dispatch.flush()
        self._watch_console()

    def _read_streams(self, ready: list[int]) -> None:
        """Read streams in turn, as many as there is time for. Those that are left come first in the next turn."""
        ready = [fd for fd in self._late if fd in ready] + [fd for fd in ready if fd not in self._late]
        most = self._streams.taken + _LINES_MAX
        for number, fd in enumerate(ready, 1):
            guard(self._defect, self._streams.read, fd)
            if self._dispatch.is_full:
                self._dispatch.flush()
            if self._streams.taken >= most:
                self._late = ready[number:]
                return
        self._late = []

    def _watch_console(self) -> None:
        """Wait for room on the console as long as it does not know how many lines it has missed."""
        blocked = self._dispatch.console.blocked()
        if blocked < 0:
            self._forget_console(self._console)
        elif self._console < 0:
            self._poller.watch(blocked, WRITABLE)
            self._console = blocked

    def _forget_console(self, fd: int) -> None:
        if fd >= 0 and fd == self._console:
            self._poller.forget(fd)
            self._console = -1

    # --- the manager ---

    def _listen(self) -> bool:
        """Read what the manager has said. What is about units and settings counts at once; returns whether there was
        any of that."""
        heard = False
        while self._managed:
            try:
                received = self._link.receive()
            except EOFError:
                self._managed = False
                break
            except (OSError, ValueError) as error:
                self._trouble.log(LOG_ERR, f"Cannot read an order: {describe(error)}")
                break
            if not received:
                break
            for order, fds in received:
                if order["op"] in _AT_ONCE:
                    heard = True
                    guard(self._defect, self._learn, order)
                    close_fds(fds)
                else:
                    self._orders.append((order, fds))
        return heard

    def _learn(self, order: Message) -> None:
        operation = order["op"]
        if operation in ("unit", "pid"):
            self._units.tell(order)
        elif operation == "gone":
            self._units.forget(order["pid"])
        elif operation == "all":
            self._units.forget_all_but(order["pids"])
        elif operation == "rename":
            self._units.rename(order["unit"], order["to"])
        else:
            self._configure(order)

    def _obey(self) -> None:
        while self._orders:
            order, fds = self._orders.pop(0)
            guard(self._defect, self._carry_out, order, fds)
            close_fds(fds)

    def _carry_out(self, order: Message, fds: list[int]) -> None:
        operation = order["op"]
        if order.get("fds_lost"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if operation == "console":
            self._dispatch.console.set(fds.pop() if fds else -1, self._dispatch.console.as_json)
        elif operation == "socket" and fds:
            self._open(order["name"], fds.pop())
        elif operation == "close":
            self._close(order["name"])
        elif operation == "stream" and fds:
            self._streams.resume(fds.pop(), order["number"], order["state"])
        elif operation == "directory":
            self._dispatch.flush()
            self._files.move(f"./{RECEIVED}" if fds else "")
            if fds:
                os.fchdir(fds[0])  # files are opened when there is something to write
        elif operation in ("sync", "rotate"):
            self._catch_up()
            if operation == "rotate":
                self._files.rotate()
            self._report({"ev": "synced", "number": order["number"]}, -1)

    def _configure(self, order: dict[str, Any]) -> None:
        dispatch = self._dispatch
        dispatch.settings = Settings(order)
        dispatch.syslog.path = order.get("syslog", "")
        dispatch.console.set_format(order.get("console_json", False))
        self._streams.line_max = dispatch.settings.line_max
        self._units.set_limits(order.get("interval", 0), order.get("burst", 0))
        self._files.configure(order)
        self._boot = {"_BOOT_ID": order.get("boot", ""), "_MACHINE_ID": order.get("machine", "")}
        self._refresh()

    def _refresh(self) -> None:
        """Notice a change of the host's name."""
        fields = {**self._boot, "_HOSTNAME": os.uname().nodename, "_RUNTIME_SCOPE": "system"}
        self._dispatch.place.set({name: value for name, value in fields.items() if value})

    def _report(self, message: Message, fd: int) -> None:
        """Tell the manager something. What cannot be told is lost: it is not worth waiting for."""
        try:
            self._link.send(message, [fd] if fd >= 0 else [])
        except OSError:
            return

    def _say_trouble(self, level: int, text: str) -> None:
        self._report({"ev": "trouble", "level": level, "message": text}, -1)

    def _defect(self, error: BaseException) -> None:
        """Something could not be handled. It does not affect what came with it."""
        self._trouble.log(LOG_ERR, f"Cannot handle what was logged: {describe(error)}")

    def _flush_link(self) -> None:
        if not self._managed:
            return
        self._link.flush()
        self._poller.watch(self._link.fileno(), READABLE | (WRITABLE if self._link.wants_write else 0))

    # --- sockets ---

    def _open(self, name: str, fd: int) -> None:
        self._close(name)
        if name == "stdout":
            socket = _socket.socket(fileno=fd)
            self._listening = fd
        else:
            socket = datagrams.open_socket(fd)
            self._datagrams[fd] = socket, self._take_syslog if name == "dev-log" else self._take_native
        self._sockets[name] = socket
        self._poller.watch(fd, READABLE)

    def _close(self, name: str) -> None:
        """Close a socket, of which another takes the place or none. What waits in it is read first."""
        if name in self._sockets:
            self._catch_up()
        socket = self._sockets.pop(name, None)
        if socket is not None:
            if name == "stdout":
                self._listening = -1
            else:
                del self._datagrams[socket.fileno()]
            self._poller.forget(socket.fileno())
            socket.close()

    def _catch_up(self) -> None:
        """Read everything that was in the sockets at the time of the call."""
        if self._listening >= 0:
            self._streams.accept(self._sockets["stdout"], _BACKLOG_MAX)
        now, ends = time.time_ns() // 1000, self._streams.ends()
        left = {*self._datagrams, *ends}
        self._latest.clear()
        while left:
            ready = [fd for fd, _ in self._poller.wait(0) if self._is_read(fd)]
            left.intersection_update(ready)
            if left:
                self._read(ready)
            left = {
                fd
                for fd in left
                if (self._latest.get(fd, 0) < now if fd in self._datagrams else not self._streams.is_read(fd, ends[fd]))
            }

    def _is_read(self, fd: int) -> bool:
        return fd in self._datagrams or fd in self._streams or fd == self._listening

    # --- messages ---

    def _take_syslog(self, datagram: Datagram) -> None:
        if datagram.fds or datagram.is_cut:
            self._trouble.log(LOG_WARNING, "Got file descriptors or too long a message via syslog socket. Ignoring.")
            return
        self._dispatch.take_syslog(datagram.sender, self._usual.read(datagram.data), datagram.data, datagram.sent)

    def _take_native(self, datagram: Datagram) -> None:
        sender, data = datagram.sender, datagram.data
        try:
            if datagram.is_cut or len(datagram.fds) > 1 or (datagram.fds and data):
                raise native.Refused("Got too many file descriptors or too long a message via native socket. Ignoring.")
            if datagram.fds:
                data = passed_file.read(datagram.fds[0], sender.uid)
            for entry in native.parse(data):
                if isinstance(entry, native.Refused):
                    raise entry
                self._dispatch.take_entry(sender, entry, datagram.sent)
                if self._dispatch.is_full:
                    self._dispatch.flush()
        except native.Refused as refused:
            self._trouble.log(LOG_WARNING, f"Process {sender.pid}: {refused}")

    def _take_line(self, sender: Sender, stream: Stream, line: Line) -> None:
        self._dispatch.take_line(sender, stream.identifier, stream.stream_id, line)
