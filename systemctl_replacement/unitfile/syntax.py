"""The grammar of unit files and of systemd's other .conf files: sections, assignments, comments, continuation lines.

Nothing here knows what a key means. Source: systemd.syntax(7); limits and messages from systemd 252.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.message_ids import INVALID_CONFIGURATION
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINE_MAX = 1024 * 1024
"""Bytes a line, or all lines joined by backslashes, may not reach (systemd's LONG_LINE_MAX)."""

EINVAL, EBADMSG, ENOBUFS = 22, 74, 105
"""Errnos of a file that is refused (errno.h; importing errno for three numbers is not worth it)."""

_BLANK = b" \t\n\r"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file. `line` 0: it concerns the file or unit as a whole; `path` "": no file."""

    path: str
    line: int
    level: int
    message: str

    def __str__(self) -> str:
        """systemd's own wording: `path:line: message`."""
        if not self.path:
            return self.message
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"

    def fields(self) -> Iterator[tuple[str, str]]:
        """What the record of the log line says besides, by the names of fields (systemd.journal-fields(7))."""
        if self.line:
            yield "MESSAGE_ID", INVALID_CONFIGURATION
            yield "CONFIG_FILE", self.path
            yield "CONFIG_LINE", str(self.line)


@dataclass(frozen=True)
class Assignment:
    """One `key=value`; `line` is the last line of it, which is what systemd reports."""

    section: str
    key: str
    value: str
    line: int


@dataclass(frozen=True)
class Parsed:
    """A file in order. `error` is an errno if the file as a whole is refused (what was read until then stands)."""

    assignments: tuple[Assignment, ...]
    problems: tuple[Problem, ...]
    error: int = 0


def parse(data: bytes, path: str, sections: Iterable[str] | None = None, *, relaxed: bool = False) -> Parsed:
    """Parse a file's bytes. `sections` are the ones the caller knows: others are reported and skipped (`X-…` silently).

    With `sections` None every section is taken. `relaxed` reports no unknown sections. Never raises.
    """
    reader = _Reader(path, None if sections is None else frozenset(sections), relaxed)
    reader.read(data)
    return Parsed(tuple(reader.assignments), tuple(reader.problems), reader.error)


def _lines(data: bytes) -> list[bytes]:
    """Split at systemd's line ends: LF, CR, NUL, and pairs of two different ones of them."""
    if b"\r" in data or b"\0" in data:
        if b"\0" not in data and data.count(b"\r") == data.count(b"\r\n") and b"\n\r" not in data:
            data = data.replace(b"\r\n", b"\n")
        else:
            return _odd_lines(data)
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _odd_lines(data: bytes) -> list[bytes]:
    lines = []
    start = position = 0
    end = len(data)
    while position < end:
        if data[position] not in b"\n\r\0":
            position += 1
            continue
        lines.append(data[start:position])
        seen = b""
        while position < end and data[position] in b"\n\r\0" and data[position] not in seen and b"\0"[0] not in seen:
            seen += data[position : position + 1]
            position += 1
        start = position
    if start < end:
        lines.append(data[start:])
    return lines


class _Reader:
    def __init__(self, path: str, sections: frozenset[str] | None, relaxed: bool) -> None:
        self.path = path
        self.sections = sections
        self.relaxed = relaxed
        self.assignments: list[Assignment] = []
        self.problems: list[Problem] = []
        self.error = 0
        self.section: str | None = None
        self.skipping = False

    def problem(self, line: int, level: int, message: str) -> None:
        self.problems.append(Problem(self.path, line, level, message))

    def read(self, data: bytes) -> None:
        pending: list[bytes] = []  # the continued line so far; a list, so that 100,000 short pieces stay linear
        pending_size = 0
        number = 0
        bom_seen = False
        for raw in _lines(data):
            line = raw
            if len(line) >= LINE_MAX:
                self.problem(number, LOG_ERR, "Line too long")
                self.error = ENOBUFS
                return
            number += 1
            if line.lstrip(_BLANK)[:1] in (b"#", b";"):
                continue
            if not bom_seen and line.startswith(_BOM):
                line = line[3:]
                bom_seen = True
            if pending_size + len(line) > LINE_MAX and pending:
                self.problem(number, LOG_ERR, "Continuation line too long")
                self.error = ENOBUFS
                return
            if line.endswith(b"\\") and (len(line) - len(line.rstrip(b"\\"))) % 2:
                pending.append(line[:-1] + b" ")
                pending_size += len(line)
                continue
            if pending:
                pending.append(line)
                line = b"".join(pending)
                pending = []
                pending_size = 0
            if not self.take(line, number):
                return
        if pending:
            self.take(b"".join(pending), number + 1)

    def take(self, raw: bytes, number: int) -> bool:
        """One whole line; False ends the reading."""
        raw = raw.strip(_BLANK)
        if not raw:
            return True
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = ""
        if not line or not (line.isascii() or not any(map(_is_noncharacter, line))):
            shown = escape_invalid_utf8(raw)
            self.problem(number, LOG_WARNING, f"String is not UTF-8 clean, ignoring assignment: {shown}")
            self.error = EINVAL  # its message says otherwise, but systemd gives up the file here
            return False
        if line[0] == "[":
            return self.header(line, number)
        if self.sections is not None and self.section is None:
            if not self.relaxed and not self.skipping:
                self.problem(number, LOG_WARNING, "Assignment outside of section. Ignoring.")
            return True
        key, equals, value = line.partition("=")
        if not equals:
            self.problem(number, LOG_WARNING, "Missing '=', ignoring line.")
        elif not key:
            self.problem(number, LOG_WARNING, "Missing key name before '=', ignoring line.")
        else:
            stripped = " \t\n\r"
            self.assignments.append(Assignment(self.section or "", key.strip(stripped), value.strip(stripped), number))
        return True

    def header(self, line: str, number: int) -> bool:
        if not line.endswith("]"):
            return self.refuse(number, f"Invalid section header '{line}'")
        name = line[1:-1]
        if any(character < " " or character in "\"'\\\x7f" for character in name):
            return self.refuse(number, f"Bad characters in section header '{line}'")
        if self.sections is None or name in self.sections:
            self.section = name
            self.skipping = False
            return True
        if not (self.relaxed or name.startswith("X-") or f"-{name}" in self.sections):
            self.problem(number, LOG_WARNING, f"Unknown section '{name}'. Ignoring.")
        self.section = None
        self.skipping = True
        return True

    def refuse(self, number: int, message: str) -> bool:
        self.problem(number, LOG_ERR, message)
        self.error = EBADMSG
        return False


def _is_noncharacter(character: str) -> bool:
    code = ord(character)
    return 0xFDD0 <= code <= 0xFDEF or (code & 0xFFFE) == 0xFFFE


def escape_invalid_utf8(raw: bytes) -> str:
    """`raw` as text with U+FFFD for every byte that is part of no valid character."""
    text = raw.decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= c <= "\udcff" else "\ufffd" * 3 if _is_noncharacter(c) else c for c in text)
