"""What a supervisor, or the collector, waits for.

epoll(7), because poll(2) refuses more descriptors than RLIMIT_NOFILE, and anybody with the same user id may lower that
at any time.
"""

from __future__ import annotations

import select

READABLE, WRITABLE = select.EPOLLIN, select.EPOLLOUT


class Poller:
    """Descriptors, and what each of them is watched for. A hang-up is always told."""

    __slots__ = ("_epoll", "_events")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._events: dict[int, int] = {}

    def watch(self, fd: int, events: int) -> None:
        """Watch a descriptor for READABLE and WRITABLE from now on. OSError if that is impossible."""
        before = self._events.get(fd)
        if before is None:
            self._epoll.register(fd, events)
        elif before != events:
            self._epoll.modify(fd, events)
        self._events[fd] = events

    def forget(self, fd: int) -> None:
        """Call this before the descriptor is closed."""
        del self._events[fd]
        self._epoll.unregister(fd)

    def wait(self, milliseconds: int | None) -> list[tuple[int, int]]:
        """The descriptors that are ready. None waits for ever."""
        seconds = None if milliseconds is None else milliseconds / 1000
        return self._epoll.poll(seconds, len(self._events) or 1)  # all: by default it tells of 1,023 at most
