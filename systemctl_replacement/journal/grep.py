"""Searching the text of messages for a pattern, where bytes can tell that most of them need not be decoded."""

from __future__ import annotations

import re

from systemctl_replacement import wire
from systemctl_replacement.journal.entry import parsed, text_of
from systemctl_replacement.journal.search import all_lines, lines_at, mark_of_lists, spans_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern

_TEXT = b'"MESSAGE":"'
_BINARY = b'"MESSAGE":['
_FOLDED = (b"\\u017f", b"\\u212a")
"""The long s and the sign of Kelvin, which match s and k if case is ignored."""
_BEYOND = frozenset("|([{\\")
"""With these a part of a pattern need not be in what matches."""
_SPECIAL = frozenset(".^$*+?)]}")
_ESCAPED = frozenset('"')
_LITERAL_MIN = 2


class Grep:
    """pattern: is searched in each message."""

    def __init__(self, pattern: Pattern[str]) -> None:
        self._search = pattern.search
        self._literal = b"" if pattern.flags & re.VERBOSE else literal_of(pattern.pattern).encode("ascii")
        self._ignores_case = bool(pattern.flags & re.IGNORECASE)
        if self._ignores_case:
            self._literal = self._literal.lower()
        # What a message can have instead of the literal text.
        is_folded = self._ignores_case and (b"s" in self._literal or b"k" in self._literal)
        self._others = (_BINARY, *_FOLDED) if is_folded else (_BINARY,)

    @property
    def is_quick(self) -> bool:
        """Whether bytes tell of most messages that they do not have it."""
        return bool(self._literal)

    def find(self, data: bytes, start: int, end: int) -> list[bytes]:
        """The lines of a text (see `search`) whose message has it."""
        if not self._literal:
            return self.select(all_lines(data, start, end))
        spans = spans_with(data, start, end, (mark_of_lists("MESSAGE"), *self._others[1:]))
        spans.update(spans_with(data.lower() if self._ignores_case else data, start, end, (self._literal,)))
        return self.select(lines_at(data, spans))

    def select(self, lines: list[bytes]) -> list[bytes]:
        """The lines whose message has it."""
        return [line for line in lines if self._may_match(line) and self._search(message_of(line)) is not None]

    def _may_match(self, line: bytes) -> bool:
        folded = line.lower() if self._ignores_case else line
        return self._literal in folded or any(mark in line for mark in self._others)


def message_of(line: bytes) -> str:
    """The text of a record's message, "" without any."""
    at = line.find(_TEXT)
    if at >= 0:
        # Nearly always the message is the last field.
        text = line[at + len(_TEXT) : -2]
        if line.endswith(b'"}') and b"\\" not in text and b'"' not in text:
            return text.decode("utf-8", "replace")
        found = _text_at(line, at + len(_TEXT))
        if found is not None:
            return found
    fields = parsed(line)
    return text_of(fields) if fields else ""


def _text_at(line: bytes, position: int) -> str | None:
    """The text that a position is in, just behind its first quote, without parsing anything else of a line. None if it
    is no text after all."""
    try:
        text = wire.string_at(line[position:].decode("utf-8", "replace"), 0)[0]
        text.encode()  # JSON can spell strings that are not text
    except ValueError:
        return None
    return text


def literal_of(pattern: str) -> str:
    """The longest text that is in everything that matches, as it stands in a record too; "" if none is known."""
    if not _BEYOND.isdisjoint(pattern):
        return ""
    runs, run = [], ""
    for character, following in zip(pattern, pattern[1:] + " "):
        is_plain = character.isascii() and character.isprintable() and character not in _SPECIAL | _ESCAPED
        if is_plain and following not in "*?":
            run += character
            continue
        runs.append(run)
        run = ""
    longest = max([*runs, run], key=len)
    return longest if len(longest) >= _LITERAL_MIN else ""
