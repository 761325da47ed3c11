"""Journal records as `status` and `journalctl` print them: the --output= modes.

What a service has printed is data. When it is shown to a person, colours are left out, and of a text with other control
characters or with bytes that are not UTF-8 only the size is shown ("[12B blob data]"). Source: journalctl(1)
"--output=".
"""

from __future__ import annotations

import os
import time

from systemctl_replacement.cli.printable import blob, is_printable, without_sequences
from systemctl_replacement.cli.timestamps import WEEKDAYS
from systemctl_replacement.columns import shortened
from systemctl_replacement.journal.entry import bytes_of, number, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.terminal import Terminal

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_COLORS = {**dict.fromkeys("0123", "red"), "4": "yellow", "7": "grey"}

# Without --full a terminal gets at most this much of a message. Other fields that are longer are not shown at all.
_LINES_MAX = 3
_BYTES_MAX = 300


class LogText:
    """Formats records, one by one."""

    def __init__(self, mode: str, terminal: Terminal, cuts: bool) -> None:
        """mode: the value of --output=. cuts: shorten lines that are longer than the terminal is wide."""
        self.ellipsized = False  # whether the text of any record was shortened
        self._mode = mode
        self._terminal = terminal
        self._cuts = cuts

    def format(self, record: dict[str, Any]) -> str:
        """One record, in several lines if the message has several."""
        mode = self._mode
        if mode in ("json", "json-pretty", "json-sse", "json-seq"):
            return _json(record, mode)
        if mode == "cat":
            if self._terminal.tty or os.isatty(1):
                return _shown_message(record)
            return bytes_of(record).decode("utf-8", "surrogateescape")  # programs get it unchanged
        if mode == "export":
            return "".join(_exported(name, bytes_of(record, name)) for name in record)
        if mode == "verbose":
            return _verbose(record)
        return self._short(record)

    def _short(self, record: dict[str, Any]) -> str:
        mode = self._mode
        identifier = _name(record, "SYSLOG_IDENTIFIER") or _name(record, "_COMM") or "unknown"
        if mode == "with-unit":
            identifier = _name(record, "_SYSTEMD_UNIT") or identifier
        pid = _name(record, "_PID") or _name(record, "SYSLOG_PID")
        host = text_of(record, "_HOSTNAME") or os.uname().nodename
        head = f"{_timestamp(record, mode)} {host} {identifier}" + (f"[{pid}]: " if pid else ": ")
        return self._message_after(head, _shown_message(record), _COLORS.get(text_of(record, "PRIORITY"), ""))

    def _message_after(self, head: str, message: str, color: str) -> str:
        indent = len(head.encode())
        shown: list[str] = []
        taken = 0
        for line in message.split("\n"):
            length = len(line.encode())
            taken += length + 1
            is_last = len(shown) + 1 == _LINES_MAX or taken >= _BYTES_MAX
            before = head if not shown else " " * indent
            if not self._cuts or (indent + length + 1 < self._terminal.columns and not is_last):
                shown.append(before + self._terminal.colored(line, color))
                continue
            self.ellipsized = True
            line = self._shortened(line, self._terminal.columns - indent, is_last)
            shown.append(before + self._terminal.colored(line, color))
            if is_last:
                break
        return "\n".join(shown)

    def _shortened(self, line: str, width: int, is_last: bool) -> str:
        """A line in `width` columns. The last line that is shown also stands for those after it."""
        if width < 3:
            return "..."
        if width > len(line.encode()) + 3:
            return line + "..."
        return shortened(line, width, 100 if is_last else 90, self._terminal.glyph("ellipsis"))


def _shown_message(record: dict[str, Any]) -> str:
    message = without_sequences(bytes_of(record))
    return message.decode().rstrip("\n") if is_printable(message) else blob(len(message))


def _name(record: dict[str, Any], field: str) -> str:
    """A field in front of the message, "" if there is none that can be shown."""
    value = bytes_of(record, field)
    return value.decode() if len(value) < _BYTES_MAX and is_printable(value) else ""


def _json(record: dict[str, Any], mode: str) -> str:
    from systemctl_replacement.cli.json_text import json_text

    # What is not printable is a list of numbers.
    shown = {name: value if is_printable(bytes_of(record, name)) else list(bytes_of(record, name))
             for name, value in record.items()}  # fmt: skip
    return json_text(shown, mode)


def _verbose(record: dict[str, Any]) -> str:
    lines = [_timestamp(record, "short-full")]
    for name in record:
        if not name.startswith("__"):
            value = bytes_of(record, name)
            lines.append(f"    {name}={value.decode() if is_printable(value) else blob(len(value))}")
    return "\n".join(lines)


def _exported(name: str, value: bytes) -> str:
    """A field in the Journal Export Format: text in one line, anything else after its size (64 bits)."""
    if is_printable(value) and b"\n" not in value:
        return f"{name}={value.decode()}\n"
    binary = len(value).to_bytes(8, "little") + value
    return f"{name}\n{binary.decode('utf-8', 'surrogateescape')}\n"


def _timestamp(record: dict[str, Any], mode: str) -> str:
    usec = number(record, "__REALTIME_TIMESTAMP")
    seconds, fraction = divmod(usec, 1_000_000)
    if mode in ("short-monotonic", "short-delta"):
        monotonic = number(record, "__MONOTONIC_TIMESTAMP")
        return f"[{monotonic // 1_000_000:5d}.{monotonic % 1_000_000:06d}]"
    if mode == "short-unix":
        return f"{seconds}.{fraction:06d}"
    fields = time.localtime(seconds)
    clock = time.strftime("%H:%M:%S", fields)
    if mode.startswith("short-iso"):
        zone = time.strftime("%z", fields)
        precise = f".{fraction:06d}" if mode == "short-iso-precise" else ""
        return f"{time.strftime('%Y-%m-%dT', fields)}{clock}{precise}{zone}"
    if mode in ("short-full", "with-unit"):
        return f"{WEEKDAYS[fields.tm_wday]} {time.strftime('%Y-%m-%d', fields)} {clock} {fields.tm_zone}"
    precise = f".{fraction:06d}" if mode == "short-precise" else ""
    return f"{_MONTHS[fields.tm_mon - 1]} {fields.tm_mday:02d} {clock}{precise}"
