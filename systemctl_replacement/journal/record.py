"""The format of one journal record: a JSON object in one line, fields named as `journalctl -o json` prints them.

Every value is a string. Text that is not UTF-8 is an array of bytes, as there (systemd.journal-fields(7)). Supervisors
import this.
"""

from __future__ import annotations

import time

from systemctl_replacement import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    Value = Union[str, bytes, int]

LINE_MAX = 48 * 1024
"""Longer lines are split, as with the default of LineMax= in journald.conf(5)."""
RECORD_MAX = 8 * 1024 * 1024
"""Longer records are not read. Whoever makes records of what others send must keep to it."""
_PLACE = 100  # bytes that these may take
_PART = 65536
NUMBER = '{"__SEQNUM":"'
"""How a numbered record begins. The digits and a quote follow."""


def stamp() -> tuple[int, int]:
    """Now: (realtime usec, monotonic usec)."""
    return time.time_ns() // 1000, time.monotonic_ns() // 1000


def plain(value: Value) -> str | list[int]:
    """A value as JSON can have it."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return list(value.encode("utf-8", "surrogateescape"))
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return list(value)
    return str(value)


def encode(fields: Mapping[str, Value], when: tuple[int, int] | None = None, number: int = 0) -> bytes:
    """The line of one record, with its newline. It has the present time unless `when` is given, and no number for 0."""
    realtime, monotonic = when or stamp()
    record: dict[str, str | list[int]] = {"__SEQNUM": str(number)} if number else {}
    record["__REALTIME_TIMESTAMP"] = str(realtime)
    record["__MONOTONIC_TIMESTAMP"] = str(monotonic)
    for name, value in fields.items():
        record[name] = plain(value)
    return wire.dumps(record) + b"\n"


def place(line: bytes) -> tuple[int, int]:
    """The number and the realtime (usec) of a record of `encode`, (0, 0) if it is none."""
    parts = line[:_PLACE].split(b'"', 8)
    if len(parts) == 9 and parts[1] == b"__SEQNUM" and parts[3].isdigit() and parts[7].isdigit():
        return int(parts[3]), int(parts[7])
    return 0, 0


def encode_fields(fields: Mapping[str, Value]) -> str:
    """Fields as part of a record, each with a comma in front, for writers of many lines with mostly the same fields."""
    return "".join([f',"{name}":{_text(plain(value))}' for name, value in fields.items()])


def _text(value: str | list[int]) -> str:
    return wire.quoted(value) if isinstance(value, str) else wire.dumps(value).decode()


def encode_line(line: bytes) -> str:
    """A printed line as the value of a field."""
    try:
        return wire.quoted(line.decode("utf-8"))
    except UnicodeDecodeError:
        # In parts, because a list of numbers takes many times the memory.
        parts = [line[start : start + _PART] for start in range(0, len(line), _PART)]
        return f"[{','.join([str(list(part))[1:-1].replace(' ', '') for part in parts])}]"


def parse_priority(line: bytes, default: int) -> tuple[int, bytes]:
    """Split off the `<N>` that SyslogLevelPrefix= allows in front of a line: (priority, rest). See sd-daemon(3)."""
    if line[:1] == b"<":
        end = line.find(b">", 1, 5)
        digits = line[1:end]
        if end > 1 and digits.isdigit() and int(digits) <= 7:
            return int(digits), line[end + 1 :]
    return default, line


def format_line(identifier: str, pid: int, message: bytes) -> bytes:
    """A record as the container's stdout shows it."""
    return b"%s[%d]: %s\n" % (identifier.encode("utf-8", "surrogateescape"), pid, message)


def printable(text: str) -> str:
    """A message of ours, possibly of several lines, with a stranger's words in it that must not drive a terminal."""
    if text.isprintable():
        return text
    return "".join([character if character.isprintable() or character == "\n" else "?" for character in text])
