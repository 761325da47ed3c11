"""A message behind what stands in front of it: its further lines are indented, long ones are shortened if that is
wanted.

Source: journalctl(1) "--no-full", and what systemd 252 prints.
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.colors import RESET
from systemctl_replacement.columns import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    Span = Optional[tuple[int, int]]

# Where lines are shortened a message gets at most this much.
_LINES_MAX = 3
_BYTES_MAX = 300
_NOT_EVEN_DOTS = 3


def whole(indent: int, message: str, colors: tuple[str, str], highlight: Span = None) -> str:
    """A message with all its lines. indent: how many columns stand in front of the first one.

    colors: of the message, and of the part of it that `highlight` spans.
    """
    if not message:
        return ""
    shown = [_colored(line, colors, highlight, at) for at, line in _lines(message)]
    return f"\n{' ' * indent}".join(shown)


def cut(
    indent: int, message: str, colors: tuple[str, str], highlight: Span, columns: int, ellipsis: str
) -> tuple[str, bool]:
    """A message in lines that end before `columns`, and whether anything of it is left out."""
    if not message:
        return "", False
    shown = ""
    taken = 0
    ellipsized = False
    for number, (at, line) in enumerate(_lines(message)):
        length = len(line.encode("utf-8", "surrogateescape"))
        taken += length + 1
        is_last = number + 1 == _LINES_MAX or taken >= _BYTES_MAX
        before = f"\n{' ' * indent}" if number else ""
        if not is_last and indent + length + 1 < columns:
            shown += before + _colored(line, colors, highlight, at)
            continue
        ellipsized = True
        width = columns - indent
        if width < _NOT_EVEN_DOTS:
            shown += "\n..." if number else "..."
        elif width > length + len("..."):
            shown += before + _colored(f"{line}...", colors)
        else:
            shown += before + _colored(shortened(line, width, 100 if is_last else 90, ellipsis), colors)
        if is_last:
            break
    return shown, ellipsized


def _lines(message: str) -> list[tuple[int, str]]:
    """The lines of a message, and where each begins. systemd shows none of them beyond a NUL."""
    found = []
    at = 0
    lines = message.split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    for line in lines:
        found.append((at, line.partition("\0")[0]))
        at += len(line) + 1
    return found


def _colored(line: str, colors: tuple[str, str], highlight: Span = None, at: int = 0) -> str:
    """A line in its colours. at: where it begins in the message that `highlight` is about."""
    color, mark = colors
    if not color:
        return line
    if highlight is None or not at <= highlight[0] < at + len(line):
        return f"{color}{line}{RESET}"
    start, end = highlight[0] - at, min(highlight[1] - at, len(line))
    rest = color + line[end:] if end < len(line) else ""
    return f"{color}{line[:start]}{mark}{line[start:end]}{rest}{RESET}"
