"""How many messages a unit may log: RateLimitIntervalSec= and RateLimitBurst= of journald.conf(5), LogRateLimit… of
systemd.exec(5), as journald counts. Supervisors import this."""

from __future__ import annotations

_POOLS = (0, 0, 0, 1, 2, 3, 3, 4)
"""By level: messages of one pool are counted together, so that a flood of details leaves room for errors."""
_SMALLEST_SPACE = 20  # 2 to this power: 1 MiB
_SPACE_OFFSET, _SPACE_DIVISOR = 16, 4


def burst_for(burst: int, free: int) -> int:
    """The burst where `free` bytes are available: more of it the more there are."""
    magnitude = max(free, 1).bit_length() - 1
    if magnitude <= _SMALLEST_SPACE:
        return burst
    return burst * (magnitude - _SPACE_OFFSET) // _SPACE_DIVISOR


class RateLimit:
    """The messages of one unit. interval: microseconds; 0 of it, or of burst: no limit."""

    __slots__ = ("_pools", "burst", "interval")

    def __init__(self, interval: int, burst: int) -> None:
        self.interval = interval
        self.burst = burst
        self._pools: dict[int, list[int]] = {}  # when it began, how many were let through, how many were not

    def admit(self, priority: int, now: int, free: int) -> tuple[bool, int]:
        """Whether a message may pass now (monotonic microseconds), and how many before it could not. These are told
        once, with the first message of a new interval."""
        if not self.interval or not self.burst:
            return True, 0
        number = _POOLS[priority]
        pool = self._pools.get(number)
        if pool is None:
            self._pools[number] = [now, 1, 0]
            return True, 0
        if pool[0] + self.interval < now:
            suppressed = pool[2]
            pool[:] = now, 1, 0
            return True, suppressed
        if pool[1] < burst_for(self.burst, free):
            pool[1] += 1
            return True, 0
        pool[2] += 1
        return False, 0
