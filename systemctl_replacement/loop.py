"""The one loop of the manager: descriptors, deadlines and deferred work. No ticks, no threads.

Signals come first, then the manager's own links (supervisors above all), then deadlines, then clients: first root and
the manager's own user, then strangers. No deadline is believed before signals and links have been read, and what came
of them has been worked on: what it waits for may have arrived. Everything but signals gets one slice of time per turn:
a signal waits for a few slices at most.

An exception in a callback costs only that callback: it is passed to `on_exception`, and the loop goes on.
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

# What a descriptor can be ready for.
READ, WRITE = 1, 2

# Ranks, served in this order. Clients are OWNERS (root and the manager's own user) or STRANGERS.
SIGNALS, LINKS, OWNERS, STRANGERS = range(4)

# Above this many timers, cancelled ones are swept out. They would otherwise stay until they are due, and a service may
# notify its watchdog very often.
_MANY_TIMERS = 256

_AFTER_FAILURE_SECONDS = 0.1

_LONGEST_WAIT_SECONDS = 1_000_000.0

# Microseconds that one rank, deadlines or deferred work may take before the loop looks at everything else.
SLICE_USEC = 5_000

# How often links are read before a deadline is believed. One round reads what a supervisor can send at once, and these
# are more than it can have sent by then: a supervisor that keeps sending cannot hold up deadlines.
_CATCH_UP_ROUNDS = 8

# How many turns in a row deadlines wait for work on what has arrived: about a second of work. Who makes work without
# end cannot hold them up for longer.
_MOST_TURNS_HELD = 100


def now_monotonic() -> int:
    """The monotonic clock, microseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def now_stamp() -> tuple[int, int]:
    """(realtime, monotonic) in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1000, now_monotonic()


class Timer:
    """A deadline that can be cancelled."""

    __slots__ = ("callback", "time")

    def __init__(self, time_: int, callback: Callable[[], object]) -> None:
        self.time = time_
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.time < other.time


class _Rank:
    """What is served together: descriptors, those that are ready but not served yet, and deferred work."""

    __slots__ = ("poll", "ready", "work")

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.ready: deque[tuple[int, int]] = deque()
        self.work: deque[Callable[[], object]] = deque()

    def look(self) -> None:
        """Poll again once everything that was ready has been served: nobody is served twice before another."""
        if not self.ready:
            self.ready.extend(self.poll.poll(0))


class Loop:
    """Calls back when a descriptor is ready (READ, WRITE), when a deadline has passed, or soon."""

    def __init__(self, on_exception: Callable[[str, BaseException], object]) -> None:
        self._poll = select.epoll()  # of the ranks' own
        self._ranks = tuple(_Rank() for _ in (SIGNALS, LINKS, OWNERS, STRANGERS))
        for rank in self._ranks:
            self._poll.register(rank.poll.fileno(), select.EPOLLIN)
        self._fds: dict[int, tuple[_Rank, FdCallback]] = {}
        self._timers: list[Timer] = []
        self._sweep_at = _MANY_TIMERS
        self._turns_held = 0
        self._soon: deque[Callable[[], object]] = deque()
        self._on_exception = on_exception
        self._stopped = False

    def add(self, fd: int, events: int, callback: FdCallback, rank: int = LINKS) -> None:
        self._register(fd, _mask(events), callback, rank)

    def watch_hang_up(self, fd: int, callback: FdCallback) -> None:
        """Call back when the other end has closed. PermissionError for descriptors that cannot be polled."""
        self._register(fd, 0, callback, LINKS)  # EPOLLHUP and EPOLLERR are always told

    def watch_edges(self, fd: int, callback: FdCallback) -> None:
        """Call back once now, and each time that the kernel wakes those who wait for a descriptor, whatever can be read
        from it: what tells only that something has changed can always be read (proc(5), mountinfo)."""
        self._register(fd, select.EPOLLIN | select.EPOLLET, callback, LINKS)

    def _register(self, fd: int, mask: int, callback: FdCallback, rank: int) -> None:
        self._ranks[rank].poll.register(fd, mask)
        self._fds[fd] = self._ranks[rank], callback

    def modify(self, fd: int, events: int) -> None:
        if fd in self._fds:
            self._fds[fd][0].poll.modify(fd, _mask(events))

    def remove(self, fd: int) -> None:
        if fd not in self._fds:
            return
        rank, _ = self._fds.pop(fd)
        rank.poll.unregister(fd)
        if rank.ready:  # the next descriptor with this number belongs to somebody else
            rank.ready = deque([one for one in rank.ready if one[0] != fd])

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
        """Call back before the loop waits again, after what was deferred earlier. If that takes long, the loop looks at
        everything else in between."""
        self._soon.append(callback)

    def defer(self, rank: int, callback: Callable[[], object]) -> None:
        """Call back after the descriptors of this rank; one such callback per turn."""
        self._ranks[rank].work.append(callback)

    def has_pending(self) -> bool:
        """Whether deferred work of the manager itself is waiting."""
        return bool(self._soon) or self._has_arrivals()

    def _has_arrivals(self) -> bool:
        """Whether there is work left on what has arrived: ends of processes above all."""
        return bool(self._ranks[SIGNALS].work or self._ranks[LINKS].work)

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Run until stopped."""
        while not self._stopped:
            try:
                self._turn()
            except Exception as error:
                # Most likely there is no memory even for the loop itself. Do not retry at full speed.
                self.guard(self._on_exception, "loop", error)
                time.sleep(_AFTER_FAILURE_SECONDS)

    def _turn(self) -> None:
        self._run_soon()
        if self._stopped:
            return
        self._wait()
        self._serve(SIGNALS)
        self._serve(LINKS)
        self._run_timers()
        self._serve(OWNERS)
        self._serve(STRANGERS)

    def _wait(self) -> None:
        timeout = -1.0
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if self._soon or any(rank.ready or rank.work for rank in self._ranks):
            return
        if self._timers:
            # epoll counts milliseconds: round up, or it would wake before the deadline and spin.
            # It counts them in 32 bits, which limits how long it can wait.
            timeout = min(max(0, -(-(self._timers[0].time - now_monotonic()) // 1000)) / 1000, _LONGEST_WAIT_SECONDS)
        try:
            self._poll.poll(timeout)
        except InterruptedError:
            return

    def _serve(self, number: int) -> bool:
        """Serve the ready descriptors of a rank, then its deferred work, each for a slice. Whether any were ready."""
        rank = self._ranks[number]
        rank.look()
        were_ready = bool(rank.ready)
        end = now_monotonic() + SLICE_USEC
        while rank.ready and not self._stopped:
            fd, events = rank.ready.popleft()
            self.guard(self._fds[fd][1], _events(events))
            if now_monotonic() > end:
                break
        if rank.work and not self._stopped:
            self.guard(rank.work.popleft())
        return were_ready

    def _catch_up(self) -> None:
        """Read the signals and messages that have arrived by now."""
        for _ in range(_CATCH_UP_ROUNDS):
            found = self._serve(SIGNALS)
            found |= self._serve(LINKS)
            while self._ranks[LINKS].ready and not self._stopped:  # they took more than a slice
                self._serve(SIGNALS)
                self._serve(LINKS)
            if not found:
                return

    def _run_timers(self) -> None:
        now = now_monotonic()
        if not self._timers or self._timers[0].time > now:
            return
        self._catch_up()
        self._run_soon()
        if self._has_arrivals() and self._turns_held < _MOST_TURNS_HELD:
            self._turns_held += 1
            return  # a deadline may be that of what is worked on; others have their turn before it goes on
        self._turns_held = 0
        end = now_monotonic() + SLICE_USEC
        while self._timers and self._timers[0].time <= now and not self._stopped:
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                self.guard(callback)
                self._run_soon()
                if now_monotonic() > end:
                    return

    def _run_soon(self) -> None:
        end = now_monotonic() + SLICE_USEC
        while self._soon and not self._stopped:
            self.guard(self._soon.popleft())
            if now_monotonic() > end:
                return

    def guard(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call it; an exception is reported, and costs only this call. Used for each item of a batch: a message, a
        signal, a child that has ended."""
        try:
            callback(*arguments)
        except Exception as error:
            try:
                self._on_exception(getattr(callback, "__qualname__", repr(callback)), error)
            except Exception:
                return  # it cannot even be reported, and PID 1 must not die of it


def _mask(events: int) -> int:
    return (select.EPOLLIN if events & READ else 0) | (select.EPOLLOUT if events & WRITE else 0)


def _events(mask: int) -> int:
    ready = READ if mask & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) else 0
    return ready | (WRITE if mask & (select.EPOLLOUT | select.EPOLLERR) else 0)
