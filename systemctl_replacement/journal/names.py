"""The names of journal files: a unit's live file, and the archives that full ones become. Supervisors import this.

`<unit>.journal.jsonl` is written to; `<unit>@<number>-<time>.journal.jsonl` is full: the sequence number and the
realtime (usec) of its first record, 16 hexadecimal digits each. `<unit>.journal.jsonl.1` is an archive of an earlier
version of this program.
"""

from __future__ import annotations

import errno
import os

SUFFIX = ".journal.jsonl"
ROTATED = ".1"
MANAGER_FILE = f"manager{SUFFIX}"  # no unit has a name without a type
RECEIVED = "received"
"""The directory, below that of the others, of the files that the collector writes."""

_TYPE, _REGULAR = 0o170000, 0o100000  # the module stat would cost each supervisor memory
_DIGITS = 16
_ARCHIVED = 2 + 2 * _DIGITS  # "@…-…"
_NAME_MAX = 255 - _ARCHIVED
_DIGEST = 16
_HEXADECIMAL = frozenset("0123456789abcdef")


def file_name(unit: str) -> str:
    """The name of a unit's file: the unit's name, unless that is too long for a file. A shortened one begins like the
    unit's name, and cannot be another unit's: it does not end with a type."""
    if len(unit) + len(SUFFIX) <= _NAME_MAX:
        return unit + SUFFIX
    from hashlib import blake2b  # most managers never meet such a name

    digest = blake2b(unit.encode(), digest_size=_DIGEST // 2).hexdigest()
    return f"{unit[: _NAME_MAX - len(SUFFIX) - _DIGEST - 1]}-{digest}{SUFFIX}"


def archive_name(name: str, number: int, realtime: int) -> str:
    """What a live file (a name or a path) is called when it is full. number, realtime: of its first record."""
    return f"{name[: -len(SUFFIX)]}@{number:0{_DIGITS}x}-{realtime:0{_DIGITS}x}{SUFFIX}"


def parse_name(name: str) -> tuple[str, int, int] | None:
    """What a file name says: the name of the live file, and the number and time of the first record (see
    `archive_name()`). Both are -1 for a live file and 0 for an archive of an earlier version. None: no journal."""
    if name.endswith(SUFFIX + ROTATED):
        return name[: -len(ROTATED)], 0, 0
    if not name.endswith(SUFFIX):
        return None
    stem = name[: -len(SUFFIX)]
    tail = stem[-_ARCHIVED:]
    number, dash, realtime = tail[1:].partition("-")
    if tail[:1] == "@" and dash and len(number) == len(realtime) and _HEXADECIMAL.issuperset(number + realtime):
        return stem[:-_ARCHIVED] + SUFFIX, int(number, 16), int(realtime, 16)
    return name, -1, -1


def is_regular(status: os.stat_result) -> bool:
    return status.st_mode & _TYPE == _REGULAR


def open_file(path: str, flags: int, mode: int = 0) -> int:
    """Open a journal, or another file that is written to. OSError also if it is not a regular file: anybody who can
    write to the directory may have made it, and a FIFO would make us wait."""
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, mode)
    if not is_regular(os.fstat(fd)):
        os.close(fd)
        raise OSError(errno.EBADFD, "Not a regular file", path)
    return fd
