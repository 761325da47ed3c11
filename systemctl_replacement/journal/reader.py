"""Reading journals: the last lines of a unit, without reading its whole file.

Each unit has its own file. What the manager says about it is in the manager's file, marked UNIT=. Files may be rotated
(`.1`), cut in the middle of a line, or unreadable for the caller: whatever can be read is shown. They may belong to
another user, who can put anything in their place: FIFOs, links, endless files.
"""

from __future__ import annotations

import os

from systemctl_replacement import wire
from systemctl_replacement.journal.names import MANAGER_FILE, ROTATED, file_name, open_file
from systemctl_replacement.journal.vacuum import FILE_MAX
from systemctl_replacement.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Record = dict[str, Any]

_BLOCK = 64 * 1024
_LINE_MAX = 4 * 1024 * 1024
"""Longer than any record: LINE_MAX bytes of control characters, and the fields that the unit adds to its lines."""
_SEARCH_MAX = 2 * FILE_MAX
"""Larger than any journal."""


def last_of_unit(paths: Paths, unit: str, count: int, since_monotonic: int = 0) -> list[Record]:
    """The last records of a unit, and of the manager about it, in the latest boot, oldest first.

    since_monotonic: microseconds of the monotonic clock. Earlier records belong to an earlier run of the unit.
    """
    if count == 0:
        return []
    directories = list(dict.fromkeys(paths.log_candidates()))
    boot = _latest_boot(directories)

    def too_old(record: Record) -> bool:
        if number(record, "__MONOTONIC_TIMESTAMP") < since_monotonic:
            return True
        return bool(boot) and record.get("_BOOT_ID", boot) != boot

    found: list[Record] = []
    for directory in directories:
        for name, field in ((file_name(unit), "_SYSTEMD_UNIT"), (MANAGER_FILE, "UNIT")):
            found += _last(f"{directory}/{name}", count, field, unit, too_old)
    # The sort is stable: lines of one file with the same time stay in order.
    found.sort(key=lambda record: number(record, "__MONOTONIC_TIMESTAMP" if boot else "__REALTIME_TIMESTAMP"))
    return found[-count:]


def is_access_blocked(paths: Paths, unit: str) -> bool:
    """Whether the caller may not read a file that could have lines of a unit."""
    for directory in paths.log_candidates():
        for name in (file_name(unit), MANAGER_FILE):
            try:
                os.close(open_file(f"{directory}/{name}", os.O_RDONLY))
            except PermissionError:
                return True
            except OSError:
                continue
    return False


def number(record: Record, field: str) -> int:
    """A numeric field of a record, 0 if it is missing or not a number."""
    text = record.get(field)
    return int(text) if isinstance(text, str) and len(text) < 20 and text.isascii() and text.isdigit() else 0


def bytes_of(record: Record, field: str = "MESSAGE") -> bytes:
    """A field as it was logged. In a record a value that is not UTF-8 is a list of numbers."""
    value = record.get(field, "")
    if isinstance(value, list):
        return bytes(byte & 0xFF for byte in value if isinstance(byte, int))
    return str(value).encode("utf-8", "surrogateescape")


def text_of(record: Record, field: str = "MESSAGE") -> str:
    """A field as text, decoded as well as possible."""
    return bytes_of(record, field).decode("utf-8", "replace")


def _latest_boot(directories: list[str]) -> str:
    """The _BOOT_ID= of the last manager that has written here, "" without any."""
    latest = (0, "")
    for directory in directories:
        for record in records_backwards(f"{directory}/{MANAGER_FILE}"):
            latest = max(latest, (number(record, "__REALTIME_TIMESTAMP"), str(record.get("_BOOT_ID", ""))))
            break
    return latest[1]


def _last(path: str, count: int, field: str, value: str, too_old: Callable[[Record], bool]) -> list[Record]:
    """The last records that have a field with this value, oldest first: from the file, then from its rotated one."""
    found: list[Record] = []
    mark = wire.dumps({field: value})[1:-1]
    for name in (path, path + ROTATED):
        # The manager's file is about all units: most of its lines need not be parsed.
        for record in records_backwards(name, mark):
            if too_old(record) or len(found) == count:
                return found[::-1]
            if record.get(field) == value and not (found and _is_again(record, found[-1])):
                found.append(record)
    return found[::-1]


def _is_again(record: Record, newer: Record) -> bool:
    """Whether a record has been read before, because the file was rotated meanwhile."""
    return 0 < number(newer, "__SEQNUM") <= number(record, "__SEQNUM")


def records_backwards(path: str, mark: bytes = b"", most: int = 0) -> Iterator[Record]:
    """The records of a journal file whose line contains `mark`, newest first. Lines without a record are skipped.

    most: how many bytes from the end of the file are looked at; 0: as many as a journal can have.
    """
    for line in _lines_backwards(path, mark, most):
        if mark not in line:
            continue
        try:
            record = wire.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield {name: value for name, value in record.items() if _is_text(name) and _is_value(value)}


def _is_value(value: object) -> bool:
    """Whether `record` could have written this field, so that it can be shown."""
    if isinstance(value, list):
        return all(isinstance(byte, int) for byte in value)
    return _is_text(value)


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False  # JSON can spell strings that are not text


def _lines_backwards(path: str, mark: bytes, most: int) -> Iterator[bytes]:
    """The lines of a file, last one first. Blocks without the mark are passed over."""
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return
    try:
        position = os.fstat(descriptor).st_size
        begin = max(position - (most or _SEARCH_MAX), 0)
        rest = b""
        while position > begin:
            if len(rest) > _LINE_MAX:
                return
            size = min(_BLOCK, position - begin)
            position -= size
            # The file may be rotated while we read, so a block may be short.
            rest = os.pread(descriptor, size, position) + rest
            if mark not in rest:
                rest = rest.partition(b"\n")[0]
                continue
            lines = rest.split(b"\n")
            rest = lines[0]
            for line in reversed(lines[1:]):
                if line:
                    yield line
        if rest:
            yield rest
    finally:
        os.close(descriptor)
