"""Points in time on the command line: --since= and --until=.

Source: systemd.time(7) "PARSING TIMESTAMPS". A date is read by strptime(3), whose leniencies are the C library's: a
blank in the format stands for any number of blanks, and numbers may be shorter than their field. (Python's own strptime
knows neither, and takes long to import.)
"""

from __future__ import annotations

import os
import time

from systemctl_replacement.unitfile.time_spans import parse_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Fields = dict[str, int]

_SECOND = 1_000_000
_LATEST = 253402214399 * _SECOND  # the end of the year 9999, a day before it ends anywhere
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_BLANK = " \t\n\v\f\r"
_FORMATS = (
    "%y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M",
    "%y-%m-%d",
    "%Y-%m-%d",
    "%H:%M:%S",
    "%H:%M",
)
# Lowest and highest value, and how many digits are read at most.
_NUMBERS = {
    "y": (0, 99, 2),
    "Y": (0, 9999, 4),
    "m": (1, 12, 2),
    "d": (1, 31, 2),
    "H": (0, 23, 2),
    "M": (0, 59, 2),
    "S": (0, 61, 2),
}


def parse_timestamp(text: str) -> int:
    """Microseconds since the epoch. ValueError.

    A time zone at the end is one that is installed (Europe/Berlin), UTC, or one of the two names of the local one.
    """
    zone = text.rpartition(" ")[2] if " " in text else ""
    if not zone or zone.lower() == "utc" or not _is_zone(zone):
        return _parse(text, with_zone=False)
    with _Zone(zone):
        if zone in time.tzname:
            return _parse(text, with_zone=False)
        return _parse(text[: -len(zone) - 1], with_zone=True)


class _Zone:
    """The time zone of this process, for the time being."""

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def __enter__(self) -> None:
        self._before = os.environ.get("TZ")
        os.environ["TZ"] = self._zone
        time.tzset()

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = self._before
        time.tzset()


def _is_zone(name: str) -> bool:
    from systemctl_replacement.calendar.event import is_zone

    return is_zone(name)


def _parse(text: str, *, with_zone: bool) -> int:
    now = time.time_ns() // 1000
    if not with_zone:
        if text.startswith("@"):
            return parse_time_span(text[1:])
        if text == "now":
            return _checked(now)
        if text.startswith("+"):
            return _checked(now + parse_time_span(text[1:]))
        if text.startswith("-"):
            return _checked(now - parse_time_span(text[1:]))
        if text.endswith(" ago"):
            return _checked(now - parse_time_span(text[:-4]))
        if text.endswith(" left"):
            return _checked(now + parse_time_span(text[:-5]))
    text, utc, daylight = (text, False, -1) if with_zone else _without_zone(text)
    today = time.gmtime(now // _SECOND) if utc else time.localtime(now // _SECOND)
    for word, days in (("today", 0), ("yesterday", -1), ("tomorrow", 1)):
        if text == word:
            fields = {"year": today.tm_year, "month": today.tm_mon, "day": today.tm_mday + days}
            return _checked(_usec(fields, utc, daylight))
    weekday, text = _split_weekday(text)
    fields, fraction = _read(text, today)
    usec = _usec(fields, utc, daylight) + fraction
    if weekday not in (None, _weekday_of(fields)):
        raise ValueError("not that day of the week")
    return _checked(usec)


def _checked(usec: int) -> int:
    if not 0 <= usec <= _LATEST:
        raise ValueError("out of range")
    return usec


def _without_zone(text: str) -> tuple[str, bool, int]:
    """(the text before its time zone, whether that is UTC, whether it is the local daylight saving time or -1)."""
    lower = text.lower()
    if lower.endswith(" utc"):
        return text[:-4], True, -1
    for daylight, name in enumerate(time.tzname):
        if name and lower.endswith(f" {name.lower()}"):
            return text[: -len(name) - 1], False, daylight
    return text, False, -1


def _split_weekday(text: str) -> tuple[int | None, str]:
    """(Monday is 0, None if there is none; the rest)."""
    name, blank, rest = text.partition(" ")
    for number, day in enumerate(_DAYS):
        if blank and name.lower() in (day, day[:3]):
            return number, rest
    return None, text


def _read(text: str, today: time.struct_time) -> tuple[Fields, int]:
    """The date and time of day in a text, and microseconds beyond the second. ValueError."""
    for form in _FORMATS:
        fields = {
            "year": today.tm_year,
            "month": today.tm_mon,
            "day": today.tm_mday,
            "hour": 0,
            "minute": 0,
            "second": 0,
        }
        end = _match(text, form, fields)
        if end == len(text):
            return fields, 0
        if end > 0 and form.endswith("%S") and text[end] == ".":
            return fields, _fraction(text[end + 1 :])
    raise ValueError("no date")


def _fraction(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("no fraction of a second")
    # What is below a microsecond is rounded half up.
    return int(digits[:6].ljust(6, "0")) + (len(digits) > 6 and digits[6] >= "5")


_FIELDS = {"m": "month", "d": "day", "H": "hour", "M": "minute", "S": "second"}


def _match(text: str, form: str, fields: Fields) -> int:
    """Fill in the fields of a date that begins with a format. Returns where the rest begins, -1 if none does."""
    position = 0
    for kind, literal in _tokens(form):
        if kind:
            number, position = _number(text, position, *_NUMBERS[kind])
            if position < 0:
                return -1
            if kind == "y":
                number += 1900 if number >= 69 else 2000
            fields[_FIELDS.get(kind, "year")] = number
        elif literal == " ":
            position = _past_blanks(text, position)
        elif text[position : position + 1] == literal:
            position += 1
        else:
            return -1
    return position


def _tokens(form: str) -> Iterator[tuple[str, str]]:
    characters = iter(form)
    for character in characters:
        yield (next(characters), "") if character == "%" else ("", character)


def _past_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANK:
        position += 1
    return position


def _number(text: str, position: int, low: int, high: int, digits: int) -> tuple[int, int]:
    """(the number, where it ends); it ends at -1 if there is none. A digit that would make it too large is left."""
    position = _past_blanks(text, position)
    begin = position
    number = 0
    while position < len(text) and text[position] in "0123456789" and position - begin < digits:
        if position > begin and number * 10 > high:
            break
        number = number * 10 + int(text[position])
        position += 1
    return (number, position) if position > begin and low <= number <= high else (0, -1)


def _usec(fields: Fields, utc: bool, daylight: int) -> int:
    from systemctl_replacement.calendar.civil import Civil, civil, seconds_of

    date = Civil(
        fields["year"],
        fields["month"],
        fields["day"],
        fields.get("hour", 0),
        fields.get("minute", 0),
        fields.get("second", 0),
    )
    seconds = seconds_of(date)
    if not utc:
        date = civil(seconds)
        parts = (date.year, date.month, date.day, date.hour, date.minute, date.second, 0, 1, daylight)
        try:
            seconds = int(time.mktime(parts))
        except OverflowError:
            raise ValueError("out of range") from None
    if seconds < 0:
        raise ValueError("out of range")
    return seconds * _SECOND


def _weekday_of(fields: Fields) -> int:
    from systemctl_replacement.calendar.civil import Civil, seconds_of

    days = seconds_of(Civil(fields["year"], fields["month"], fields["day"], 0, 0, 0)) // 86400
    return (days + 3) % 7
