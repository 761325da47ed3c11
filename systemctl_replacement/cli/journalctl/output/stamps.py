"""The times in front of entries. Source: journalctl(1) "--output="."""

from __future__ import annotations

import time

from systemctl_replacement.cli.timestamps import WEEKDAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECOND = 1_000_000
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
    """Writes times of the realtime clock. Most entries are of the same second as the one before."""

    def __init__(self, mode: str, utc: bool) -> None:
        """mode: the value of --output=, one of those with a time of this clock."""
        self._fields: Callable[[int], time.struct_time] = time.gmtime if utc else time.localtime
        self._utc = utc
        self._parts = _PARTS[mode]
        self._fraction = mode in _PRECISE
        self._second = -1
        self._before = self._after = ""

    def text(self, usec: int) -> str:
        second = usec // _SECOND
        if second != self._second:
            self._before, self._after = self._parts(second, self._fields(second), self._utc)
            self._second = second
        if self._fraction:
            return f"{self._before}.{usec % _SECOND:06d}{self._after}"
        return self._before + self._after


def monotonic(usec: int) -> str:
    """A time since the boot."""
    return f"{usec // _SECOND:5d}.{usec % _SECOND:06d}"


def _short(_second: int, fields: time.struct_time, _utc: bool) -> tuple[str, str]:
    clock = f"{fields.tm_hour:02d}:{fields.tm_min:02d}:{fields.tm_sec:02d}"
    return f"{_MONTHS[fields.tm_mon - 1]} {fields.tm_mday:02d} {clock}", ""


def _iso(_second: int, fields: time.struct_time, _utc: bool) -> tuple[str, str]:
    return time.strftime("%Y-%m-%dT%H:%M:%S", fields), time.strftime("%z", fields)


def _full(_second: int, fields: time.struct_time, utc: bool) -> tuple[str, str]:
    zone = "UTC" if utc else fields.tm_zone
    return f"{WEEKDAYS[fields.tm_wday]} {time.strftime('%Y-%m-%d %H:%M:%S', fields)}", f" {zone}"


def _unix(second: int, _fields: time.struct_time, _utc: bool) -> tuple[str, str]:
    return str(second), ""


_PARTS = {
    "short": _short,
    "short-precise": _short,
    "short-iso": _iso,
    "short-iso-precise": _iso,
    "short-full": _full,
    "with-unit": _full,
    "verbose": _full,
    "short-unix": _unix,
}
_PRECISE = ("short-precise", "short-iso-precise", "short-unix", "verbose")
