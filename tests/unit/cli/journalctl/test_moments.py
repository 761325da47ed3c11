"""Points in time that `systemd-analyze timestamp` cannot be asked about, or not at this moment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from systemctl_replacement.cli.journalctl.moments import parse_timestamp

NOW = 1_700_000_000  # Tue 2023-11-14 22:13:20 UTC
DAY = 86400


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 10**9)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", NOW),
        ("2 min ago", NOW - 120),
        ("+1h", NOW + 3600),
        ("-1d", NOW - DAY),
        ("today", 1_699_916_400),
        ("yesterday", 1_699_916_400 - DAY),
        ("tomorrow", 1_699_916_400 + DAY),
        ("today UTC", 1_699_920_000),
        ("12:00", 1_699_916_400 + DAY // 2),
        ("2023-11-14 12:00 America/New_York", 1_699_981_200),
        ("2023-07-01 12:00 America/New_York", 1_688_227_200),
        ("12:00 Asia/Tokyo", 1_700_017_200),  # where it is tomorrow
        ("Wed 2023-11-15 Asia/Tokyo", 1_699_974_000),
        ("2023-07-01 12:00 CEST", 1_688_205_600),
    ],
)
def test_moments(text: str, seconds: int) -> None:
    assert parse_timestamp(text) == seconds * 1_000_000
    assert os.environ["TZ"] == "Europe/Berlin" and time.tzname == ("CET", "CEST")


@pytest.mark.parametrize("text", ["now Asia/Tokyo", "@5 Asia/Tokyo", "+1h Asia/Tokyo", "12:00 Nowhere/Else", "-2023y"])
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)
