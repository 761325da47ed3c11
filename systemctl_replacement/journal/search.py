"""Finding lines in the bytes of many, without making an object of each.

A text here is a part of some data, from `start` to `end`: whole lines, without the newline of the last one. A span is
a line's: where it begins, and where it ends.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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


def lines_behind(data: bytes, start: int, end: int, prefix: bytes, texts: tuple[bytes, ...]) -> list[bytes] | None:
    """The lines of a text with one of some texts behind a prefix, which most lines have: this takes one pass for all
    of them. None if some line has the prefix more than once."""
    pieces = data[start:end].split(prefix)
    found = []
    for index in [index for index, piece in enumerate(pieces) if piece.startswith(texts)]:
        if not index:
            continue  # in front of the first prefix
        _, newline, before = pieces[index - 1].rpartition(b"\n")
        behind, end_of_line, _ = pieces[index].partition(b"\n")
        if not (newline or index == 1) or not (end_of_line or index + 1 == len(pieces)):
            return None
        found.append(before + prefix + behind)
    return found


def mark_of_lists(field: str) -> bytes:
    """What stands in a line where the value of a field is a list. It is short, because that is found twice as fast:
    fields whose names end with the same letter have it, too."""
    return field[-1:].encode() + b'":['


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
