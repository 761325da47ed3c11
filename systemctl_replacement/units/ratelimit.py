"""The start limit: at most so many starts in so much time (systemd.unit(5), StartLimitBurst=)."""

from __future__ import annotations


def below_limit(starts: list[int], now: int, interval: int, burst: int) -> tuple[bool, list[int]]:
    """Whether one more start is allowed, and the starts to remember.

    starts: [beginning of the interval, how many starts since], [] at first. As in systemd the interval begins with the
    first start after the last one ended; a refused start is not counted. Times in microseconds; an interval or a burst
    of 0 means no limit.
    """
    if not interval or not burst:
        return True, []
    if not starts or starts[0] + interval < now:
        return True, [now, 1]
    begin, count = starts
    return (True, [begin, count + 1]) if count < burst else (False, starts)
