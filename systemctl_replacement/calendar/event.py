"""Calendar events: `Mon..Fri *-*-* 08:00` parsed, and formatted in systemd's normal form.

elapse.py computes when one elapses next. Source: systemd.time(7), CALENDAR EVENTS; details as
`systemd-analyze calendar` of systemd 252 shows them.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.calendar.civil import civil
from systemctl_replacement.records import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

USEC_PER_SEC = 1_000_000
FIRST_YEAR = 1970
LAST_YEAR = 2199
EVERY_DAY = 0b1111111

ZONES = "/usr/share/zoneinfo"

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MAX_NUMBER = 2**31 - 1
_MAX_ALTERNATIVES = 241  # in one list; more are "No buffer space available"
_DIGITS = frozenset("0123456789")
_ZONE_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/")

_SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_OTHER_SHORTHANDS = {
    "yearly": "annually", "anually": "annually", "biannually": "semiannually", "bi-annually": "semiannually",
    "semi-annually": "semiannually",
}  # fmt: skip


class CalendarError(ValueError):
    """The text is no calendar event; `errno` and the message are systemd's."""

    def __init__(self, number: int = errno.EINVAL) -> None:
        super().__init__(os.strerror(number))
        self.errno = number


@dataclass(frozen=True)
class Component:
    """One alternative of a field: `start`, `start..stop`, `start/repeat` or `start..stop/repeat`.

    `stop`: None for the end of the field. `repeat`: 0 for `start` alone. Seconds count in microseconds.
    """

    start: int
    stop: int | None = None
    repeat: int = 0


@dataclass(frozen=True)
class Calendar:
    """A calendar event. A field without alternatives matches everything.

    `weekdays`: bit 0 is Monday. `last_days`: whether `day` counts from the end of the month, 1 being its last day.
    `zone`: "UTC", the name of a zone below /usr/share/zoneinfo, or "" for local time; `daylight`: whether daylight
    saving time (1) or standard time (0) was asked for by its local name, -1 if not, and `local_name` is that name.
    """

    weekdays: int = EVERY_DAY
    year: tuple[Component, ...] = ()
    month: tuple[Component, ...] = ()
    day: tuple[Component, ...] = ()
    last_days: bool = False
    hour: tuple[Component, ...] = ()
    minute: tuple[Component, ...] = ()
    microsecond: tuple[Component, ...] = ()
    zone: str = ""
    daylight: int = -1
    local_name: str = field(default="")

    def __str__(self) -> str:
        """The normal form."""
        parts = [] if self.weekdays == EVERY_DAY else [_shown_weekdays(self.weekdays)]
        before_day = "~" if self.last_days else "-"
        parts.append(f"{_shown(self.year, 4)}-{_shown(self.month, 2)}{before_day}{_shown(self.day, 2)}")
        parts.append(f"{_shown(self.hour, 2)}:{_shown(self.minute, 2)}:{_shown(self.microsecond, 2, USEC_PER_SEC)}")
        zone = self.zone or self.local_name
        return " ".join([*parts, zone] if zone else parts)


def parse(text: str, local_names: Sequence[str] = ()) -> Calendar:
    """The calendar event that `text` describes.

    `local_names`: what local time is called, standard and daylight saving time (`time.tzname`).
    Raises CalendarError.
    """
    text, zone, daylight, local_name = _split_zone(text, local_names)
    shorthand = text.lower()
    text = _SHORTHANDS.get(_OTHER_SHORTHANDS.get(shorthand, shorthand), text)
    if not text:
        raise CalendarError
    reader = _Cursor(text)
    weekdays = _weekdays(reader)
    if reader.peek() == "@":
        made = _at(reader, weekdays)
    else:
        made = _date_and_time(reader, weekdays)
    if reader.peek():
        raise CalendarError
    if not made.zone:
        made = replace(made, zone=zone, daylight=daylight, local_name=local_name)
    return _checked(made)


def is_zone(name: str) -> bool:
    """Whether a time zone of this name is installed; UTC always is."""
    if name == "UTC":
        return True
    if not name or name[0] == "/" or name[-1] == "/" or "//" in name or not _ZONE_LETTERS.issuperset(name):
        return False
    try:
        with open(f"{ZONES}/{name}", "rb") as file:
            return file.read(4) == b"TZif"
    except (OSError, ValueError):
        return False


def _split_zone(text: str, local_names: Sequence[str]) -> tuple[str, str, int, str]:
    """(the rest, zone, daylight, its local name)."""
    if text.lower().endswith(" utc"):
        return text[:-4], "UTC", -1, ""
    for daylight, name in enumerate(local_names[:2]):
        if name and text.lower().endswith(f" {name.lower()}"):
            return text[: -len(name) - 1], "", daylight, name
    rest, blank, name = text.rpartition(" ")
    if blank and is_zone(name):
        return rest, name, -1, ""
    return text, "", -1, ""


