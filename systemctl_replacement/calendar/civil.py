"""Dates and times of day in UTC, beyond the range of years of `time` and `datetime`."""

from __future__ import annotations

from systemctl_replacement.records import dataclass

_DAY = 86400


@dataclass(frozen=True)
class Civil:
    """A date and time of day. Fields may be out of range; converting to seconds and back normalises them."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int


def civil(seconds: int) -> Civil:
    """Seconds since the epoch as date and time in UTC."""
    days, rest = divmod(seconds, _DAY)
    # Days since 0000-03-01, in eras of 400 years: leap days are the last day of a year that begins with March.
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    month = from_march + 3 if from_march < 10 else from_march - 9
    day = day_of_year - (153 * from_march + 2) // 5 + 1
    return Civil(era * 400 + year_of_era + (month <= 2), month, day, rest // 3600, rest // 60 % 60, rest % 60)


def seconds_of(date: Civil) -> int:
    """Date and time in UTC as seconds since the epoch; fields out of their range carry over."""
    year, month = divmod(date.year * 12 + date.month - 1, 12)
    from_march = (month + 10) % 12
    year -= month < 2
    days = year * 365 + year // 4 - year // 100 + year // 400 + (153 * from_march + 2) // 5 + date.day - 1 - 719468
    return days * _DAY + date.hour * 3600 + date.minute * 60 + date.second
