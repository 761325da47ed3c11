"""When a calendar event (event.py) comes next, in UTC, in local time or in a named time zone.

Local times that occur twice or never, when daylight saving time ends or begins, are read as mktime(3) of glibc does,
which is what systemd asks. Source: systemd.time(7), CALENDAR EVENTS; `systemd-analyze calendar` of systemd 252.
"""

from __future__ import annotations

import errno

from systemctl_replacement.calendar.civil import Civil, civil, seconds_of
from systemctl_replacement.calendar.event import (
    EVERY_DAY,
    LAST_YEAR,
    USEC_PER_SEC,
    ZONES,
    Calendar,
    CalendarError,
    Component,
)
from systemctl_replacement.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Zone = Callable[[int], "tuple[int, int]"]
    """Seconds since the epoch → (seconds east of UTC then, 1 in daylight saving time and 0 else)."""

_DAY = 86400  # seconds
_ROUNDS = 1000  # after which systemd gives up
_LAST_MOMENT = (253402300800 - 1) * USEC_PER_SEC  # the end of the year 9999, the latest time that systemd handles
_PROBES = 6  # mktime's attempts at finding a moment with the wanted local time
_STRIDE = 601200  # mktime's steps in search of a moment in daylight saving time or outside it
_AROUND = 457243209 // 2 + _STRIDE


# From the top down: a field, the one below it, and the value at which that one starts.
_FIELDS = (
    ("year", "month", 1), ("month", "day", 1), ("day", "hour", 0), ("hour", "minute", 0), ("minute", "second", 0),
    ("second", "", 0),
)  # fmt: skip


def utc(seconds: int) -> tuple[int, int]:
    """UTC."""
    return 0, 0


def local(seconds: int) -> tuple[int, int]:
    """Local time, as the C library has it."""
    import time

    then = time.localtime(seconds)
    return then.tm_gmtoff, then.tm_isdst


