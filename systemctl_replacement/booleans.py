"""systemd's words for true and false (systemd.syntax(7)), for values in files, options and environment variables."""

from __future__ import annotations

TRUE = frozenset(("1", "yes", "y", "true", "t", "on"))
FALSE = frozenset(("0", "no", "n", "false", "f", "off"))


def boolean(text: str) -> bool | None:
    """The value of a text, regardless of case. None if it is neither."""
    lowered = text.lower()
    return True if lowered in TRUE else False if lowered in FALSE else None
