"""Reading journals: the last lines of a unit, without reading the whole of its file.

A unit's journal is its own file; what the manager says of it stands in the manager's file, marked UNIT=. Files may be
rotated (`.1`), cut in the middle of a line, or not readable for the caller: what can be read is shown.
"""

from __future__ import annotations

import os

from systemctl_replacement import wire
from systemctl_replacement.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Record = dict[str, Any]

_BLOCK = 64 * 1024
MANAGER_FILE = "manager.journal.jsonl"
# The manager speaks of all units in one file: a unit's lines may be far back. This much is looked at.
MANAGER_RECORDS = 20_000


def last_of_unit(paths: Paths, unit: str, count: int, since_monotonic: int = 0) -> list[Record]:
    """The last records of a unit and of the manager about it, oldest first.

    since_monotonic: microseconds of the monotonic clock; records before it belong to an earlier run of the unit.
    """
    if count == 0:
        return []
    found: list[Record] = []
    for directory in dict.fromkeys(paths.log_candidates()):
        own = f"{directory}/{unit}.journal.jsonl"
        found += _last(own, count, since_monotonic, lambda record: True)
        found += _last(f"{directory}/{MANAGER_FILE}", count, since_monotonic, lambda record: record.get("UNIT") == unit)
    found.sort(key=lambda record: number(record, "__REALTIME_TIMESTAMP"))
    return found[-count:]


def number(record: Record, field: str) -> int:
    """A numeric field of a record; 0 if it is missing or no number."""
    text = record.get(field)
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else 0


def text_of(record: Record, field: str = "MESSAGE") -> str:
    """A text field; bytes that are no UTF-8 come as a list of numbers and are decoded as well as can be."""
    value = record.get(field, "")
    if isinstance(value, list):
        return bytes(byte & 0xFF for byte in value if isinstance(byte, int)).decode("utf-8", "replace")
    return str(value)


def _last(path: str, count: int, since_monotonic: int, wanted: Callable[[Record], bool]) -> list[Record]:
    """The last wanted records of a file and, if it has too few, of the one it was rotated from; newest first."""
    found: list[Record] = []
    looked_at = 0
    for name in (path, path + ".1"):
        for record in records_backwards(name):
            looked_at += 1
            if number(record, "__MONOTONIC_TIMESTAMP") < since_monotonic or looked_at > MANAGER_RECORDS:
                return found
            if wanted(record):
                found.append(record)
                if len(found) == count:
                    return found
    return found


def records_backwards(path: str) -> Iterator[Record]:
    """The records of a journal file, newest first. Lines that are no records are skipped."""
    for line in _lines_backwards(path):
        try:
            record = wire.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def _lines_backwards(path: str) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        position = os.fstat(descriptor).st_size
        rest = b""
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            # The file may be rotated while we read: a short block ends with what there is.
            rest = os.pread(descriptor, size, position) + rest
            lines = rest.split(b"\n")
            rest = lines[0]
            for line in reversed(lines[1:]):
                if line:
                    yield line
        if rest:
            yield rest
    finally:
        os.close(descriptor)
