"""Calendar events: parsed, written, and when they elapse (tests/conformance/offline compares them with systemd)."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.calendar import event as calendar
from systemctl_replacement.calendar.civil import Civil, civil, seconds_of
from systemctl_replacement.calendar.elapse import next_elapse, utc
from systemctl_replacement.calendar.event import Calendar, CalendarError, Component

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def changing(seconds: int) -> tuple[int, int]:
    """A zone an hour east of UTC, two from the 31st of March to the 27th of October 2024, both at 01:00 UTC."""
    return (7200, 1) if 1711846800 <= seconds < 1729990800 else (3600, 0)


def times(text: str, after: str, count: int, zone: Callable[[int], tuple[int, int]] = utc) -> list[str]:
    event = calendar.parse(text)
    moment = int(datetime.fromisoformat(after + "+00:00").timestamp()) * 10**6
    found = []
    for _ in range(count):
        following = next_elapse(event, moment, zone)
        if following is None:
            break
        moment = following
        found.append((EPOCH + timedelta(microseconds=moment)).strftime("%m-%d %H:%M:%S.%f").replace(".000000", ""))
    return found


@given(st.integers(-(10**11), 10**12))
def test_dates(seconds: int) -> None:
    date = civil(seconds)
    assert seconds_of(date) == seconds
    if 0 < date.year < 10000:
        there = EPOCH + timedelta(seconds=seconds)
        assert date == Civil(there.year, there.month, there.day, there.hour, there.minute, there.second)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Sat,Thu,Mon..Wed,Sat..Sun", "Mon..Thu,Sat,Sun *-*-* 00:00:00"),
        ("Weekly", "Mon *-*-* 00:00:00"),
        ("05:40:23.4200004/3.1700005", "*-*-* 05:40:23.420000/3.170001"),
        ("*-05~07/1", "*-05~07/1 00:00:00"),
        ("daily utc", "*-*-* 00:00:00 UTC"),
        ("@0", "1970-01-01 00:00:00 UTC"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    event = calendar.parse(text)
    assert str(event) == normal
    assert calendar.parse(normal) == event


def test_fields() -> None:
    assert calendar.parse("Mon 2024-1,2-3..9/2 *:0/15 CET", ("CET", "CEST")) == Calendar(
        weekdays=1,
        year=(Component(2024),),
        month=(Component(1), Component(2)),
        day=(Component(3, 9, 2),),
        minute=(Component(0, None, 15),),
        microsecond=(Component(0),),
        daylight=0,
        local_name="CET",
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("", errno.EINVAL), ("24:00", errno.EINVAL), ("*:0/0", errno.ERANGE), (",".join("1" * 242), errno.ENOBUFS)],
)
def test_errors(text: str, number: int) -> None:
    with pytest.raises(CalendarError) as caught:
        calendar.parse(text)
    assert caught.value.errno == number


def test_next() -> None:
    assert times("*-2-29", "2024-02-29", 1) == ["02-29 00:00:00"]
    assert times("*-*~1 12:00", "2023-02-01", 2) == ["02-28 12:00:00", "03-31 12:00:00"]
    assert times("*:*:0/0.4", "2024-01-01", 2) == ["01-01 00:00:00.400000", "01-01 00:00:00.800000"]
    assert times("*-2-30", "2024-01-01", 1) == []


def test_a_time_that_the_clock_leaves_out_does_not_come() -> None:
    assert times("02:30", "2024-03-30 12:00:00", 2, changing) == ["04-01 00:30:00", "04-02 00:30:00"]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert times("02:30", "2024-10-26 12:00:00", 2, changing) == ["10-27 00:30:00", "10-28 01:30:00"]


def test_nobody_reads_calendars_who_has_none(tmp_path: Path) -> None:
    program = (
        "import sys; from systemctl_replacement.unitfile import load, loadpath, specifiers;"
        f"load.load('a.service', loadpath.Index([{str(tmp_path)!r}]), specifiers.Host());"
        "print([name for name in sys.modules if 'calendar' in name or name in ('zoneinfo', 'datetime')])"
    )
    (tmp_path / "a.service").write_text("[Service]\nExecStart=/bin/true\n")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
