"""What the terminal can show: glyphs, colours, width, and a pager.

Colours, ellipses and a pager only on a terminal: what goes into a pipe is for programs. Source: systemd(1)
SYSTEMD_COLORS, SYSTEMD_PAGER, SYSTEMD_UTF8.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_RESET = "\x1b[0m"
_COLORS = {"red": "\x1b[0;1;31m", "green": "\x1b[0;1;32m", "yellow": "\x1b[0;1;38;5;185m", "grey": "\x1b[0;38;5;245m"}
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
# The glyph of a unit's active state.
_STATES = {
    "active": ("active", "green"),
    "reloading": ("reloading", "green"),
    "inactive": ("inactive", ""),
    "failed": ("failed", "red"),
    "activating": ("active", ""),
    "deactivating": ("active", ""),
    "maintenance": ("inactive", ""),
}


def unicode_wanted() -> bool:
    """Whether the locale can show more than ASCII. Without any setting it can."""
    forced = os.environ.get("SYSTEMD_UTF8", "").lower()
    if forced:
        return forced in ("1", "yes", "y", "true", "t", "on")
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(variable)
        if value and not (variable == "LC_CTYPE" and is_coerced()):
            charset = value.partition(".")[2].partition("@")[0].lower().replace("-", "")
            return value not in ("C", "POSIX") and charset in ("", "utf8")
    return True


def is_coerced() -> bool:
    """Whether LC_CTYPE is Python's own doing: it sets one in the C locale, unasked (PEP 538)."""
    if os.environ.get("LC_CTYPE") not in ("C.UTF-8", "C.utf8", "UTF-8"):
        return False
    try:
        with open("/proc/self/environ", "rb") as file:
            return not any(entry.startswith(b"LC_CTYPE=") for entry in file.read().split(b"\0"))
    except OSError:
        return False


def colors_wanted() -> bool:
    """Whether stdout is a terminal that shows colours, or SYSTEMD_COLORS says so."""
    forced = os.environ.get("SYSTEMD_COLORS", "").lower()
    if forced:
        return forced not in ("0", "no", "n", "false", "f", "off")
    return "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb" and sys.stdout.isatty()


class Terminal:
    """How to draw on stdout."""

    def __init__(self) -> None:
        self.tty = sys.stdout.isatty()
        self._glyphs = _UNICODE if unicode_wanted() else _ASCII
        self._colors = colors_wanted()

    @property
    def columns(self) -> int:
        """The width of the terminal; 80 if there is none."""
        text = os.environ.get("COLUMNS", "")
        if text.isascii() and text.isdigit() and int(text) > 0:
            return int(text)
        try:
            return os.get_terminal_size(1).columns or 80
        except OSError:
            return 80

    def glyph(self, name: str) -> str:
        return self._glyphs[name]

    def colored(self, text: str, color: str) -> str:
        """The text in a colour, or as it is where there are none."""
        return f"{_COLORS[color]}{text}{_RESET}" if self._colors and color else text

    def state_dot(self, active_state: str) -> str:
        """The bullet of a unit, by its active state."""
        name, color = _STATES.get(active_state, ("inactive", ""))
        return self.colored(self._glyphs[name], color)

    def state_color(self, active_state: str) -> str:
        return _STATES.get(active_state, ("", ""))[1]

    def ellipsized(self, text: str, width: int) -> str:
        """The text, its middle left out if it is wider than that."""
        if len(text) <= width:
            return text
        mark = self.glyph("ellipsis")
        keep = max(width - len(mark), 0)
        tail = keep * 30 // 100
        return text[: keep - tail] + mark + (text[-tail:] if tail else "")

    def ellipsized_end(self, text: str, width: int) -> str:
        """The text, its end left out if it is wider than that."""
        mark = self.glyph("ellipsis")
        return text if len(text) <= width else text[: max(width - len(mark), 0)] + mark


def tree(terminal: Terminal, lines: list[str], indent: str) -> Iterator[str]:
    """Lines as the leaves of one branch."""
    for position, line in enumerate(lines):
        yield indent + terminal.glyph("last" if position == len(lines) - 1 else "branch") + line


def start_pager() -> None:
    """Send stdout through a pager, as systemctl does for long output on a terminal."""
    pager = os.environ.get("SYSTEMD_PAGER", os.environ.get("PAGER", "less"))
    if not sys.stdout.isatty() or pager in ("", "cat"):
        return
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # The pager is the child and we wait for it: the shell must see our exit status.
        os.dup2(reading, 0)
        os.close(reading)
        os.close(writing)
        os.environ.setdefault("LESS", "FRSXMK")
        os.environ.setdefault("LESSCHARSET", "utf-8")
        try:
            os.execvp("/bin/sh", ["/bin/sh", "-c", pager])
        finally:
            os._exit(127)
    os.close(reading)
    os.dup2(writing, 1)
    os.close(writing)

    import atexit

    def finish() -> None:
        sys.stdout.flush()
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.waitpid(child, 0)

    atexit.register(finish)
