"""Finding lines in the bytes of many, without making an object of each.

A text here is a part of some data, from `start` to `end`: whole lines, without the newline of the last one. A span is
a line's: where it begins, and where it ends.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable

_SHORT = 16 * 1024 * 1024
"""To search so many bytes with a regular expression saves less than it takes to import re."""


def all_lines(data: bytes, start: int, end: int) -> list[bytes]:
    """The lines of a text."""
    return data[start:end].split(b"\n")


def spans_with(data: bytes, start: int, end: int, marks: Iterable[bytes]) -> dict[int, int]:
    """The spans of the lines of a text with any of these in them."""
    found: dict[int, int] = {}
    for mark in marks:
        _note(found, data, start, end, lambda at, mark=mark: data.find(mark, at, end))  # type: ignore[misc]
    return found


def lines_at(data: bytes, spans: dict[int, int]) -> list[bytes]:
    """The lines with these spans, in order."""
    return [data[begin : spans[begin]] for begin in sorted(spans)]


def lines_with(data: bytes, start: int, end: int, marks: Iterable[bytes]) -> list[bytes]:
    """The lines of a text with any of these in them."""
    return lines_at(data, spans_with(data, start, end, marks))


def mark_of_lists(field: str) -> bytes:
    """What stands in a line where the value of a field is a list. It is short, because that is found twice as fast:
    fields whose names end with the same letter have it, too."""
    return field[-1:].encode() + b'":['


class AnyOf:
    """Finds lines with one of some texts, which begin and end with quotes, behind the name of a field that most lines
    have, or with a list there."""

    def __init__(self, field: str, name: bytes, texts: Iterable[bytes]) -> None:
        """name: the field's, as it stands in a line."""
        self._name = name
        self._texts = tuple(text[1:] for text in texts)
        self._lists = mark_of_lists(field)
        self._searched = 0
        self._search: Callable[[bytes, int, int], re.Match[bytes] | None] | None = None

    def find(self, data: bytes, start: int, end: int) -> list[bytes]:
        """The lines of a text that have it, and perhaps others."""
        self._searched += end - start
        if self._searched <= _SHORT:
            found = None if data.find(self._lists, start, end) >= 0 else self._split(data[start:end])
            return all_lines(data, start, end) if found is None else found
        search = self._search = self._search or self._compiled()

        def position(at: int) -> int:
            match = search(data, at, end)
            return match.start() if match is not None else -1

        spans: dict[int, int] = {}
        _note(spans, data, start, end, position)
        return lines_at(data, spans)

    def _split(self, text: bytes) -> list[bytes] | None:
        """The lines that have one of the texts. None if a line has the field more than once."""
        prefix = self._name + b'"'
        pieces = text.split(prefix)
        found = []
        for index in [index for index, piece in enumerate(pieces) if piece.startswith(self._texts)]:
            if not index:
                continue  # in front of the first prefix
            _, newline, before = pieces[index - 1].rpartition(b"\n")
            behind, end_of_line, _ = pieces[index].partition(b"\n")
            if not (newline or index == 1) or not (end_of_line or index + 1 == len(pieces)):
                return None
            found.append(before + prefix + behind)
        return found

    def _compiled(self) -> Callable[[bytes, int, int], re.Match[bytes] | None]:
        import re

        texts = b"|".join(re.escape(text) for text in self._texts)
        return re.compile(re.escape(self._name) + b'(?:"(?:' + texts + rb")|\[)").search


def _note(spans: dict[int, int], data: bytes, start: int, end: int, find: Callable[[int], int]) -> None:
    """Add the lines that have what `find` finds from an offset on (-1: nothing)."""
    at = find(start)
    while at >= 0:
        begin = data.rfind(b"\n", start, at) + 1 or start
        stop = data.find(b"\n", at, end)
        if stop < 0:
            stop = end
        spans[begin] = stop
        at = find(stop)
