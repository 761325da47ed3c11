"""The one loop of the manager: descriptors, deadlines and deferred work. No ticks, no threads.

An exception in a callback is that callback's own: it is handed to `on_exception` and the loop goes on.
"""

from __future__ import annotations

import _heapq as heapq  # without its twin in Python
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from typing import Callable

    FdCallback = Callable[[int], object]
else:
    from _collections import deque  # without the six modules that `collections` brings

READ = 1
WRITE = 2

# So many timers are looked through for cancelled ones, which would otherwise stay until their time comes: a service
# may tell its watchdog very often that it is alive.
_MANY_TIMERS = 256

_AFTER_FAILURE_SECONDS = 0.1

_LONGEST_WAIT_SECONDS = 1_000_000.0

# Microseconds of deferred work after which the loop looks at everything else.
SLICE_USEC = 5_000


def now_monotonic() -> int:
    """The monotonic clock, microseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def now_stamp() -> tuple[int, int]:
    """(realtime, monotonic) in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1000, now_monotonic()


class Timer:
    """A deadline that can be called off."""

    __slots__ = ("callback", "time")

    def __init__(self, time_: int, callback: Callable[[], object]) -> None:
        self.time = time_
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.time < other.time


class Loop:
    """Calls back when a descriptor is ready (READ, WRITE), when a deadline passes, or as soon as the rest is done."""

    def __init__(self, on_exception: Callable[[str, BaseException], object]) -> None:
        self._poll = select.epoll()
        self._fds: dict[int, FdCallback] = {}
        self._timers: list[Timer] = []
        self._sweep_at = _MANY_TIMERS
        self._soon: deque[Callable[[], object]] = deque()
        self._on_exception = on_exception
        self._stopped = False

    def add(self, fd: int, events: int, callback: FdCallback) -> None:
        self._poll.register(fd, _mask(events))
        self._fds[fd] = callback

    def watch_hang_up(self, fd: int, callback: FdCallback) -> None:
        """Call back once the other end is gone. PermissionError for what cannot be polled."""
        self._poll.register(fd, 0)  # EPOLLHUP and EPOLLERR are always told
        self._fds[fd] = callback

    def modify(self, fd: int, events: int) -> None:
        self._poll.modify(fd, _mask(events))

    def remove(self, fd: int) -> None:
        if self._fds.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def call_at(self, time_: int, callback: Callable[[], object]) -> Timer:
        """Call back at a monotonic time in microseconds."""
        timer = Timer(time_, callback)
        heapq.heappush(self._timers, timer)
        if len(self._timers) > self._sweep_at:
            self._timers = [waiting for waiting in self._timers if waiting.callback is not None]
            heapq.heapify(self._timers)
            self._sweep_at = max(_MANY_TIMERS, 2 * len(self._timers))
        return timer

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call back before the loop waits again, after what was deferred earlier. If that is much, what happens
        meanwhile comes in between."""
        self._soon.append(callback)

    def has_pending(self) -> bool:
        """Whether deferred work waits to be done."""
        return bool(self._soon)

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Run until stopped."""
        while not self._stopped:
            try:
                self._turn()
            except Exception as error:
                # No memory even for the loop itself, most likely: not to be tried again at full speed.
                self._guard(self._on_exception, "loop", error)
                time.sleep(_AFTER_FAILURE_SECONDS)

    def _turn(self) -> None:
        self._run_soon()
        for fd, events in self._wait():
            callback = self._fds.get(fd)
            if callback is not None:
                self._guard(callback, _events(events))
        self._run_timers()

    def _wait(self) -> list[tuple[int, int]]:
        if self._stopped:
            return []
        timeout = -1.0
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if self._soon:
            timeout = 0.0
        elif self._timers:
            # epoll counts milliseconds: round up, or it would wake before the deadline and spin.
            # It also counts them in 32 bits: nobody may wait for longer than it can.
            timeout = min(max(0, -(-(self._timers[0].time - now_monotonic()) // 1000)) / 1000, _LONGEST_WAIT_SECONDS)
        try:
            return self._poll.poll(timeout)
        except InterruptedError:
            return []

    def _run_timers(self) -> None:
        now = now_monotonic()
        while self._timers and self._timers[0].time <= now:
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                self._guard(callback)
                self._run_soon()

    def _run_soon(self) -> None:
        end = now_monotonic() + SLICE_USEC
        while self._soon and not self._stopped:
            self._guard(self._soon.popleft())
            if now_monotonic() > end:
                return

    def _guard(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception as error:
            try:
                self._on_exception(getattr(callback, "__qualname__", repr(callback)), error)
            except Exception:
                return  # nobody is left to tell, and PID 1 must not end of it


def _mask(events: int) -> int:
    return (select.EPOLLIN if events & READ else 0) | (select.EPOLLOUT if events & WRITE else 0)


def _events(mask: int) -> int:
    ready = READ if mask & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) else 0
    return ready | (WRITE if mask & (select.EPOLLOUT | select.EPOLLERR) else 0)
