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

    colors: of the message, and of the part of its first line that `highlight` spans.
    """
    lines = _lines(message)
    shown = [_colored(lines[0], colors, highlight), *[_colored(line, colors) for line in lines[1:]]]
    return f"\n{' ' * indent}".join(shown)


def cut(
    indent: int, message: str, colors: tuple[str, str], highlight: Span, columns: int, ellipsis: str
) -> tuple[str, bool]:
    """A message in lines that end before `columns`, and whether anything of it is left out."""
    shown = ""
    taken = 0
    ellipsized = False
    for number, line in enumerate(_lines(message)):
        length = len(line.encode())
        taken += length + 1
        is_last = number + 1 == _LINES_MAX or taken >= _BYTES_MAX
        before = f"\n{' ' * indent}" if number else ""
        if not is_last and indent + length + 1 < columns:
            shown += before + _colored(line, colors, None if number else highlight)
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


def _lines(message: str) -> list[str]:
    lines = message.split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return [line.partition("\0")[0] for line in lines] if "\0" in message else lines


def _colored(line: str, colors: tuple[str, str], highlight: Span = None) -> str:
    color, mark = colors
    if not color:
        return line
    if highlight is None or highlight[0] >= len(line):
        return f"{color}{line}{RESET}"
    start, end = highlight[0], min(highlight[1], len(line))
    rest = color + line[end:] if end < len(line) else ""
    return f"{color}{line[:start]}{mark}{line[start:end]}{rest}{RESET}"
