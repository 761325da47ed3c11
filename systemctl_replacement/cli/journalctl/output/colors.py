"""The colours of entries: journalctl's, by priority."""

from __future__ import annotations

from systemctl_replacement.terminal_settings import only_sixteen_colors

RESET = "\x1b[0m"
BOLD = "\x1b[0;1;39m"
GREEN = "\x1b[0;32m"
BLUE = "\x1b[0;34m"
BOLD_BLUE = "\x1b[0;1;34m"
_COLORED = ("0", "1", "2", "3", "4", "5", "7")
_GREY, _GREY_OF_SIXTEEN = "\x1b[0;38;5;245m", "\x1b[0;90m"
_RED = "\x1b[0;1;31m"
_YELLOW, _YELLOW_OF_SIXTEEN = "\x1b[0;1;38;5;185m", "\x1b[0;1;33m"


def grey() -> str:
    return _GREY_OF_SIXTEEN if only_sixteen_colors() else _GREY


def of_priority(priority: object) -> tuple[str, str]:
    """The colours of a message and of what --grep= has found in it, "" for none."""
    if not isinstance(priority, str) or priority not in _COLORED:
        return "", ""
    if priority <= "3":
        return _RED, BOLD
    if priority == "4":
        return _YELLOW_OF_SIXTEEN if only_sixteen_colors() else _YELLOW, BOLD
    return (BOLD if priority == "5" else grey()), _RED
