"""One of those who have lines to show on the console: a socket to the console process. It makes nobody wait: lines that
do not fit are dropped and counted. Supervisors import this."""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement.journal import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Callable

_BATCH = 16384
"""The bytes of one message to the console: few enough to fit into a socket that is not empty."""
_SEND_FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
_SHORTAGES = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE)


class ConsoleSource:
    """The way to the console, in its format: as text, or as JSON records."""

    __slots__ = ("_comes", "_dropped", "_fields", "_kept", "_name", "_socket", "as_json", "on_close", "on_full")

    def __init__(self, fd: int, as_json: bool, comes: bool = False) -> None:
        """fd: the socket, -1 for none; comes: lines are then kept for the one that :meth:`set` will bring."""
        self.as_json = as_json
        self.on_full: Callable[[], object] | None = None  # called when it is full and the first line is lost
        self.on_close: Callable[[int], object] | None = None  # called with the descriptor before it is closed
        self._socket: _socket.socket | None = None
        self._comes = False
        self._dropped = 0
        self._kept: list[bytes] = []  # for the next console
        self._name = ""
        self._fields: Mapping[str, record.Value] = {}
        self.set(fd, as_json)
        self._comes = comes and fd < 0

    def name(self, name: str, fields: Mapping[str, record.Value]) -> None:
        """Say whose lines they are, and which fields a record of what was dropped has."""
        self._name, self._fields = name, fields

    def set(self, fd: int, as_json: bool) -> None:
        """Switch to another console, which gets what was kept for it, or to none (-1): nothing more is kept then."""
        if self._socket:
            if self.on_close is not None:
                self.on_close(self._socket.fileno())
            self._socket.close()
        self._socket = _socket.socket(fileno=fd) if fd >= 0 else None
        self._comes = False
        self.as_json = as_json
        if self._socket:
            kept, self._kept = self._kept, []
            missing, self._dropped = self._dropped, 0  # what there was no room to keep came after the rest
            self.show(kept)
            self._dropped += missing
            self.announce_dropped()

    def set_format(self, as_json: bool) -> None:
        """Change the format of the lines to come."""
        self.as_json = as_json

    @property
    def is_wanted(self) -> bool:
        """Whether lines are shown, now or later."""
        return self._socket is not None or self._comes

    def show(self, lines: list[bytes]) -> None:
        """Show lines, each with its newline."""
        batch: list[bytes] = []
        size = 0
        for line in lines:
            if batch and size + len(line) > _BATCH:
                self._send(batch)
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        if batch:
            self._send(batch)

    def _send(self, lines: list[bytes]) -> None:
        if not self._socket:
            if self._comes:
                self._keep(lines)
            return
        try:
            if self._dropped:
                self._socket.send(self._loss_line(), _SEND_FLAGS)
                self._dropped = 0
            if lines:
                self._socket.send(b"".join(lines), _SEND_FLAGS)
        except OSError as error:
            if error.errno in _SHORTAGES:
                if lines and not self._dropped and self.on_full is not None:
                    self.on_full()
                self._dropped += len(lines)
            else:  # the console is gone; the manager will send the next one
                self.set(-1, self.as_json)
                self._comes = True
                if self._dropped:
                    lines = [self._loss_line(), *lines]
                    self._dropped = 0
                self._keep(lines)

    def _keep(self, lines: list[bytes]) -> None:
        """Keep lines for the next console, as many as fit into one message to it."""
        for line in lines:
            size = sum(map(len, self._kept)) + len(line)
            if self._dropped or (self._kept and size > _BATCH):
                self._dropped += 1
            else:
                self._kept.append(line)

    # --- what the console had no room for ---

    def blocked(self) -> int:
        """The descriptor, to be polled for room, while dropped lines have not been announced; else -1."""
        return self._socket.fileno() if self._socket and self._dropped else -1

    def announce_dropped(self) -> None:
        """Announce on the console how many lines were dropped, if any, and if it has room."""
        self._send([])

    def _loss_line(self) -> bytes:
        text = f"{self._name}: {self._dropped} lines dropped, the console was blocked"
        if self.as_json:
            return record.encode({**self._fields, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "systemd", "MESSAGE": text})
        return record.format_line("systemd", os.getpid(), text.encode())

    def unshown(self) -> tuple[bytes, int]:
        """The lines that were kept for a console that never came, and how many dropped lines were not announced."""
        return b"".join(self._kept), self._dropped
