"""Records of several chains in one order: boot after boot, and in a boot by the monotonic clock.

Boots follow each other by the realtime clock at the record of each that is met first. Records of one moment are in the
order of the chains.
"""

from __future__ import annotations

from systemctl_replacement.journal.entry import head_of

try:
    from _bisect import bisect_left, bisect_right
except ImportError:
    from bisect import bisect_left, bisect_right
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
    """The records of one chain on their way. sign: -1 if the newest come first."""

    __slots__ = ("_clock", "_heads", "_lines", "_lists", "_place", "_position", "_sign", "_times", "index")

    def __init__(self, index: int, lists: Iterator[Lines], clock: Clock, sign: int) -> None:
        self.index = index
        self._place = sign * index
        self._lines: list[bytes] = []
        self._heads: list[Head] = []
        self._times: list[int] = []  # the smaller, the sooner
        self._position = 0
        self._lists = lists
        self._clock = clock
        self._sign = sign

    def key(self) -> tuple[int, int, Stream] | None:
        """Where the next record belongs, so that the smallest comes first; or a place before that, if it is not at
        hand: nothing is read that need not be known. None: there are no more."""
        while self._position == len(self._times):
            lines = next(self._lists, None)
            if lines is None:
                return None
            if isinstance(lines, bytes):
                head = head_of(lines)
                if head is not None:
                    return self._sign * self._clock.time(head), self._place, self
            else:
                self._have(lines)
        return self._times[self._position], self._place, self

    def _have(self, lines: list[bytes]) -> None:
        heads = list(map(head_of, lines))
        if None in heads:
            lines = [line for line, head in zip(lines, heads) if head is not None]
        self._lines = lines
        self._heads = [head for head in heads if head is not None]
        time, sign = self._clock.time, self._sign
        self._times = [sign * time(head) for head in self._heads]
        self._position = 0

    def take(self, limit: tuple[int, int, Stream] | None) -> tuple[list[bytes], list[Head]]:
        """The next record, and those after it that are at hand and belong before `limit`: lines and heads. None if none
        is at hand."""
        start, end = self._position, len(self._times)
        if limit is not None and start < end:
            until = bisect_right if self._place < limit[1] else bisect_left
            end = max(until(self._times, limit[0], start), start + 1)
        self._position = end
        return self._lines[start:end], self._heads[start:end]

    def __lt__(self, other: Stream) -> bool:
        return self.index < other.index


def merged(streams: Iterable[Stream]) -> Iterator[tuple[int, list[bytes], list[Head]]]:
    """The records of all streams in order: (the stream's index, some of its lines, their heads)."""
    heap = [key for key in (stream.key() for stream in streams) if key is not None]
    heapify(heap)
    while heap:
        stream = heap[0][2]
        limit = min(heap[1:3]) if len(heap) > 1 else None
        lines, heads = stream.take(limit)
        if lines:
            yield stream.index, lines, heads
        key = stream.key()
        if key is None:
            heappop(heap)
        else:
            heapreplace(heap, key)
