"""Long answers in short slices, so that no question, however long its list of names, keeps the loop from its work.

Every user has a queue of its own, and so have changes; the queues take turns: who asks a lot waits for itself.
"""

from __future__ import annotations

from systemctl_replacement.manager.loop import SLICE_USEC, Loop, now_monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Turns:
    """Work that is done piece by piece: iterators, the end of which is the end of the work."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._queues: dict[int, list[Iterator[object]]] = {}
        self._held: dict[int, list[Iterator[object]]] = {}

    def add(self, uid: int, work: Iterator[object]) -> None:
        """Do this work for a user, after what it asked for before. A short one is done on return if none is waiting."""
        if uid in self._held:
            self._held[uid].append(work)
            return
        idle = not self._queues
        self._queues.setdefault(uid, []).append(work)
        if idle:
            self._slice()

    def has(self, uid: int) -> bool:
        """Whether work of a user waits, or is being done."""
        return uid in self._queues or bool(self._held.get(uid))

    def hold(self, uid: int) -> None:
        """Begin no work for a user, who has none yet, until `release`."""
        self._held[uid] = []

    def release(self, uid: int) -> None:
        """Begin what was added meanwhile, soon."""
        queue = self._held.pop(uid, None)
        if queue:
            idle = not self._queues
            self._queues[uid] = queue
            if idle:
                self._loop.call_at(now_monotonic() + 1, self._slice)

    def _slice(self) -> None:
        uid = next(iter(self._queues))
        queue = self._queues[uid]
        try:
            self._advance(queue)
        except BaseException:
            del queue[0]  # it failed, which its caller is told; those behind it go on
            raise
        finally:
            del self._queues[uid]
            if queue:
                self._queues[uid] = queue  # behind the others
            if self._queues:
                self._loop.call_at(now_monotonic() + 1, self._slice)

    def _advance(self, queue: list[Iterator[object]]) -> None:
        end = now_monotonic() + SLICE_USEC
        while queue:
            for _ in queue[0]:
                if now_monotonic() > end:
                    return
            del queue[0]
            if now_monotonic() > end:
                return
