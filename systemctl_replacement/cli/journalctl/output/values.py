"""The values of an entry's fields.

A field has one value or several. In a record (journal/record.py) several of them are a list of values, and a value that
is not UTF-8 is a list of its bytes. Here a value is text, or bytes if it is not UTF-8.

Most output needs a few fields of an entry. They are taken from its line without parsing the whole of it: in a JSON
text a quote inside of a string has a backslash in front, so that `"NAME":` is nowhere but at a field of this name.
"""

from __future__ import annotations

from systemctl_replacement import wire
from systemctl_replacement.journal.entry import bytes_of_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from systemctl_replacement.journal.entry import Entry

    Value = Union[str, bytes]

# What is not printable stands for what was escaped.
_QUOTE, _BACKSLASH = "\1", "\2"
CHARACTERS_MAX = 300
"""A field that is longer is shortened or left out where not everything is wanted (bytes)."""


def values_of(entry: Entry, name: str) -> list[Value]:
    """All values of a field, in the order in which they came."""
    value = entry.fields.get(name)
    return [] if value is None else decoded(value)


def decoded(value: object) -> list[Value]:
    """The values that one field of a record has."""
    if isinstance(value, str):
        return [_text(value)]
    if not isinstance(value, list):
        return []
    data = bytes_of_list(value)
    if data is not None:
        return [from_bytes(data)]
    return [
        _text(item) if isinstance(item, str) else from_bytes(bytes_of_list(item) or b"")
        for item in value
        if isinstance(item, (str, list))
    ]


def last_value(line: str, entry: Entry, mark: str) -> Value | None:
    """The last value of a field of an entry with this line, None without any. mark: `"NAME":`."""
    return _value_at(line, entry, mark, -1)


def first_value(line: str, entry: Entry, mark: str) -> Value | None:
    """The first value, in the same way."""
    return _value_at(line, entry, mark, 0)


def _value_at(line: str, entry: Entry, mark: str, index: int) -> Value | None:
    at = line.find(mark)
    if at < 0:
        return None
    at += len(mark)
    if line.startswith('"', at):
        try:
            text = wire.string_at(line, at + 1)[0]
        except ValueError:
            return None
        return text if text.isascii() else _text(text)
    values = values_of(entry, mark[1:-2])
    return values[index] if values else None


def plain_fields(line: bytes) -> list[str] | None:
    """The fields of an entry with this line as `NAME=value`. None unless all are single values of printable ASCII."""
    if not line.isascii() or line[:2] != b'{"' or line[-2:] != b'"}':
        return None
    text = line[2:-2].decode("ascii")
    if not text.isprintable():
        return None
    escaped = "\\" in text
    if escaped:
        text = text.replace("\\\\", _BACKSLASH).replace('\\"', _QUOTE)
    text = text.replace('","', "\n").replace('":"', "=")
    if '"' in text or "\\" in text:
        return None
    if escaped:
        text = text.replace(_QUOTE, '"').replace(_BACKSLASH, "\\")
    return text.split("\n")


def to_bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def from_bytes(data: bytes) -> Value:
    """Text, if it is UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def any_text(value: Value) -> str:
    """A value as text that `encode("utf-8", "surrogateescape")` turns into its bytes, whatever they are."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _text(value: str) -> Value:
    """JSON can spell strings that are not text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value