class _Cursor:
    """A text and the position up to which it has been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def peek(self) -> str:
        """The next character, "" at the end."""
        return self._text[self._position : self._position + 1]

    def starts(self, word: str) -> bool:
        """Whether `word` comes next, in any case."""
        return self._text[self._position : self._position + len(word)].lower() == word.lower()

    def take(self, word: str) -> bool:
        """Read `word` if it comes next."""
        found = self._text.startswith(word, self._position)
        if found:
            self._position += len(word)
        return found

    def skip(self, count: int) -> None:
        self._position += count

    def skip_blanks(self) -> None:
        while self.take(" "):
            pass

    def digits(self) -> str:
        """The digits that come next; CalendarError if there are none."""
        start = self._position
        while self.peek() in _DIGITS and self.peek():
            self._position += 1
        if start == self._position:
            raise CalendarError
        return self._text[start : self._position]

    def back_to(self, position: int) -> None:
        self._position = position

    def position(self) -> int:
        return self._position


def _weekdays(reader: _Cursor) -> int:
    """`Mon,Wed..Fri ` as bits, all if no weekday is named."""
    found = 0
    range_from = -1
    while True:
        day = next((number for number, name in enumerate(_DAYS) if reader.starts(name[:3])), None)
        if day is None:
            if found:
                raise CalendarError
            return EVERY_DAY
        name = _DAYS[day]
        reader.skip(len(name) if reader.starts(name) else 3)
        if reader.peek() not in ("", " ", ",", "-", "."):
            raise CalendarError
        if range_from > day:
            raise CalendarError
        for number in range(range_from if range_from >= 0 else day, day + 1):
            found |= 1 << number
        if reader.peek() in ("", " "):
            break
        if reader.take(","):
            range_from = -1
        elif range_from < 0 and (reader.take("..") or reader.take("-")):
            range_from = day
        else:
            raise CalendarError
        if reader.peek() in ("", " "):
            # A trailing comma is allowed, a range without an end is not.
            if range_from >= 0:
                raise CalendarError
            break
    reader.skip_blanks()
    return found


def _at(reader: _Cursor, weekdays: int) -> Calendar:
    """`@SECONDS` since the epoch, a moment in UTC."""
    # As strtoul(3): leading blanks and a sign are allowed, and negative numbers wrap modulo 2^64.
    reader.skip(1)
    reader.skip_blanks()
    negative = reader.take("-")
    if not negative:
        reader.take("+")
    seconds = int(reader.digits())
    if seconds >= 2**64:
        raise CalendarError(errno.ERANGE)
    seconds = (-seconds if negative else seconds) % 2**64
    when = civil(seconds - 2**64 if seconds >= 2**63 else seconds)
    if abs(when.year) > _MAX_NUMBER:
        raise CalendarError(errno.ERANGE)
    year, month, day, hour, minute, microsecond = (
        (Component(number),)
        for number in (when.year, when.month, when.day, when.hour, when.minute, when.second * USEC_PER_SEC)
    )
    return Calendar(weekdays, year, month, day, False, hour, minute, microsecond, "UTC")


def _date_and_time(reader: _Cursor, weekdays: int) -> Calendar:
    zero: tuple[Component, ...] = (Component(0),)
    year: tuple[Component, ...] = ()
    month: tuple[Component, ...] = ()
    day: tuple[Component, ...] = ()
    last_days = False
    start = reader.position()
    if reader.peek():
        fields = [_field(reader)]
        if reader.peek() in ("", ":"):
            reader.back_to(start)  # there is a time but no date
        else:
            while len(fields) < 3 and not (len(fields) == 2 and reader.peek() in ("", " ")):
                if last_days:
                    raise CalendarError
                last_days = reader.take("~")
                if not last_days and not reader.take("-"):
                    raise CalendarError
                fields.append(_field(reader))
            if reader.peek() not in ("", " "):
                raise CalendarError
            reader.skip_blanks()
            year, month, day = fields if len(fields) == 3 else ((), *fields)
    if not reader.peek():
        return Calendar(weekdays, year, month, day, last_days, zero, zero, zero)
    hour = _field(reader)
    if not reader.take(":"):
        raise CalendarError
    minute = _field(reader)
    microsecond = zero
    if reader.take(":"):
        microsecond = _field(reader, USEC_PER_SEC)
    return Calendar(weekdays, year, month, day, last_days, hour, minute, microsecond)


def _field(reader: _Cursor, unit: int = 1) -> tuple[Component, ...]:
    """Alternatives; `unit` is the size of one: seconds are counted in microseconds and may have fractions."""
    if reader.take("*"):
        return () if unit == 1 else (Component(0, None, unit),)
    found: list[Component] = []
    while True:
        if len(found) == _MAX_ALTERNATIVES:
            raise CalendarError(errno.ENOBUFS)
        found.append(_component(reader, unit))
        if not reader.take(","):
            return tuple(found)


def _component(reader: _Cursor, unit: int) -> Component:
    start = _number(reader, unit)
    stop = None
    repeat = 0
    if reader.take(".."):
        stop = _number(reader, unit)
        repeat = unit
    if reader.take("/"):
        repeat = _number(reader, unit)
        if not repeat:
            raise CalendarError(errno.ERANGE)
    elif unit > 1 and stop is not None and start + repeat > stop:
        raise CalendarError  # less than a second, in steps of a second
    if reader.peek() not in ("", " ", ",", "-", "~", ":"):
        raise CalendarError
    return Component(start, stop, repeat)


def _number(reader: _Cursor, unit: int) -> int:
    value = int(reader.digits()) * unit
    if unit > 1 and reader.peek() == "." and not reader.starts(".."):
        reader.skip(1)
        digits = reader.digits().ljust(7, "0")
        value += int(digits[:6]) + (digits[6] >= "5")
    if value > _MAX_NUMBER:
        raise CalendarError(errno.ERANGE)
    return value


def _checked(made: Calendar) -> Calendar:
    """Normalise what was read; CalendarError if it can never match."""
    last_days = made.last_days and bool(made.day)
    normal = replace(
        made,
        year=_normal(tuple(map(_with_century, made.year))),
        month=_normal(made.month),
        day=_normal(made.day),
        last_days=last_days,
        hour=_normal(made.hour),
        minute=_normal(made.minute),
        microsecond=_normal(made.microsecond),
    )
    for alternatives, first, last in (
        (normal.year, FIRST_YEAR, LAST_YEAR),
        (normal.month, 1, 12),
        (normal.hour, 0, 23),
        (normal.minute, 0, 59),
        (normal.microsecond, 0, 60 * USEC_PER_SEC - 1),
    ):
        if not all(_possible(component, first, last) for component in alternatives):
            raise CalendarError
    # Every month has 28 last days. systemd takes three more off for each further alternative.
    for number, component in enumerate(normal.day):
        if not _possible(component, 1, 28 - 3 * number if last_days else 31, backwards=last_days):
            raise CalendarError
    return normal


def _with_century(component: Component) -> Component:
    """Two-digit years are 1970 to 2069."""

    def full(year: int) -> int:
        return year + 2000 if year < 70 else year + 1900 if year < 100 else year

    stop = None if component.stop is None else full(component.stop)
    return Component(full(component.start), stop, component.repeat)


def _normal(alternatives: tuple[Component, ...]) -> tuple[Component, ...]:
    """Sorted, without duplicates, each range ending with a number that is part of it."""
    found = set()
    for component in alternatives:
        start, stop, repeat = component.start, component.stop, component.repeat
        if stop is not None:
            if stop > start and repeat:
                stop -= (stop - start) % repeat
            if stop == start:
                stop, repeat = None, 0
        found.add((start, -1 if stop is None else stop, repeat))
    return tuple(Component(start, None if stop < 0 else stop, repeat) for start, stop, repeat in sorted(found))


def _possible(component: Component, first: int, last: int, *, backwards: bool = False) -> bool:
    start, stop, repeat = component.start, component.stop, component.repeat
    if not first <= start <= last or repeat > last - first:
        return False
    if stop is not None:
        return start + repeat <= stop <= last
    return not repeat or (start - repeat >= first if backwards else start + repeat <= last)


def _shown(alternatives: tuple[Component, ...], width: int, unit: int = 1) -> str:
    if not alternatives or (unit > 1 and alternatives == (Component(0, None, unit),)):
        return "*"
    return ",".join(_shown_component(component, width, unit) for component in alternatives)


def _shown_component(component: Component, width: int, unit: int) -> str:
    shown = _shown_number(component.start, width, unit)
    if component.stop is not None:
        shown += ".." + _shown_number(component.stop, width, unit)
    if component.repeat and not (component.stop is not None and component.repeat == unit):
        shown += "/" + _shown_number(component.repeat, 0, unit)
    return shown


def _shown_number(value: int, width: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    return f"{whole:0{width}d}" + (f".{rest:06d}" if rest else "")


def _shown_weekdays(weekdays: int) -> str:
    """Runs of three or more days as ranges."""
    shown = []
    first = 0
    while first < 7:
        after = first
        while weekdays >> after & 1:
            after += 1
        names = [name[:3] for name in _DAYS[first:after]]
        shown += [f"{names[0]}..{names[-1]}"] if len(names) > 2 else names
        first = after + 1
    return ",".join(shown)
