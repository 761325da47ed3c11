"""What the terminal can show: glyphs, colours, width.

There are colours and ellipses only on a terminal, because pipes lead to programs. Source: systemctl(1) $SYSTEMD_COLORS,
systemd(1) $SYSTEMD_UTF8.
"""

from __future__ import annotations

import os

from systemctl_replacement.terminal_settings import (
    colors_asked_for,
    is_term_dumb,
    only_sixteen_colors,
    unicode_wanted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_RESET = "\x1b[0m"
_UNDERLINE = "\x1b[0;4m"
_MOST_COLUMNS = 65535
_COLORS = {
    "": "",
    "bold": "\x1b[0;1;39m",
    "red": "\x1b[0;1;31m",
    "green": "\x1b[0;1;32m",
    "yellow": "\x1b[0;1;38;5;185m",
    "blue": "\x1b[0;1;34m",
    "magenta": "\x1b[0;1;35m",
    "grey": "\x1b[0;38;5;245m",
}
_OF_SIXTEEN = {"yellow": "\x1b[0;1;33m", "grey": "\x1b[0;90m"}
_UNICODE = {
    "active": "●",
    "inactive": "○",
    "failed": "×",
    "reloading": "↻",
    "branch": "├─",
    "last": "└─",
    "vertical": "│ ",
    "ellipsis": "…",
    "arrow": "→",
}
_ASCII = {
    "active": "*",
    "inactive": "*",
    "failed": "x",
    "reloading": "P",
    "branch": "|-",
    "last": "`-",
    "vertical": "| ",
    "ellipsis": "...",
    "arrow": "->",
}
# Glyph and colour of a unit's active state.
_STATES = {
    "active": ("active", "green"),
    "reloading": ("reloading", "green"),
    "inactive": ("inactive", ""),
    "failed": ("failed", "red"),
    "activating": ("active", ""),
    "deactivating": ("active", ""),
    "maintenance": ("inactive", ""),
}


def on_terminal() -> bool:
    """Whether somebody sees the output: stdout and stderr are both a terminal."""
    return os.isatty(1) and os.isatty(2)


def is_dumb() -> bool:
    """Whether there is no terminal, or one that can only print lines."""
    return not on_terminal() or is_term_dumb()


def colors_wanted() -> bool:
    """Whether to use colours: the environment decides, otherwise the terminal."""
    asked = colors_asked_for()
    return not is_dumb() if asked is None else asked


def _columns() -> int:
    """The width of the terminal, 80 without one."""
    text = os.environ.get("COLUMNS", "")
    if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MOST_COLUMNS:
        return int(text[:9])
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class Terminal:
    """How to draw on stdout, as it was before a pager was opened.

    tty: somebody sees the output. colors: they are wanted. cuts: lines are cut to the width of the terminal (a pager
    scrolls sideways).
    """

    def __init__(self) -> None:
        self.tty = self.cuts = on_terminal()
        self.columns = _columns()
        self._glyphs = _UNICODE if unicode_wanted() else _ASCII
        self.colors = colors_wanted()
        self._colors = {**_COLORS, **_OF_SIXTEEN} if only_sixteen_colors() else _COLORS

    def glyph(self, name: str) -> str:
        return self._glyphs[name]

    def colored(self, text: str, color: str) -> str:
        """The text in a colour, or unchanged without colours."""
        return f"{self._colors[color]}{text}{_RESET}" if self.colors and color else text

    def styled(self, text: str, color: str, *, underlined: bool) -> str:
        """The text in a colour and underlined, or unchanged without colours."""
        if not underlined or not self.colors:
            return self.colored(text, color)
        return f"{self._colors[color] or _RESET}{_UNDERLINE}{text}{_RESET}"

    def state_dot(self, active_state: str) -> str:
        """The bullet of a unit, by its active state."""
        name, color = _STATES.get(active_state, ("inactive", ""))
        return self.colored(self._glyphs[name], color)

    def plain_dot(self, active_state: str) -> str:
        """The bullet of a unit that is up, in the colour of an active state."""
        return self.colored(self._glyphs["active"], self.state_color(active_state))

    def state_color(self, active_state: str) -> str:
        return _STATES.get(active_state, ("", ""))[1]

    def ellipsized_end(self, text: str, width: int) -> str:
        """The text, without its end if it is too wide."""
        mark = self.glyph("ellipsis")
        return text if len(text) <= width else text[: max(width - len(mark), 0)] + mark


def tree(terminal: Terminal, lines: list[str], indent: str) -> Iterator[str]:
    """Draw lines as the leaves of one branch."""
    for position, line in enumerate(lines):
        yield indent + terminal.glyph("last" if position == len(lines) - 1 else "branch") + line
