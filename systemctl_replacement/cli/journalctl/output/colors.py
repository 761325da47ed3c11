"""The colours of entries: journalctl's, by priority."""

from __future__ import annotations

RESET = "\x1b[0m"
BOLD = "\x1b[0;1;39m"
GREEN = "\x1b[0;32m"
BLUE = "\x1b[0;34m"
BOLD_BLUE = "\x1b[0;1;34m"
GREY = "\x1b[0;38;5;245m"
_RED = "\x1b[0;1;31m"
_YELLOW = "\x1b[0;1;38;5;185m"

_BY_PRIORITY = {
    **dict.fromkeys("0123", (_RED, BOLD)),
    "4": (_YELLOW, BOLD),
    "5": (BOLD, _RED),
    "7": (GREY, _RED),
}


def of_priority(priority: object) -> tuple[str, str]:
    """The colours of a message and of what --grep= has found in it, "" for none."""
    return _BY_PRIORITY.get(priority, ("", "")) if isinstance(priority, str) else ("", "")
