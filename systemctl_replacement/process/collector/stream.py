"""The protocol of /run/systemd/journal/stdout, which systemd-cat(1) and sd_journal_stream_fd(3) speak.

Seven lines say who prints and how: identifier, unit (believed of root alone), priority, whether lines begin with a
level, and three switches for forwarding. Then come the lines. Pure: bytes in, lines out, as journald makes them.
"""

from __future__ import annotations

from systemctl_replacement.booleans import boolean
from systemctl_replacement.journal.record import LINE_MAX
from systemctl_replacement.process.collector.syslog import split_priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Line = tuple[int, bytes, str]

_HEADER_LINE_MAX = 255
_HEADER_LINES = 7
_PRIORITY_MAX = 999
_LEVEL_MAX = 7
_BLANKS = b" \t\n\r"

NEWLINE, NUL, LONG, END, OTHER = "", "nul", "line-max", "eof", "pid-change"
"""Why a line ends: the values of _LINE_BREAK=."""


class ProtocolError(Exception):
    """The connection is to be closed. The text says why."""


class Stream:
    """What is known of one connection."""

    __slots__ = ("_header", "_rest", "identifier", "level_prefix", "line_max", "priority", "stream_id", "unit")

    def __init__(self, stream_id: str, line_max: int = LINE_MAX) -> None:
        self.stream_id = stream_id
        self.line_max = line_max
        self.identifier = b""
        self.unit = b""
        self.priority = 6
        self.level_prefix = True
        self._header: list[bytes] = []
        self._rest = b""

    @property
    def is_running(self) -> bool:
        """Whether the lines of the beginning are all there."""
        return len(self._header) == _HEADER_LINES

    @property
    def unfinished(self) -> int:
        """The bytes of the line that has begun."""
        return len(self._rest)

    def state(self) -> dict[str, Any]:
        """What another process must know to go on, once the beginning is read."""
        return {
            "id": self.stream_id,
            "identifier": self.identifier.decode("utf-8", "surrogateescape"),
            "unit": self.unit.decode("utf-8", "surrogateescape"),
            "priority": self.priority,
            "level_prefix": self.level_prefix,
        }

    @staticmethod
    def resume(state: dict[str, Any]) -> Stream:
        """A connection that another process has begun to read."""
        stream = Stream(state["id"])
        stream.identifier = state["identifier"].encode("utf-8", "surrogateescape")
        stream.unit = state["unit"].encode("utf-8", "surrogateescape")
        stream.priority, stream.level_prefix = state["priority"], state["level_prefix"]
        stream._header = [b""] * _HEADER_LINES
        return stream

    def feed(self, data: bytes) -> list[Line]:
        """The lines that are complete now, each with its facility and level, and why it ended. ProtocolError."""
        data = self._rest + data
        while not self.is_running:
            line, newline, rest = data.partition(b"\n")
            if b"\0" in line or len(line) > _HEADER_LINE_MAX:
                raise ProtocolError("Control protocol line not properly terminated.")
            if not newline:
                self._rest = data
                return []
            self._begin(line.strip(_BLANKS))
            data = rest
        lines: list[Line] = []
        if b"\0" in data or len(data) > self.line_max:
            data = self._split(data, lines)
        else:
            whole = data.split(b"\n")
            data = whole.pop()
            for line in whole:
                self._add(lines, line, NEWLINE)
        self._rest = data
        return lines

    def end_line(self, why: str) -> list[Line]:
        """The unfinished line: no more of it comes."""
        lines: list[Line] = []
        if self._rest and self.is_running:
            self._add(lines, self._rest, why)
        self._rest = b""
        return lines

    def _split(self, data: bytes, lines: list[Line]) -> bytes:
        at, most = 0, self.line_max
        while True:
            newline, nul = data.find(b"\n", at, at + most), data.find(b"\0", at, at + most)
            if nul >= 0 and not 0 <= newline < nul:
                self._add(lines, data[at:nul], NUL)
                at = nul + 1
            elif newline >= 0:
                self._add(lines, data[at:newline], NEWLINE)
                at = newline + 1
            elif len(data) - at >= most:
                self._add(lines, data[at : at + most], LONG)
                at += most
            else:
                return data[at:]

    def _add(self, lines: list[Line], line: bytes, why: str) -> None:
        line = line.rstrip(_BLANKS) or line  # one of nothing but blanks stays
        priority = self.priority
        if self.level_prefix and line[:1] == b"<":
            level, rest = split_priority(line, priority)
            if rest is not line and level <= _LEVEL_MAX:
                priority, line = priority & ~_LEVEL_MAX | level, rest
        if line:
            lines.append((priority, line, why))

    def _begin(self, line: bytes) -> None:
        number = len(self._header)
        if number == 0:
            self.identifier = line
        elif number == 1:
            self.unit = line
        elif number == 2:
            if not line.isdigit() or len(line) > len(str(_PRIORITY_MAX)):
                raise ProtocolError("Failed to parse log priority line.")
            self.priority = int(line)
        else:
            value = boolean(line.decode("utf-8", "replace"))
            if value is None:
                what = "level prefix" if number == 3 else "forwarding"
                raise ProtocolError(f"Failed to parse {what} line.")
            if number == 3:
                self.level_prefix = value
        self._header.append(line)
