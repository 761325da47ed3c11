"""How many columns a text takes on a terminal, and how systemd shortens it to fewer."""

from __future__ import annotations


def shortened(text: str, width: int, percent: int, mark: str) -> str:
    """The text in `width` columns. What does not fit is cut out after `percent` of them and replaced by `mark`."""
    if text.isascii():
        if len(text) <= width:
            return text
        kept = ((width - len(mark)) * percent + 50) // 100
        tail = width - len(mark) - kept
        return text[:kept] + mark + (text[-tail:] if tail else "")
    return _shortened_wide(text, width, (width - 1) * percent // 100, mark)


def _shortened_wide(text: str, width: int, before: int, mark: str) -> str:
    taken = start = 0
    while start < len(text) and taken + columns(text[start]) <= before:
        taken += columns(text[start])
        start += 1
    end = len(text)
    while end > start and taken + columns(text[end - 1]) <= width:
        end -= 1
        taken += columns(text[end])
    if start >= end:
        return text
    # The mark needs room too.
    if end < len(text):
        end += 1
    elif start > 0:
        start -= 1
    return text[:start] + mark + text[end:]


def columns(character: str) -> int:
    """How many columns a character takes: 1, or 2 for East Asian scripts and emoji."""
    if character < "\u1100":
        return 1
    import unicodedata  # few texts have any

    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
