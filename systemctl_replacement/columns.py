"""How many columns a text takes on a terminal, and how systemd shortens it to fewer.

A text may have colours in it (`ESC [ … m`): they take no columns, and none of them is cut out.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK_OF_UNICODE = "…"  # systemd takes it for texts that are not ASCII, whatever the locale is
_BEGINS_SEQUENCE, _ENDS_SEQUENCE = "\x1b[", "m"


def shortened(text: str, width: int, percent: int, mark: str) -> str:
    """The text in `width` columns. What does not fit is cut out after `percent` of them and replaced by `mark`."""
    if _BEGINS_SEQUENCE in text:
        return _shortened_wide(_pieces(text), width, (width - 1) * percent // 100, mark)
    if text.isascii():
        if len(text) <= width:
            return text
        if width < len(mark):
            return mark[:width]
        kept = ((width - len(mark)) * percent + 50) // 100
        tail = width - len(mark) - kept
        return text[:kept] + mark + (text[-tail:] if tail else "")
    return _shortened_wide(text, width, (width - 1) * percent // 100, _MARK_OF_UNICODE)


def _shortened_wide(pieces: Sequence[str], width: int, before: int, mark: str) -> str:
    taken = start = 0
    while start < len(pieces) and taken + columns(pieces[start]) <= before:
        taken += columns(pieces[start])
        start += 1
    at = end = len(pieces)
    while at > start and taken + columns(pieces[at - 1]) <= width:
        at -= 1
        taken += columns(pieces[at])
        if columns(pieces[at]):
            end = at
    if start >= end:
        return "".join(pieces)
    # The mark needs room too.
    if end < len(pieces):
        end += 1
    elif start > 0:
        start -= 1
    colors = [piece for piece in pieces[start:end] if not columns(piece)]
    return "".join((*pieces[:start], mark, *colors, *pieces[end:]))


def _pieces(text: str) -> list[str]:
    """Characters and escape sequences."""
    pieces = []
    at = 0
    while at < len(text):
        end = text.find(_ENDS_SEQUENCE, at) + 1 if text.startswith(_BEGINS_SEQUENCE, at) else 0
        pieces.append(text[at : end or at + 1])
        at += len(pieces[-1])
    return pieces


def columns(piece: str) -> int:
    """How many columns a character takes: 1, or 2 for East Asian scripts and emoji; or an escape sequence: 0."""
    if piece < "\u1100":
        return 1 if len(piece) == 1 else 0
    import unicodedata  # few texts have any

    return 2 if unicodedata.east_asian_width(piece) in "WF" else 1
