"""The times in front of entries. Source: journalctl(1) "--output="."""

from __future__ import annotations

import time

from systemctl_replacement.cli.timestamps import WEEKDAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECOND = 1_000_000
_MINUTE = 60
_TIME_MAX = 1 << 55
"""systemd takes no time from here on for one (microseconds)."""


def source_time(text: object) -> int:
    """A time that the sender of an entry has told, in microseconds; 0 if it is none."""
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20:
        usec = int(text)
        if usec < _TIME_MAX:
            return usec
    return 0


class Stamps:
    """Writes times of the realtime clock. Most entries are of the same minute as the one before."""

    def __init__(self, mode: str, utc: bool) -> None:
        """mode: the value of --output=, one of those with a time of this clock."""
        self._fields: Callable[[int], time.struct_time] = time.gmtime if utc else time.localtime
        self._utc = utc
        self._format = "" if mode == "short-unix" else _FORMATS[mode]
        self._zone = mode in _WITH_ZONE
        self._fraction = mode in _PRECISE
        self._minute = -_MINUTE
        self._before = self._after = ""

    def text(self, usec: int) -> str:
        second = usec // _SECOND
        if not self._format:
            return f"{second:10d}.{usec % _SECOND:06d}"
        passed = second - self._minute
        if not 0 <= passed < _MINUTE:
            fields = self._fields(second)
            passed = fields.tm_sec
            self._minute = second - passed
            self._begin(fields)
        if self._fraction:
            return f"{self._before}{passed:02d}.{usec % _SECOND:06d}{self._after}"
        return f"{self._before}{passed:02d}{self._after}"

    def _begin(self, fields: time.struct_time) -> None:
        """What stands before and after the seconds of a minute."""
        names = {"month": _MONTHS[fields.tm_mon - 1], "weekday": WEEKDAYS[fields.tm_wday]}
        self._before = time.strftime(self._format.format(**names), fields)
        self._after = ""
        if self._zone:
            self._after = " UTC" if self._utc else f" {fields.tm_zone}"
        elif self._format == _ISO:
            self._after = time.strftime("%z", fields)


def monotonic(usec: int) -> str:
    """A time since the boot."""
    return f"{usec // _SECOND:5d}.{usec % _SECOND:06d}"


_SHORT = "{month} %d %H:%M:"
_FULL = "{weekday} %Y-%m-%d %H:%M:"
_ISO = "%Y-%m-%dT%H:%M:"
_FORMATS = {
    "short": _SHORT,
    "short-precise": _SHORT,
    "short-iso": _ISO,
    "short-iso-precise": _ISO,
    "short-full": _FULL,
    "with-unit": _FULL,
    "verbose": _FULL,
}
_WITH_ZONE = ("short-full", "with-unit", "verbose")
_PRECISE = ("short-precise", "short-iso-precise", "verbose")
