"""One record as it is read: what its line says, taken from it when asked for.

A line may be anybody's. What does not have the form that `record` writes is parsed as JSON at once, and is no entry if
it is none, or long.
"""

from __future__ import annotations

from systemctl_replacement import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from systemctl_replacement.journal.chain import Chain

    Head = tuple[int, int, int, bytes]
    """Sequence number, realtime and monotonic (usec), boot id; 0 and b"" for what a line does not say."""
    Value = Union[str, list[int], list[Union[str, list[int]]]]
    """Of one field: text, bytes that are no UTF-8, or several values."""

_BOOT = b'"_BOOT_ID":"'
_ID = 32
_HEAD = 160  # bytes that the three numbers in front may take
_MAX = 2**63 - 1
_LONG = 256 * 1024
"""Longer lines (bytes) are not parsed to find out where they belong: the merge and each bisection would do it again."""
_NAME_MAX = 64
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_KNOWN_MAX = 1024
_known: set[str] = set()  # names of fields that were seen


def head_of(line: bytes) -> Head | None:
    """Where a record belongs among others. None: no record."""
    parts = line[:_HEAD].split(b'"', 12)
    if (
        len(parts) == 13
        and parts[1] == b"__SEQNUM"
        and parts[5] == b"__REALTIME_TIMESTAMP"
        and parts[9] == b"__MONOTONIC_TIMESTAMP"
        and _is_whole(line)
    ):
        try:
            seqnum, realtime, monotonic = int(parts[3]), int(parts[7]), int(parts[11])
        except ValueError:
            return _parsed_head(line)
        if 0 <= seqnum | realtime | monotonic <= _MAX:  # each of them is
            at = line.find(_BOOT) + len(_BOOT)
            boot = line[at : at + _ID] if at >= len(_BOOT) else b""
            return seqnum, realtime, monotonic, boot if boot.isalnum() else b""
    return _parsed_head(line)


def parsed(line: bytes) -> dict[str, Value] | None:
    """The fields of a line, without those that `record` cannot have written. None: no record."""
    try:
        fields = wire.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    return {name: value for name, value in fields.items() if (name in _known or _is_name(name)) and _is_value(value)}


def number(fields: dict[str, Any], field: str) -> int:
    """A numeric field, 0 if it is missing or not a number."""
    text = fields.get(field)
    return int(text) if isinstance(text, str) and len(text) < 19 and text.isascii() and text.isdigit() else 0


def values_of(value: Any) -> list[bytes]:
    """All values of a field as they were logged; at least one. value: of an entry's fields."""
    if isinstance(value, list) and value and not isinstance(value[0], int):
        return [_bytes(each) for each in value]
    return [_bytes(value)]


def bytes_of(fields: dict[str, Any], field: str = "MESSAGE") -> bytes:
    """A field as it was logged, the first value if there are several, b"" without any."""
    return values_of(fields.get(field, ""))[0]


def text_of(fields: dict[str, Any], field: str = "MESSAGE") -> str:
    """A field as text, decoded as well as possible."""
    return bytes_of(fields, field).decode("utf-8", "replace")


class Entry:
    """A record of a file. source: the chain of files that it is from, or the id of that one's sequence of numbers (128
    bits in hexadecimal)."""

    __slots__ = ("_fields", "_head", "_source", "line")

    def __init__(self, line: bytes, source: Chain | str, head: Head | None = None) -> None:
        """head: `head_of` the line, for who knows it."""
        self.line = line
        """The JSON text, as it is in the file."""
        self._source = source
        self._head = head
        self._fields: dict[str, Value] | None = None

    @property
    def head(self) -> Head:
        if self._head is None:
            self._head = head_of(self.line) or (0, 0, 0, b"")
        return self._head

    @property
    def seqnum(self) -> int:
        return self.head[0]

    @property
    def realtime(self) -> int:
        """Microseconds since the epoch."""
        return self.head[1]

    @property
    def monotonic(self) -> int:
        """Microseconds since the machine's start."""
        return self.head[2]

    @property
    def boot_id(self) -> str:
        """32 hexadecimal digits, "" if unknown."""
        return self.head[3].decode("ascii")

    @property
    def fields(self) -> dict[str, Value]:
        """The fields in the order of the file, without the number. Empty if the line is no record after all."""
        if self._fields is None:
            self._fields = parsed(self.line) or {}
            self._fields.pop("__SEQNUM", None)
        return self._fields

    @property
    def cursor(self) -> str:
        """The place of this entry, as systemd writes it."""
        from systemctl_replacement.journal.cursor import cursor_text

        source = self._source
        return cursor_text(source if isinstance(source, str) else source.sequence, self.head, self.line)


def _is_whole(line: bytes) -> bool:
    """Whether a line that begins like a record ends like one. A last quote that belongs to a text, or a bracket, is a
    matter for who parses it: the line may be torn."""
    return (line[-2:] == b'"}' and line[-3:-2] != b"\\") or (len(line) > _LONG and line[-1:] == b"}")


def _parsed_head(line: bytes) -> Head | None:
    if line[:1] != b"{" or line[-1:] != b"}" or len(line) > _LONG:
        return None
    fields = parsed(line)
    if fields is None:
        return None
    boot = bytes_of(fields, "_BOOT_ID")
    return (
        number(fields, "__SEQNUM"),
        number(fields, "__REALTIME_TIMESTAMP"),
        number(fields, "__MONOTONIC_TIMESTAMP"),
        boot if len(boot) == _ID and boot.isalnum() else b"",
    )


def bytes_of_list(value: list[Any]) -> bytes | None:
    """A value that is written as a list of its bytes. None: there is something else in the list."""
    try:
        return bytes(value)  # there may be millions
    except (TypeError, ValueError):
        if all(isinstance(byte, int) for byte in value):
            return bytes([byte & 0xFF for byte in value])
        return None


def _bytes(value: str | list[int]) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes_of_list(value) or b""


def _is_name(name: str) -> bool:
    """Whether a field can be called so (systemd.journal-fields(7))."""
    if not 0 < len(name) <= _NAME_MAX or not _LETTERS.issuperset(name) or name[0].isdigit():
        return False
    if len(_known) < _KNOWN_MAX:
        _known.add(name)
    return True


def _is_value(value: object) -> bool:
    if isinstance(value, list):
        return bytes_of_list(value) is not None or all(_is_single(each) for each in value)
    return _is_text(value)


def _is_single(value: object) -> bool:
    return _is_text(value) or (isinstance(value, list) and bytes_of_list(value) is not None)


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False  # JSON can spell strings that are not text
