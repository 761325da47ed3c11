"""Points in time as systemctl prints them: --timestamp= styles, and "5min ago".

Source: systemctl(1) --timestamp=, systemd.time(7).
"""

from __future__ import annotations

import time

from systemctl_replacement.unitfile.infinity import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Always English, whatever the locale is.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
_MONTH = 2_629_800 * _SECOND
_YEAR = 31_557_600 * _SECOND


def format_timestamp(usec: int, style: str = "pretty") -> str:
    """Microseconds of the real-time clock in a --timestamp= style, "" for never (0 or INFINITY)."""
    if usec in (0, INFINITY):
        return ""
    seconds, fraction = divmod(usec, _SECOND)
    if style == "unix":
        return f"@{seconds}"
    utc = "utc" in style
    fields = time.gmtime(seconds) if utc else time.localtime(seconds)
    decimals = f".{fraction:06d}" if "us" in style else ""
    zone = "UTC" if utc else fields.tm_zone
    day = WEEKDAYS[fields.tm_wday]
    return f"{day} {time.strftime('%Y-%m-%d %H:%M:%S', fields)}{decimals} {zone}"


def next_elapse(unit: dict[str, Any]) -> int:
    """When a timer elapses next, by the real-time clock: the earlier one of its two times. INFINITY for never."""
    realtime: int = unit.get("NextElapseUSecRealtime") or INFINITY
    monotonic: int = unit.get("NextElapseUSecMonotonic") or INFINITY
    if monotonic == INFINITY:
        return realtime
    left = monotonic - time.monotonic_ns() // 1000
    return min(realtime, time.time_ns() // 1000 + left)


def format_relative(usec: int, now: int) -> str:
    """How long ago or ahead: "2h 5min ago", "3s left". "" for never."""
    if usec in (0, INFINITY):
        return ""
    word = "ago" if now > usec else "left"
    passed = abs(now - usec)
    return f"{_span(passed)} {word}"


def _span(passed: int) -> str:
    """A time span as systemd rounds it: two units, coarser for longer spans."""
    if passed >= _YEAR:
        years, rest = divmod(passed, _YEAR)
        months = rest // _MONTH
        return f"{years} {_plural('year', years)}" + (f" {months} {_plural('month', months)}" if months else "")
    if passed >= _MONTH:
        months, rest = divmod(passed, _MONTH)
        days = rest // _DAY
        return f"{months} {_plural('month', months)}" + (f" {days} {_plural('day', days)}" if days else "")
    if passed >= _WEEK:
        weeks, rest = divmod(passed, _WEEK)
        days = rest // _DAY
        return f"{weeks} {_plural('week', weeks)}" + (f" {days} {_plural('day', days)}" if days else "")
    if passed >= 2 * _DAY:
        return f"{passed // _DAY} days"
    if passed >= 25 * _HOUR:
        return f"1 day {(passed - _DAY) // _HOUR}h"
    if passed >= 6 * _HOUR:
        return f"{passed // _HOUR}h"
    if passed >= _HOUR:
        hours, rest = divmod(passed, _HOUR)
        return f"{hours}h" + (f" {rest // _MINUTE}min" if rest // _MINUTE else "")
    if passed >= 5 * _MINUTE:
        return f"{passed // _MINUTE}min"
    if passed >= _MINUTE:
        minutes, rest = divmod(passed, _MINUTE)
        return f"{minutes}min" + (f" {rest // _SECOND}s" if rest // _SECOND else "")
    if passed >= _SECOND:
        return f"{passed // _SECOND}s"
    if passed >= 1000:
        return f"{passed // 1000}ms"
    return f"{passed}us" if passed else "now"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
