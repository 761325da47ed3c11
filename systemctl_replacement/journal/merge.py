"""Records of several chains in one order: boot after boot, and in a boot by the monotonic clock.

Boots follow each other by the realtime clock at the record of each that is met first. Records of one moment are in the
order of the chains.
"""

from __future__ import annotations

from systemctl_replacement.journal.entry import head_of

try:
    from _heapq import heapify, heappop, heapreplace  # heapq costs a millisecond
except ImportError:
    from heapq import heapify, heappop, heapreplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from systemctl_replacement.journal.entry import Head
    from systemctl_replacement.journal.lines import Lines


class Clock:
    """One scale for the times of all boots."""

    def __init__(self) -> None:
        self._base: dict[bytes, int] = {b"": 0}

    def begin(self, boot: bytes, base: int) -> None:
        """Let the monotonic clock of a boot have begun at a time (realtime usec), unless that is known."""
        self._base.setdefault(boot, base)

    def time(self, head: Head) -> int:
        _, realtime, monotonic, boot = head
        base = self._base.get(boot)
        if base is None:
            base = self._base[boot] = realtime - monotonic
        return base + monotonic if boot else realtime


class Stream:
    """The lines of one chain on their way. sign: -1 if the newest come first."""

    __slots__ = ("_clock", "_head", "_line", "_lists", "_sign", "first", "index", "lines", "position")

    def __init__(self, index: int, lists: Iterator[Lines], clock: Clock, sign: int) -> None:
        self.index = index
        self.lines: list[bytes] = []
        self.position = 0
        self.first: Head = (0, 0, 0, b"")  # of the record that `key` tells of
        self._line = b""  # the one looked at last …
        self._head: Head | None = None  # … and its head
        self._lists = lists
        self._clock = clock
        self._sign = sign

    def key(self) -> tuple[int, int, Stream] | None:
        """Where the next record belongs, so that the smallest comes first; or a place before that, if it is not at
        hand: nothing is read that need not be known. None: there are no more."""
        while True:
            while self.position < len(self.lines):
                line = self.lines[self.position]
                head = self._head if line is self._line else head_of(line)
                if head is not None:
                    self.first = head
                    return self._place(head)
                self.position += 1
            self.position = 0
            lines = next(self._lists, None)
            if lines is None:
                return None
            if isinstance(lines, bytes):
                self.lines = []
                head = head_of(lines)
                if head is not None:
                    return self._place(head)
            else:
                self.lines = lines

    def _place(self, head: Head) -> tuple[int, int, Stream]:
        return self._sign * self._clock.time(head), self._sign * self.index, self

    def take(self, limit: tuple[int, int, Stream] | None) -> list[bytes]:
        """The next record, and those after it that are at hand and belong before `limit`. None if none is at hand."""
        start = self.position
        if start == len(self.lines):
            return []
        end = len(self.lines) if limit is None else self._end(limit)
        self.position = end
        return self.lines[start:end] if start or end < len(self.lines) else self.lines

    def _end(self, limit: tuple[int, int, Stream]) -> int:
        lines = self.lines
        low = high = self.position + 1
        step = 1
        while high < len(lines) and self._is_within(lines[high], limit):
            low = high + 1
            high += step
            step *= 2
        high = min(high, len(lines))
        while low < high:
            middle = (low + high) // 2
            if self._is_within(lines[middle], limit):
                low = middle + 1
            else:
                high = middle
        return low

    def _is_within(self, line: bytes, limit: tuple[int, int, Stream]) -> bool:
        self._line, self._head = line, head_of(line)
        head = self._head
        if head is None:
            return True
        time = self._sign * self._clock.time(head)
        return time < limit[0] or (time == limit[0] and self._sign * self.index < limit[1])

    def __lt__(self, other: Stream) -> bool:
        return self.index < other.index


def merged(streams: Iterable[Stream]) -> Iterator[tuple[int, list[bytes], Head]]:
    """The lines of all streams in order: (the stream's index, some of its lines, the head of the first). Others among
    them may be no records (`head_of`)."""
    heap = [key for key in (stream.key() for stream in streams) if key is not None]
    heapify(heap)
    while heap:
        stream = heap[0][2]
        limit = min(heap[1:3]) if len(heap) > 1 else None
        head = stream.first
        lines = stream.take(limit)
        if lines:
            yield stream.index, lines, head
        key = stream.key()
        if key is None:
            heappop(heap)
        else:
            heapreplace(heap, key)
