"""Which file is a unit's journal: its name is the unit's, unless that is too long for a file."""

from __future__ import annotations

SUFFIX = ".journal.jsonl"
ROTATED = ".1"
MANAGER_FILE = f"manager{SUFFIX}"  # no unit has a name without a type

_NAME_MAX = 255 - len(ROTATED)
_DIGEST = 16


def file_name(unit: str) -> str:
    """The name of a unit's file. One that is shortened keeps the unit's beginning, and no unit has such a name: it does
    not end with a type."""
    if len(unit) + len(SUFFIX) <= _NAME_MAX:
        return unit + SUFFIX
    from hashlib import blake2b  # most managers never meet such a name

    digest = blake2b(unit.encode(), digest_size=_DIGEST // 2).hexdigest()
    return f"{unit[: _NAME_MAX - len(SUFFIX) - _DIGEST - 1]}-{digest}{SUFFIX}"
