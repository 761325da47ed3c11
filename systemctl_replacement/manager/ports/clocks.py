"""Clocks that become readable when a time has come (timerfd_create(2)); of the realtime clock also when it is set."""

from __future__ import annotations

import errno
import os
import sys

from systemctl_replacement import libc

_REALTIME, _MONOTONIC = 0, 1
_ABSTIME, _CANCEL_ON_SET = 1, 2
_WORD = 8 if sys.maxsize > 2**32 else 4  # bytes of time_t and long
_NEVER_SECONDS = 2**33 if _WORD == 8 else 2**31 - 1
_COUNT_BYTES = 8


def timer(realtime: bool, at: int | None) -> int:
    """A descriptor for a time in microseconds of the realtime or the monotonic clock; None never comes. OSError."""
    clock = _REALTIME if realtime else _MONOTONIC
    fd = libc.check(libc.function("timerfd_create")(clock, os.O_NONBLOCK | os.O_CLOEXEC), "timerfd_create")
    seconds, rest = (_NEVER_SECONDS, 0) if at is None else divmod(max(at, 1), 1_000_000)
    words = (0, 0, min(seconds, _NEVER_SECONDS), rest * 1000)  # no interval, then the time
    value = b"".join([word.to_bytes(_WORD, sys.byteorder) for word in words])
    flags = _ABSTIME | (_CANCEL_ON_SET if realtime else 0)
    try:
        libc.check(libc.function("timerfd_settime")(fd, flags, value, None), "timerfd_settime")
    except OSError:
        os.close(fd)
        raise
    return fd


def was_stepped(fd: int) -> bool:
    """Whether the clock was set, rather than having reached the time."""
    try:
        os.read(fd, _COUNT_BYTES)
    except OSError as error:
        return error.errno == errno.ECANCELED
    return False
