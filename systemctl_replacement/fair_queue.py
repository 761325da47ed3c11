"""Long work in short slices, so that neither a query, however long its list of names, nor a look at many processes
keeps the loop from everything else.

Queues take turns. A stranger's queue is that of its user id, so a busy client delays only itself, however many
connections it has. Work in a queue is done in order, so that only one half-made answer takes memory.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import Protocol

    class Loop(Protocol):
        """What is needed of the manager's loop."""

        def defer(self, rank: int, callback: Callable[[], object]) -> object: ...


# Seconds of work after which the loop looks at everything else.
SLICE = 0.005


class FairQueue:
    """The work of one rank, done piece by piece. A piece of work is an iterator, which ends when the work is done."""

    def __init__(self, loop: Loop, rank: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._rank = rank
        self._clock = clock
        self._queues: dict[Hashable, list[Iterator[object]]] = {}
        self._held: dict[Hashable, list[Iterator[object]]] = {}
        self._scheduled = False

    def add(self, queue: Hashable, work: Iterator[object]) -> None:
        """Append work to a queue."""
        if queue in self._held:
            self._held[queue].append(work)
            return
        self._queues.setdefault(queue, []).append(work)
        self._schedule()

    def has(self, queue: Hashable) -> bool:
        """Whether a queue has work that waits or is in progress."""
        return queue in self._queues or bool(self._held.get(queue))

    def hold(self, queue: Hashable) -> None:
        """Suspend the work of a queue until `release`."""
        self._held[queue] = self._queues.pop(queue, [])

    def release(self, queue: Hashable) -> None:
        """Resume the work of a queue, including what was added meanwhile."""
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
        """Work on a queue until its turn is over."""
        queue = self._queues[name]
        try:
            while queue:
                for _ in queue[0]:
                    if self._clock() >= end:
                        return
                del queue[0]
        except BaseException:
            del queue[0]  # it failed, and its caller has been told; the work after it goes on
            raise
        finally:
            del self._queues[name]
            if queue:
                self._queues[name] = queue  # after the others
