"""The lines of a part of a file, in either direction, a block at a time.

Files are anybody's: they may be cut while we read, or have lines without end. Those above RECORD_MAX bytes are passed
over, so that no more than that is ever in memory.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.record import RECORD_MAX
from systemctl_replacement.journal.search import all_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Union

    Pick = Callable[[bytes, int, int], list[bytes]]
    """The lines that are wanted of a text (see `search`)."""
    Lines = Union[list[bytes], bytes]
    """Some lines, or the last one of some that are not wanted."""

_FIRST = 4096
"""Who reads backwards often wants a few lines only."""
_SEARCHED = 64 * 1024
BLOCK = 96 * 1024
"""Larger ones are given back to the kernel after each use (mallopt(3) M_MMAP_THRESHOLD), and zeroed for the next."""


def forwards(fd: int, start: int, end: int) -> Iterator[list[bytes]]:
    """The lines between two offsets, at each of which a line begins."""
    return (lines for lines in pick_forwards(fd, start, end, all_lines) if not isinstance(lines, bytes))


def backwards(fd: int, start: int, end: int) -> Iterator[list[bytes]]:
    """The same lines, the last one first."""
    return (lines for lines in pick_backwards(fd, start, end, all_lines) if not isinstance(lines, bytes))


def pick_forwards(fd: int, start: int, end: int, pick: Pick, block: int = BLOCK) -> Iterator[Lines]:
    """What `pick` leaves of the same lines. Where that is nothing, the last line of a block tells how far it went."""
    position = start
    size = block
    is_endless = False
    while position < end:
        asked = min(size, end - position)
        data = os.pread(fd, asked, position)
        cut = data.find(b"\n") if is_endless else data.rfind(b"\n")
        if cut < 0:
            if len(data) < asked:
                return  # the file has been cut
            is_endless = is_endless or asked > RECORD_MAX
            position += asked if is_endless else 0
            size = block if is_endless else min(4 * size, RECORD_MAX + block)
            continue
        position += cut + 1  # what follows is read again, with its end
        if is_endless:
            is_endless = False
            continue
        size = block
        yield pick(data, 0, cut) or data[data.rfind(b"\n", 0, cut) + 1 : cut]


def pick_backwards(fd: int, start: int, end: int, pick: Pick, block: int = BLOCK) -> Iterator[Lines]:
    """The same, the last line first."""
    position = end
    size = min(_FIRST, block)
    is_endless = False
    while position > start:
        begin = max(position - size, start)
        data = os.pread(fd, position - begin, begin)
        if is_endless or len(data) < position - begin:
            # The end of a line without end; or the file has been cut, and what follows is gone.
            last = data.rfind(b"\n") + 1
            position = begin + last
            is_endless = is_endless and not last
            continue
        stop = len(data) - 1  # the last line's newline
        first = data.find(b"\n", 0, stop) + 1 if begin > start else 0
        if begin > start and not first:
            is_endless = size > RECORD_MAX
            position = begin if is_endless else position
            size = block if is_endless else min(4 * size, RECORD_MAX + block)
            continue
        position = begin + first
        size = min(4 * size, block)
        lines = pick(data, first, stop)
        lines.reverse()
        yield lines or data[first : data.find(b"\n", first)]


def line_from(fd: int, position: int, end: int, size: int = 1024) -> tuple[int, bytes] | None:
    """The first line that begins at `position` or behind it: (where it begins, the line). None without any before
    `end`, or if it is out of reach."""
    begin = position
    data = b""
    if position > 0:
        begin -= 1  # a line begins behind a newline
    while True:
        more = os.pread(fd, min(size, end - begin - len(data)), begin + len(data))
        data += more
        first = data.find(b"\n") if position > 0 else -1
        if first >= 0 or position == 0:
            last = data.find(b"\n", first + 1)
            if last >= 0:
                return begin + first + 1, data[first + 1 : last]
        if not more or len(data) > 2 * RECORD_MAX:
            return None
        size *= 4


def next_object(fd: int, position: int, end: int) -> int:
    """Where the next line begins that could be a record, from the beginning of a line on; `end` if none does before."""
    at = position - 1  # its newline
    while at < end:
        data = os.pread(fd, _SEARCHED, at)
        found = data.find(b"\n{")
        if found >= 0:
            return at + found + 1
        if len(data) < 2:
            return end
        at += len(data) - 1
    return end


def end_of_lines(fd: int, size: int, start: int = 0) -> int:
    """Where the last whole line of a file of this size ends: behind its newline. `start` if none does behind that."""
    position = size
    step = _FIRST
    while position > start and size - position <= RECORD_MAX:
        step = min(step, position - start)
        position -= step
        at = os.pread(fd, step, position).rfind(b"\n")
        if at >= 0:
            return position + at + 1
        step *= 4
    return start
