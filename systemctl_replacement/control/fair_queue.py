"""Long answers in short slices, so that no question, however long its list of names, keeps the loop from its work.

Queues take turns: a stranger's is that of its user id, so that who asks a lot waits for itself, however many
connections it has. In a queue one thing is done after the other: only one half-made answer takes memory.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from systemctl_replacement.control.connection import Loop

# Seconds of work after which the loop looks at everything else.
SLICE = 0.005


class Turns:
    """Work of one rank that is done piece by piece: iterators, the end of which is the end of the work."""

    def __init__(self, loop: Loop, rank: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._rank = rank
        self._clock = clock
        self._queues: dict[Hashable, list[Iterator[object]]] = {}
        self._held: dict[Hashable, list[Iterator[object]]] = {}
        self._scheduled = False

    def add(self, queue: Hashable, work: Iterator[object]) -> None:
        """Do this work after what is in its queue."""
        if queue in self._held:
            self._held[queue].append(work)
            return
        self._queues.setdefault(queue, []).append(work)
        self._schedule()

    def has(self, queue: Hashable) -> bool:
        """Whether work of a queue waits, or is being done."""
        return queue in self._queues or bool(self._held.get(queue))

    def hold(self, queue: Hashable) -> None:
        """Go on with no work of a queue until `release`."""
        self._held[queue] = self._queues.pop(queue, [])

    def release(self, queue: Hashable) -> None:
        """Go on with what was added meanwhile."""
        held = self._held.pop(queue, None)
        if held:
            self._queues[queue] = held
            self._schedule()

    def _schedule(self) -> None:
        if self._queues and not self._scheduled:
            self._scheduled = True
            self._loop.defer(self._rank, self._slice)

    def _slice(self) -> None:
        end = self._clock() + SLICE
        try:
            while self._queues:
                self._go_on(next(iter(self._queues)), end)
                if self._clock() >= end:
                    break
        finally:
            self._scheduled = False
            self._schedule()

    def _go_on(self, name: Hashable, end: float) -> None:
        """Do what is in a queue until its turn is over."""
        queue = self._queues[name]
        try:
            while queue:
                for _ in queue[0]:
                    if self._clock() >= end:
                        return
                del queue[0]
        except BaseException:
            del queue[0]  # it failed, which its caller is told; those behind it go on
            raise
        finally:
            del self._queues[name]
            if queue:
                self._queues[name] = queue  # behind the others