def named(name: str) -> Zone:
    """A zone by name. Raises FileNotFoundError or ValueError if it is not installed."""
    import zoneinfo
    from datetime import datetime

    with open(f"{ZONES}/{name}", "rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)

    def then(seconds: int) -> tuple[int, int]:
        moment = datetime.fromtimestamp(seconds, zone)
        offset, saved = moment.utcoffset(), moment.dst()
        return (int(offset.total_seconds()) if offset else 0), int(bool(saved))

    return then


def zone_of(calendar: Calendar) -> Zone:
    """The zone that a calendar event refers to."""
    if calendar.zone == "UTC":
        return utc
    return named(calendar.zone) if calendar.zone else local


def next_elapse(calendar: Calendar, after: int, zone: Zone | None = None) -> int | None:
    """The first match later than `after`, both in microseconds since the epoch; None if there is none.

    `zone` is local time where the event names no zone of its own, and that zone where it does; found if not given.
    Raises CalendarError, EDEADLK, where systemd 252 loops forever: some repetitions of months and days that
    go beyond the end of a year or month into daylight saving time.
    """
    if after > _LAST_MOMENT:
        return None
    search = _Search(calendar, zone or zone_of(calendar))
    start = after + 1
    for _ in range(_ROUNDS):
        found = search.run(*divmod(start, USEC_PER_SEC))
        if found is None or found > after:
            return found
        # The event names daylight saving time, and the clock has just been put back.
        start += 3600 * USEC_PER_SEC
    raise CalendarError(errno.EDEADLK)


class _Search:
    """Advances field by field, from the year down: a field that increases resets all below it to their minimum."""

    def __init__(self, calendar: Calendar, zone: Zone) -> None:
        self._calendar = calendar
        self._zone = zone
        self._daylight = -1  # whether the current date is in daylight saving time
        self._east = 0  # the offset of the last result, which is tried first, as mktime does

    def run(self, seconds: int, microsecond: int) -> int | None:
        calendar = self._calendar
        east, self._daylight = self._zone(seconds)
        date = civil(seconds + east)
        for _ in range(_ROUNDS):
            found = self._moment(date, self._daylight)
            if found is None:
                return None
            date = found[1]
            self._daylight = calendar.daylight
            year = _least(calendar.year, date.year)
            if year is None:
                return None
            if year != date.year:
                date, microsecond = Civil(year, 1, 1, 0, 0, 0), 0
            if self._settle(date)[0] <= 0:
                return None
            date, microsecond, done = self._step(date, microsecond)
            if done:
                last = self._moment(date, calendar.daylight)
                return None if last is None else last[0] * USEC_PER_SEC + microsecond
        raise CalendarError(errno.EDEADLK)

    def _step(self, date: Civil, microsecond: int) -> tuple[Civil, int, bool]:
        """Advance the date at the highest field that does not match: (date, microsecond, whether all match)."""
        calendar = self._calendar
        month = _least(calendar.month, date.month)
        if month is not None and month != date.month:
            date, microsecond = Civil(date.year, month, 1, 0, 0, 0), 0
        within, date = self._settle(date)
        if month is None or within < 0:
            return Civil(date.year + 1, 1, 1, 0, 0, 0), 0, False
        if within == 0:
            return date, microsecond, False

        day = _least(self._days(date), date.day)
        if day is not None and day != date.day:
            date, microsecond = Civil(date.year, date.month, day, 0, 0, 0), 0
        within, date = self._settle(date)
        if day is None or within < 0:
            return Civil(date.year, date.month + 1, 1, 0, 0, 0), 0, False
        if within == 0:
            return date, microsecond, False
        if not self._is_wanted_weekday(date):
            return Civil(date.year, date.month, date.day + 1, 0, 0, 0), 0, False

        hour = _least(calendar.hour, date.hour)
        if hour is not None and hour != date.hour:
            date, microsecond = replace(date, hour=hour, minute=0, second=0), 0
        within, date = self._settle(date)
        if hour is None or within < 0:
            return Civil(date.year, date.month, date.day + 1, 0, 0, 0), 0, False
        if within == 0:
            return date, microsecond, False

        minute = _least(calendar.minute, date.minute)
        if minute is not None and minute != date.minute:
            date, microsecond = replace(date, minute=minute, second=0), 0
        within, date = self._settle(date)
        if minute is None or within < 0:
            return replace(date, hour=date.hour + 1, minute=0, second=0), 0, False
        if within == 0:
            return date, microsecond, False

        fine = _least(calendar.microsecond, date.second * USEC_PER_SEC + microsecond)
        if fine is not None:
            second, microsecond = divmod(fine, USEC_PER_SEC)
            date = replace(date, second=second)
        within, date = self._settle(date)
        if fine is None or within < 0:
            return replace(date, minute=date.minute + 1, second=0), 0, False
        return date, microsecond, within > 0

    def _days(self, date: Civil) -> tuple[Component, ...]:
        """The days that match in the month of `date`; days counted from the end depend on its length."""
        if not self._calendar.last_days:
            return self._calendar.day
        length = civil(seconds_of(Civil(date.year, date.month + 1, 0, 0, 0, 0))).day

        def from_end(day: int) -> int:
            return length + 1 - day if day <= length else -1

        found = []
        for component in self._calendar.day:
            start = from_end(component.start)
            stop = None if component.stop is None else from_end(component.stop)
            if stop is not None and stop > 0:
                start, stop = stop, start
            found.append(Component(start, None if stop is None or stop < 0 else stop, component.repeat))
        return tuple(found)

    def _is_wanted_weekday(self, date: Civil) -> bool:
        if self._calendar.weekdays == EVERY_DAY:
            return True
        # The first of January 1970 was a Thursday.
        return bool(self._calendar.weekdays >> (seconds_of(date) // _DAY + 3) % 7 & 1)

    def _settle(self, date: Civil) -> tuple[int, Civil]:
        """(1, the date) if it exists, (below 0, the date) if it leads nowhere, (0, a later date) if fields carry over.

        As in systemd 252, a carry resets the field right below the highest that increases, but not those further
        down: `*:0/40` elapses at 23:40 and then at 00:40, not at midnight.
        """
        if date.year > LAST_YEAR:
            return -1, date
        found = self._moment(date, self._calendar.daylight)
        if found is None:
            return -1, date
        there = found[1]
        for name, below, least in _FIELDS:
            now, before = getattr(there, name), getattr(date, name)
            if now < before:
                return -1, date
            if now > before:
                # Whether daylight saving time applies there is kept, although the date moves back again.
                self._daylight = self._zone(found[0])[1]
                return 0, replace(there, **{below: least}) if below else there
        return 1, date

    def _moment(self, date: Civil, daylight: int) -> tuple[int, Civil] | None:
        """The moment with this local time, and that time normalised, as by mktime(3). None if there is none.

        `daylight`: 1 if the time is in daylight saving time, 0 if not, -1 if either will do.
        """
        wanted = seconds_of(date)
        if self._zone is utc:
            return wanted, civil(wanted)
        guess = wanted - self._east
        one_before = two_before = guess
        before_was_daylight = 0
        for _ in range(_PROBES):
            east, is_daylight = self._zone(guess)
            better = wanted - east
            if better == guess:
                break
            if guess == two_before != one_before and (
                before_was_daylight <= is_daylight if daylight < 0 else daylight != is_daylight
            ):
                # It oscillates: the clock is put forward over this time.
                self._east = wanted - guess
                return guess, civil(guess + east)
            two_before, one_before, guess, before_was_daylight = one_before, guess, better, is_daylight
        else:
            return None
        if daylight >= 0 and daylight != is_daylight:
            there = self._neighbour(wanted, guess, daylight)
            if there is None:
                return None
            guess = there
        self._east = wanted - guess
        return guess, civil(guess + self._zone(guess)[0])

    def _neighbour(self, wanted: int, near: int, daylight: int) -> int | None:
        """The moment at which it would be `wanted` under the nearest offset with (or without) daylight saving time."""
        for distance in range(_STRIDE, _AROUND, _STRIDE):
            for moment in (near - distance, near + distance):
                east, is_daylight = self._zone(moment)
                if is_daylight == daylight:
                    return wanted - east
        return None


def _least(alternatives: tuple[Component, ...], value: int) -> int | None:
    """The smallest match that is not below `value`; None if there is none."""
    if not alternatives:
        return value
    found = None
    for component in alternatives:
        start = component.start
        if start >= value:
            match = start
        elif component.repeat:
            match = start - (start - value) // component.repeat * component.repeat
            if component.stop is not None and match > component.stop:
                continue
        else:
            continue
        if found is None or match < found:
            found = match
    return found
