"""The process that writes to the container's stdout, so that no other process ever blocks on it.

It reads a few lines from each unit's socket in turn. While stdout is blocked it reads none: the sockets fill up, and
the supervisors drop and count lines.
"""

from __future__ import annotations

import errno
import os
import select

from systemctl_replacement.journal import record
from systemctl_replacement.process.describe_error import describe, guard
from systemctl_replacement.process.link import RETRY_SECONDS, Link, close_fds
from systemctl_replacement.process.process_title import set_title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from systemctl_replacement.process.link import Message

_TAKE_BACK, _CLEAR_LINE = b"\x1bM\r\x1b[K", b"\x1b[K"
"""Sequences that a line begins and ends with whose predecessor was shown for now: as systemd does it."""
_WRITE_SIZE = 4096
"""A pipe or terminal that polls writable takes PIPE_BUF bytes without blocking."""
_LAST_WORDS_SECONDS = 2.0
"""How long a blocked stdout may delay our exit once the manager is gone."""
_DATAGRAM_SIZE = 262144
_PENDING_LIMIT = 1024 * 1024
"""How many bytes may wait here for a blocked stdout, in addition to those in the sockets."""


class Console:
    """Copies what units and the manager print to stdout."""

    def __init__(self, link: Link, stdout: int, as_json: bool, is_tty: bool) -> None:
        self.link = link
        self.stdout = stdout
        self.as_json = as_json
        self.is_tty = is_tty
        self.pending = bytearray()
        self.flushes = 0
        self.dropped = 0
        self.for_now = False  # the last line is to be taken back
        self.sources = 0  # how many units have a socket here
        self._ready = select.epoll()  # watches the sockets: to look at each of them for every line would not scale
        self.managed = True

    def run(self) -> None:
        """Copy until the manager and all sources are gone, or until stdout stays blocked after the manager has gone."""
        self.link.send({"ev": "ready", "pid": os.getpid()})
        while self.managed or self.sources or self.pending:
            poll = select.poll()
            if self.managed:
                poll.register(self.link.fileno(), select.POLLIN | (select.POLLOUT if self.link.wants_write else 0))
            if self.pending:
                poll.register(self.stdout, select.POLLOUT)
            else:
                poll.register(self._ready.fileno(), select.POLLIN)
            seconds = _LAST_WORDS_SECONDS if not self.managed else RETRY_SECONDS if self.link.stalled else None
            ready = dict(poll.poll(None if seconds is None else seconds * 1000))
            if not ready and not self.managed:
                return
            self._turn(ready)

    def _turn(self, ready: dict[int, int]) -> None:
        if self.stdout in ready and self.pending:
            self._write()
        elif not self.pending:
            for fd, _ in self._ready.poll(0):
                self._read(fd)
        if self.managed and (self.link.fileno() in ready or self.link.stalled):
            self._listen()
        if self.dropped and not self.pending:
            self._count_dropped()
        if self.flushes and not self.pending and not self._ready.poll(0, 1):
            for _ in range(self.flushes):
                self.link.send({"ev": "flushed"})
            self.flushes = 0

    def _write(self) -> None:
        try:
            written = os.write(self.stdout, self.pending[:_WRITE_SIZE])
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return
            # Nobody will ever read it. Go on with /dev/null, so that supervisors do not count drops for ever. The
            # descriptor is reused, as there may be no other.
            os.close(self.stdout)
            self.stdout = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            return
        del self.pending[:written]

    def _read_all(self) -> None:
        ready = self._ready.poll(0)
        while ready and len(self.pending) < _PENDING_LIMIT:
            for fd, _ in ready:
                self._read(fd)
            ready = self._ready.poll(0)

    def _read(self, fd: int) -> None:
        """Read one message of a unit."""
        try:
            data = os.read(fd, _DATAGRAM_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._queue(data)
        else:
            self.sources -= 1
            self._ready.unregister(fd)
            os.close(fd)

    def _say(self, data: bytes) -> None:
        """Queue a line of the manager, after what units printed before it. The manager's lines have no socket to wait
        in, so those above the limit are dropped."""
        self._read_all()
        if len(self.pending) < _PENDING_LIMIT:
            self._queue(data)
        else:
            self.dropped += 1

    def _count_dropped(self) -> None:
        text = f"{self.dropped} lines of systemd dropped, the console was blocked"
        self.dropped = 0
        self._complain(text)

    def _complain(self, text: str) -> None:
        self._queue(self._format({"PRIORITY": "4", "SYSLOG_IDENTIFIER": "systemd", "_PID": "1", "MESSAGE": text}))

    def _say_for_now(self, data: bytes) -> None:
        """Queue a line that the next one takes back, unless there is something else to write."""
        self._read_all()
        if not self.pending:
            self._append((_TAKE_BACK if self.for_now else b"") + data)
            self.for_now = True

    def _queue(self, data: bytes) -> None:
        if self.for_now:
            self.for_now = False
            data = _TAKE_BACK + data + _CLEAR_LINE
        self._append(data)

    def _append(self, data: bytes) -> None:
        self.pending += data.replace(b"\n", b"\r\n") if self.is_tty and _is_raw(self.stdout) else data

    def _listen(self) -> None:
        # A failure ends this process: the next console is sent again what the manager has no answer to.
        for _, failure in self.link.flush():
            raise failure
        try:
            received = self.link.receive()
        except EOFError:
            self.managed = False
            self.link.close()
            return
        for message, fds in received:
            guard(self._report_problem, self._obey, message, fds)
            close_fds(fds)

    def _report_problem(self, error: BaseException) -> None:
        """Report a message that could not be handled. It does not affect those that came with it."""
        self._complain(f"Console cannot handle a message: {describe(error)}")

    def _obey(self, message: Message, fds: list[int]) -> None:
        operation = message["op"]
        if operation == "add":
            self._add(message.get("unit", ""), fds)
        elif operation == "write":
            self._say(message["text"].encode("utf-8", "surrogateescape"))
        elif operation == "for-now":
            self._say_for_now(message["text"].encode("utf-8", "surrogateescape"))
        elif operation == "record":
            self._say(self._format(message["record"]))
        elif operation == "flush":
            self.flushes += 1

    def _add(self, unit: str, fds: list[int]) -> None:
        """Add a unit's socket. If there is no descriptor for it, say so: its supervisor sees that our end is closed and
        goes on without us."""
        try:
            if not fds:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            os.set_blocking(fds[0], False)
            self._ready.register(fds[0], select.EPOLLIN)
        except OSError as error:
            self._complain(f"{unit}: What it prints is not shown here: {error.strerror}")
            return
        fds.clear()  # closed when the other end is
        self.sources += 1

    def _format(self, fields: dict[str, Any]) -> bytes:
        if self.as_json:
            return record.encode(fields)
        text = str(fields["MESSAGE"]).encode("utf-8", "surrogateescape")
        return record.format_line(fields["SYSLOG_IDENTIFIER"], int(fields["_PID"]), text)


def _is_raw(terminal: int) -> bool:
    """Whether the terminal does not add a carriage return to each newline itself."""
    import termios  # only if there is a terminal

    try:
        output: int = termios.tcgetattr(terminal)[1]
    except termios.error:
        return False  # hung up
    return not (output & termios.OPOST and output & termios.ONLCR)


def main(message: Message, fds: dict[str, int]) -> NoReturn:
    """The life of the console process."""
    status = 70
    try:
        os.setsid()
        set_title("console", "console")
        Console(Link(fds["link"]), fds["stdout"], message["json"], message["tty"]).run()
        status = 0
    finally:
        os._exit(status)
