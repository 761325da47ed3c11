"""Points in time, good and bad, in several zones, compared with `systemd-analyze timestamp`.

(It refuses names of zones other than UTC and the local ones, which journalctl accepts: they are in the unit tests.)
SYSTEMCTL_EXAMPLES=N tries about 40 N inputs; `pytest -s` shows what they covered.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from systemctl_replacement.cli.journalctl.moments import parse_timestamp
from tests.conformance.offline.coverage import Coverage
from tests.conformance.offline.draw import either
from tests.conformance.offline.runner import real_version

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "8"))

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemd 252, is not installed")

ZONES = ("UTC", "Europe/Berlin", "America/New_York")
PASSED_MEANWHILE = 120_000_000  # usec that the two may be asked apart

DATE = st.sampled_from(
    (
        "2024-07-01", "2024-7-1", "24-07-01", "69-1-1", "68-12-31", "1970-01-01", "1970-01-02", "2024-02-29",
        "2023-02-29", "2024-02-31", "2024-03-31", "2024-10-27", "2024-11-03", "2024-00-01", "2024-13-01", "2024-1-32",
        "2038-01-19", "9999-12-30", "9999-12-31", "10000-01-01", "0-1-1", "2024-7", "2024", "20240701", "2024/7/1",
        "2024 - 07 - 01", "2024- 7-1", "124-1-1",
    )
)  # fmt: skip
TIME = st.sampled_from(
    (
        "12:00", "12:00:00", "00:00", "23:59:59", "23:59:60", "23:59:61", "23:59:62", "24:00", "2:30", "02:30:00.5",
        "1:2:3", "12:00:00.123456", "12:00:00.1234567", "12:00:00.9999999", "12:00:00.", "12:00:00.x", "12:00.5",
        "12", "12:60", "-1:00", "12 : 00", "012:00", "1200", "12:00:00 ", "12:00:00.5 ",
    )
)  # fmt: skip
WEEKDAY = st.sampled_from(("Mon ", "monday ", "Tue ", "SUN ", "Sunday ", "Mond ", "Mon", "Wed  ", "Fri,", " "))
ZONE = st.sampled_from((" UTC", " utc", "  UTC", "UTC", " CET", " CEST", " cest", " EST", " EDT", " Z", " +01:00"))
MOMENT = either(
    st.tuples(DATE, st.sampled_from((" ", "  ", "", "T", "\t")), TIME).map("".join),
    DATE,
    TIME,
    st.sampled_from(("today", "yesterday", "tomorrow", "Today", "today ", "@0", "@1.5", "@1700000000.25", "@", "@-1",
                     "@ 5", "@5min", "@1x", "@253402214399", "@253402214400", "")),
)  # fmt: skip
RELATIVE = st.tuples(
    st.sampled_from(("+", "-", "", "+ ", "now", "+-")),
    st.sampled_from(("1h", "2 min", "1d 3h", "0", "", "5", "1.5h", "100y", "60y", "1x", "infinity", "8000y")),
    st.sampled_from(("", "", " ago", " left", "ago", " ago ", " UTC")),
).map("".join)
MOMENTS = either(
    MOMENT,
    MOMENT,
    st.tuples(WEEKDAY, MOMENT).map("".join),
    st.tuples(MOMENT, ZONE).map("".join),
    st.tuples(WEEKDAY, MOMENT, ZONE).map("".join),
    RELATIVE,
    st.sampled_from(("now", "now UTC", " now")),
)


def theirs(texts: Sequence[str], zone: str) -> list[int | None]:
    command = ["systemd-analyze", "timestamp", "--", *texts]
    done = subprocess.run(command, capture_output=True, env={"LC_ALL": "C.UTF-8", "TZ": zone}, text=True, check=False)
    answers = done.stdout.split("Original form:")[1:]
    found = [re.search(r"UNIX seconds: @(\d+)(?:\.(\d+))?", answer) for answer in answers]
    good = iter([int(match[1]) * 1_000_000 + int((match[2] or "0").ljust(6, "0")) for match in found if match])
    bad = done.stderr
    return [None if f'Failed to parse "{text}"' in bad else next(good) for text in texts]


def ours(text: str) -> int | None:
    try:
        return parse_timestamp(text)
    except ValueError:
        return None


def _labels(text: str, answer: int | None) -> Iterator[str]:
    yield "bad" if answer is None else "good"
    if answer is not None and text[:1].isalpha() and text[3:4] in " dsny":
        yield "good with a weekday"
    if answer is not None and text.endswith(("UTC", "utc", "CET", "CEST", "EST", "EDT")):
        yield "good with a zone"


def test_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    coverage = Coverage("moments")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(MOMENTS, min_size=20, max_size=60, unique=True), st.sampled_from(ZONES))
    def check(texts: list[str], zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        # These are names of zones, too.
        texts = [text for text in texts if not text.endswith((" CET", " EST"))]
        for text, expected in zip(texts, theirs(texts, zone)):
            answer = ours(text)
            coverage.add(_labels(text, answer))
            if expected is None or answer is None:
                assert answer == expected, f"{text!r} in {zone}"
            else:
                assert abs(answer - expected) < (PASSED_MEANWHILE if _is_relative(text) else 1), f"{text!r} in {zone}"

    try:
        check()
    finally:
        monkeypatch.undo()
        time.tzset()
    print(coverage.report())
    coverage.require({"bad": 20, "good": 12, "good with a weekday": 0.5, "good with a zone": 0.5})


def _is_relative(text: str) -> bool:
    return text.startswith(("+", "-", "now")) or text.endswith((" ago", " left"))
