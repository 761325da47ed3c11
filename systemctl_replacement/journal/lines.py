"""The lines of a part of a file, in either direction, a block at a time.

Files are anybody's: they may be cut while we read, or have lines without end. Those above RECORD_MAX bytes are passed
over, so that no more than that is ever in memory.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.record import RECORD_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Union

    Skips = Callable[[bytes], bool]
    """Whether text of whole lines has nothing that is wanted."""
    Lines = Union[list[bytes], bytes]
    """Some lines, or the last of some that were skipped."""

_FIRST = 4096
"""Who reads backwards often wants a few lines only."""
_SEARCHED = 64 * 1024
BLOCK = 256 * 1024


def forwards(fd: int, start: int, end: int) -> Iterator[list[bytes]]:
    """The lines between two offsets, at each of which a line begins."""
    return (lines for lines in forwards_with_skips(fd, start, end) if not isinstance(lines, bytes))


def backwards(fd: int, start: int, end: int) -> Iterator[list[bytes]]:
    """The same lines, the last one first."""
    return (lines for lines in backwards_with_skips(fd, start, end) if not isinstance(lines, bytes))


def forwards_with_skips(
    fd: int, start: int, end: int, skips: Skips | None = None, block: int = BLOCK
) -> Iterator[Lines]:
    """The same as `forwards`. Of what is skipped the last line tells how far that went."""
    rest = b""
    is_endless = False
    position = start
    while position < end:
        data = os.pread(fd, min(block, end - position), position)
        if not data:
            return
        position += len(data)
        if is_endless:
            _, newline, data = data.partition(b"\n")
            is_endless = not newline
        cut = data.rfind(b"\n")
        if cut < 0:
            rest += data
            if len(rest) > RECORD_MAX:
                rest, is_endless = b"", True
            continue
        whole = rest + data[:cut]
        rest = data[cut + 1 :]
        if skips is None or not skips(whole):
            yield whole.split(b"\n")
        else:
            yield whole[whole.rfind(b"\n") + 1 :]


def backwards_with_skips(
    fd: int, start: int, end: int, skips: Skips | None = None, block: int = BLOCK
) -> Iterator[Lines]:
    """The same as `backwards`."""
    rest = b""
    is_endless = False
    position = end - 1  # its newline
    size = min(_FIRST, block)
    while position > start:
        size = min(size, position - start)
        position -= size
        data = os.pread(fd, size, position)
        if len(data) < size:
            rest = b""  # the file has been cut: what follows is gone
        size = min(4 * size, block)
        if is_endless:
            last = data.rfind(b"\n")
            data = data[: max(last, 0)]
            is_endless = last < 0
            if is_endless:
                continue
        if position > start:
            cut = data.find(b"\n")
            if cut < 0:
                rest = data + rest
                if len(rest) > RECORD_MAX:
                    rest, is_endless = b"", True
                continue
            whole = data[cut + 1 :] + rest
            rest = data[:cut]
        else:
            whole = data + rest
        if skips is None or not skips(whole):
            lines = whole.split(b"\n")
            lines.reverse()
            yield lines
        else:
            yield whole.partition(b"\n")[0]


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
