"""Cursors: the text that names the place of an entry (sd_journal_get_cursor(3)), and the ids in it.

`cursor_text` writes them and `parse_cursor` reads them.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

try:
    from _blake2 import blake2b  # hashlib costs milliseconds
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.journal.entry import Head


@dataclass(frozen=True)
class Cursor:
    """A place among entries. None or "": the text does not say it. realtime, monotonic: usec."""

    sequence: str = ""
    seqnum: int | None = None
    boot: bytes = b""
    monotonic: int | None = None
    realtime: int | None = None
    digest: str = ""


def sequence_id(name: str) -> str:
    """The id of the sequence of numbers in a live file and its archives. name: of the live file, with its directory if
    that is the collector's."""
    return str(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest())


def cursor_text(sequence: str, head: Head, line: bytes) -> str:
    seqnum, realtime, monotonic, boot = head
    digest = blake2b(line, digest_size=8).hexdigest().lstrip("0") or "0"
    return f"s={sequence};i={seqnum:x};b={boot.decode('ascii')};m={monotonic:x};t={realtime:x};x={digest}"


def parse_cursor(text: str) -> Cursor:
    """ValueError unless this can be a place: a sequence with a number, a boot with a time in it, or a time."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if len(name) != 1 or not equals:
            raise ValueError(f"no cursor: {text}")
        found[name] = value
    for name in "sb":
        if name in found and len(found[name]) != 32:
            raise ValueError(f"no cursor: {text}")
    numbers = {name: int(found[name], 16) for name in "imtx" if name in found}
    has_place = ("s" in found and "i" in found) or ("b" in found and "m" in found) or "t" in found
    if not has_place or any(not 0 <= value < 1 << 64 for value in numbers.values()):
        raise ValueError(f"no cursor: {text}")
    return Cursor(
        found.get("s", ""),
        numbers.get("i"),
        found.get("b", "").encode("ascii", "replace"),
        numbers.get("m"),
        numbers.get("t"),
        found.get("x", ""),
    )
