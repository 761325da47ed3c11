"""The name of a unit's journal file: the unit's name, unless that is too long for a file. Supervisors import this."""

from __future__ import annotations

import errno
import os

SUFFIX = ".journal.jsonl"
ROTATED = ".1"
MANAGER_FILE = f"manager{SUFFIX}"  # no unit has a name without a type

_TYPE, _REGULAR = 0o170000, 0o100000  # the module stat would cost each supervisor memory
_NAME_MAX = 255 - len(ROTATED)
_DIGEST = 16


def file_name(unit: str) -> str:
    """The name of a unit's file. A shortened one begins like the unit's name, and cannot be another unit's: it does not
    end with a type."""
    if len(unit) + len(SUFFIX) <= _NAME_MAX:
        return unit + SUFFIX
    from hashlib import blake2b  # most managers never meet such a name

    digest = blake2b(unit.encode(), digest_size=_DIGEST // 2).hexdigest()
    return f"{unit[: _NAME_MAX - len(SUFFIX) - _DIGEST - 1]}-{digest}{SUFFIX}"


def open_file(path: str, flags: int, mode: int = 0) -> int:
    """Open a journal, or another file that is written to. OSError also if it is not a regular file: anybody who can
    write to the directory may have made it, and a FIFO would make us wait."""
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, mode)
    if os.fstat(fd).st_mode & _TYPE != _REGULAR:
        os.close(fd)
        raise OSError(errno.EBADFD, "Not a regular file", path)
    return fd
