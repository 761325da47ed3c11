"""The times that units wait for: one descriptor and one deadline for all of them, as sd-event(3) has.

Each time that is still to come may come a little late (AccuracySec=, systemd.timer(5)). Whoever wakes us has all told
whose time has come by then, and the moments for which we ask are the same within each minute, if that can be, on
everything that has booted with this kernel. So timers go off together, and in between the processor sleeps.
"""

from __future__ import annotations

import errno
import os
import sys

from systemctl_replacement import libc
from systemctl_replacement.loop import READ, now_monotonic, now_stamp
from systemctl_replacement.manager.ports.zone_watch import ZoneWatch
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units.events import MONOTONIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.loop import Loop, Timer

_REALTIME = 0
_ABSTIME, _CANCEL_ON_SET = 1, 2
_WORD = 8 if sys.maxsize > 2**32 else 4  # bytes of time_t and long
_NEVER_SECONDS = 2**33 if _WORD == 8 else 2**31 - 1
_COUNT_BYTES = 8

ELAPSED, STEPPED, ZONE = "elapsed", "stepped", "zone"
"""What may be told: the time has come; the realtime clock was set; local time is that of another zone."""

_MINUTE = 60_000_000
_STEPS = (_MINUTE, 10_000_000, 1_000_000, 250_000)  # microseconds
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Wait:
    """One who waits, until it is told or has given up. at: microseconds, INFINITY for a time that never comes."""

    __slots__ = ("at", "clock", "latest", "tell")

    def __init__(self, clock: str, at: int, latest: int, tell: Callable[[str], object]) -> None:
        self.clock = clock
        self.at = at
        self.latest = latest
        self.tell = tell


class Clocks:
    """Who waits for which time. zone_file: what local time comes from (localtime(5)); warn: told in words what does not
    work.

    Whoever waits by the realtime clock is also told when that is set, and when the time zone changes.
    """

    def __init__(self, loop: Loop, zone_file: str, perturbation: int, warn: Callable[[str], object]) -> None:
        self._loop = loop
        self._warn = warn
        self._zone_file = zone_file
        self._perturbation = perturbation
        self._monotonic: dict[Wait, None] = {}
        self._realtime: dict[Wait, None] = {}
        self._timer: Timer | None = None
        self._zone: ZoneWatch | None = None
        self._will_arm = False
        self.fd = -1  # the timerfd of the realtime clock, while anybody waits by it

    def wait(self, clock: str, at: int | None, accuracy: int, tell: Callable[[str], object]) -> Wait:
        """Have somebody told, once. at: None for whom only a change of the clock matters. OSError."""
        at = INFINITY if at is None else at
        waiting = Wait(clock, at, min(at + accuracy, INFINITY), tell)
        if clock != MONOTONIC and self.fd < 0:
            self.adopt(_timer())
        self._of(waiting)[waiting] = None
        self._arm_soon()
        return waiting

    def give_up(self, waiting: Wait) -> None:
        """Tell somebody nothing any more."""
        if waiting in self._of(waiting):
            del self._of(waiting)[waiting]
            self._arm_soon()

    def _of(self, waiting: Wait) -> dict[Wait, None]:
        """All who wait by the same clock."""
        return self._monotonic if waiting.clock == MONOTONIC else self._realtime

    def adopt(self, fd: int) -> None:
        """Go on with the descriptor of the realtime clock from before a re-execution: it may have been set meanwhile.
        OSError."""
        try:
            self._loop.add(fd, READ, self._readable)
        except OSError:
            os.close(fd)
            raise
        self.fd = fd
        self._zone = ZoneWatch(self._loop, self._zone_file, self._zone_changed, self._warn)
        self._arm_soon()

    # --- arming ---

    def _arm_soon(self) -> None:
        """All that changes in one turn of the loop is one system call."""
        if not self._will_arm:
            self._will_arm = True
            self._loop.call_soon(self._arm)

    def _arm(self) -> None:
        self._will_arm = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._next(self._monotonic, now_monotonic())
        if at < INFINITY:
            self._timer = self._loop.call_at(at, lambda: self._elapsed(self._monotonic, now_monotonic()))
        if self.fd >= 0:
            if self._realtime:
                self._set(self._next(self._realtime, now_stamp()[0]))
            else:
                self._close()

    def _next(self, waiting: Iterable[Wait], now: int) -> int:
        earliest = min((one.at for one in waiting), default=INFINITY)
        if earliest <= now:
            return earliest  # missed while nothing ran, say: it is not put off any more
        latest = min((one.latest for one in waiting), default=INFINITY)
        return moment_between(earliest, latest, self._perturbation)

    def _set(self, at: int) -> None:
        seconds, rest = divmod(max(at, 1), 1_000_000)
        words = (0, 0, min(seconds, _NEVER_SECONDS), rest * 1000)  # no interval, then the time
        value = b"".join([word.to_bytes(_WORD, sys.byteorder) for word in words])
        flags = _ABSTIME | _CANCEL_ON_SET
        try:
            libc.check(libc.function("timerfd_settime")(self.fd, flags, value, None), "timerfd_settime")
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
            self._tell(list(self._realtime), STEPPED)  # it is armed all the same

    def _close(self) -> None:
        if self._zone is not None:
            self._zone.close()
            self._zone = None
        self._loop.remove(self.fd)
        os.close(self.fd)
        self.fd = -1

    # --- telling ---

    def _readable(self, _events: int) -> None:
        try:
            os.read(self.fd, _COUNT_BYTES)
        except OSError as error:
            if error.errno == errno.ECANCELED:
                self._tell(list(self._realtime), STEPPED)
            return
        self._elapsed(self._realtime, now_stamp()[0])

    def _elapsed(self, waiting: dict[Wait, None], now: int) -> None:
        self._tell([one for one in waiting if one.at <= now], ELAPSED)
        self._arm_soon()

    def _zone_changed(self) -> None:
        self._tell(list(self._realtime), ZONE)

    def _tell(self, waiting: list[Wait], what: str) -> None:
        for one in waiting:
            if one in self._of(one):  # what another one was told may have ended it
                self.give_up(one)
                self._loop.guard(one.tell, what)


def _timer() -> int:
    return libc.check(libc.function("timerfd_create")(_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC), "timerfd_create")


def perturbation() -> int:
    """Which microsecond of a minute is the one to wake up at: the same for all that runs on this machine until it
    boots again, and another one on another machine."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            number = int(file.read().strip().replace("-", ""), 16)
    except (OSError, ValueError):
        return 0
    return (number >> 64 ^ number & 2**64 - 1) % _MINUTE


def moment_between(earliest: int, latest: int, perturbation: int) -> int:
    """A time from `earliest` to `latest` (microseconds) at which others wake up, too: the last one that is the chosen
    microsecond of a minute, else of ten seconds, a second or a quarter; else the latest."""
    if latest <= earliest + 1:
        return earliest
    if earliest >= INFINITY:
        return INFINITY
    for step in _STEPS:
        moment = latest - (latest - perturbation) % step
        if moment == latest:
            moment -= step
        if moment >= earliest:
            return moment
    return latest
