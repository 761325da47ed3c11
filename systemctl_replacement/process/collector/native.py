"""The journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), read as journald reads it.

A datagram, or a file that comes with one, holds entries with an empty line between them. A field is a line NAME=VALUE,
or a line NAME, the length of the value in 64 bits (little endian), the value, and a newline.
"""

from __future__ import annotations

from systemctl_replacement.journal.record import encode_line
from systemctl_replacement.log_levels import LOG_INFO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Fields = dict[str, list[bytes]]

FIELDS_MAX = 1024
"""An entry with more fields is refused, with what comes after it, as by journald."""
SIZE_MAX = 4 * 1024 * 1024
"""An entry with more bytes is refused. (journald's limit is 770 MB.)"""
LINES_MAX = 4096
"""What comes after so many lines of one message is refused, be they fields, comments or the ends of entries."""
_NAME_MAX = 64
_NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_VALUE_MAX = 768 * 1024 * 1024  # journald's DATA_SIZE_MAX: no length, but a sign that this is no such field
_LENGTH = 8
_KEYS_MAX = 256

_keys: dict[bytes, str] = {}


class Entry:
    """One entry: its fields in their order, each with all its values."""

    __slots__ = ("facility", "fields", "object_pid", "priority", "text")

    def __init__(self) -> None:
        self.fields: Fields = {}
        self.priority = LOG_INFO
        self.facility = 0
        self.object_pid = 0
        self.text = ""  # all fields as part of a record, if they are known as that already

    def last(self, name: str) -> bytes | None:
        """The last value of a field."""
        values = self.fields.get(name)
        return values[-1] if values else None


class Refused(Exception):
    """An entry that is left out, or all that follows. Its text says why."""


def is_field_name(name: bytes) -> bool:
    """Whether a field that a sender gives may have this name."""
    return 0 < len(name) <= _NAME_MAX and 0x41 <= name[0] <= 0x5A and not name.translate(None, _NAME)


def parse(data: bytes) -> Iterator[Entry | Refused]:
    """The entries in a message. Of one that is cut off, or does not keep to the format, the fields before that."""
    simple = _read_simple(data)
    if simple is not None:
        yield simple
        return
    reader = _Reader(data)
    while reader.at < len(data):
        entry = Entry()
        try:
            reader.read(entry)
        except Refused as error:
            yield error
            return
        if entry.fields:
            yield entry


def _read_simple(data: bytes) -> Entry | None:
    """The entry in a message that is one entry, with each field once and in a line, as most are; None for any other
    message."""
    if data[-1:] != b"\n" or len(data) > SIZE_MAX or b"\n\n" in data or data.count(b"\n") > FIELDS_MAX:
        return None
    lines = data[:-1].split(b"\n")
    entry = Entry()
    fields, keys, text = entry.fields, _keys, ""
    for line in lines:
        name, equals, value = line.partition(b"=")
        if not equals or line[0] in b".#":
            return None
        key = keys[name] if name in keys else _key(name)
        if not key:
            continue
        if key in fields:
            return None
        fields[key] = [value]
        text += f',"{key}":{encode_line(value)}'
        if name in _SPECIAL:
            _note(entry, name, value)
    entry.text = text
    return entry if fields else None


def _key(name: bytes) -> str:
    """The name of a field as text, remembered; "" if a sender's field may not have it."""
    key = name.decode() if is_field_name(name) else ""
    if key and len(_keys) < _KEYS_MAX:
        _keys[name] = key
    return key


class _Reader:
    """Reads one entry after the other, and knows how far it came."""

    __slots__ = ("_count", "_data", "_lines", "_size", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._lines = 0
        self._count = self._size = 0  # of the entry's fields

    def read(self, entry: Entry) -> None:
        """Read up to the empty line after an entry, or as far as the data make sense. Refused where there is too much
        of anything: no more is read then, or one message could keep all others waiting."""
        data, at, end = self._data, self.at, len(self._data)
        self._count = self._size = 0
        while at < end:
            self._lines += 1
            if self._lines > LINES_MAX:
                raise Refused(f"Too many lines in one message, ignoring those after the first {LINES_MAX}.")
            newline = data.find(b"\n", at)
            if newline < 0:
                at = end
            elif newline == at:
                at += 1
                break
            elif data[at] in b".#":
                at = newline + 1  # commands and comments
            else:
                equals = data.find(b"=", at, newline)
                if equals >= 0:
                    self._add(entry, data[at:equals], equals + 1, newline)
                    at = newline + 1
                else:
                    at = self._read_binary(entry, at, newline)
        self.at = at

    def _read_binary(self, entry: Entry, at: int, newline: int) -> int:
        data, start = self._data, newline + 1 + _LENGTH
        if start >= len(data):
            return len(data)
        length = int.from_bytes(data[newline + 1 : start], "little")
        if length > _VALUE_MAX:
            raise Refused(f"Received binary data block of {length} bytes is too large, ignoring entry.")
        stop = start + length
        if data[stop : stop + 1] != b"\n":
            return len(data)
        self._add(entry, data[at:newline], start, stop)
        return stop + 1

    def _add(self, entry: Entry, name: bytes, start: int, stop: int) -> None:
        if not is_field_name(name):
            return
        self._count += 1
        self._size += len(name) + 1 + stop - start
        if self._count > FIELDS_MAX or self._size > SIZE_MAX:
            what = "fields" if self._count > FIELDS_MAX else "bytes"
            raise Refused(f"Received an entry with too many {what}, ignoring it.")
        value = self._data[start:stop]
        entry.fields.setdefault(name.decode(), []).append(value)
        if name in _SPECIAL:
            _note(entry, name, value)


_SPECIAL = (b"PRIORITY", b"SYSLOG_FACILITY", b"OBJECT_PID")


def _note(entry: Entry, name: bytes, value: bytes) -> None:
    if not value.isdigit():
        return
    if name == b"PRIORITY" and len(value) == 1:
        entry.priority = int(value) & 7
    elif name == b"SYSLOG_FACILITY" and len(value) <= 2:
        entry.facility = int(value)
    elif name == b"OBJECT_PID" and len(value) < 10:
        entry.object_pid = int(value)
