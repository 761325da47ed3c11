"""Typed values: time spans compared with systemd-analyze, the rest by hand (wrong_values.txt has many more)."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement import exit_status, signals
from systemctl_replacement.unitfile import values
from systemctl_replacement.unitfile.values import INFINITY, ResourceLimit, StatusSet
from tests.unit.unitfile.oracle import needs_systemd

UNITS = [
    "", "s", "sec", "second", "seconds", "min", "m", "minute", "minutes", "h", "hr", "hour", "hours", "d", "day", "w",
    "weeks", "month", "M", "months", "y", "year", "ms", "msec", "us", "usec", "µs",
]  # fmt: skip
TERM = st.tuples(
    st.integers(0, 10**5), st.sampled_from(["", ".5", ".25", ".000001", ".123456789"]), st.sampled_from(["", " "]),
    st.sampled_from(UNITS),
).map(lambda parts: f"{parts[0]}{parts[1]}{parts[2]}{parts[3]}")  # fmt: skip
SPAN = st.lists(TERM, min_size=1, max_size=4).map(" ".join)


@needs_systemd
@settings(max_examples=10, deadline=None)
@given(st.lists(SPAN, min_size=1, max_size=80))
def test_time_spans_are_systemds(spans: list[str]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "timespan", "--", *spans],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    theirs = [line.split(":", 1)[1].strip() for line in done.stdout.splitlines() if "s: " in line or "Human" in line]
    ours = []
    for span in spans:
        usec = values.parse_time_span(span)
        ours += [str(usec), values.format_time_span(usec)]
    assert ours == theirs


@pytest.mark.parametrize(
    "text", ["", " ", "5.", "1,5", "1 e", "s", "-5", "1ns", "1.5.5", "5 s s", "infinity s", "584542y", "9" * 20 + "y"]
)
def test_bad_time_spans(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|unit"):
        values.parse_time_span(text)


def test_time_span_ends() -> None:
    assert values.parse_time_span("infinity") == INFINITY
    assert values.parse_time_span("5", "ms") == 5000
    assert values.parse_nsec_span("1us") == 1000
    assert values.format_time_span(INFINITY) == "infinity"
    assert values.format_time_span(0) == "0"
    assert values.format_time_span(61_500_000, 1_000_000) == "1min 1s"


def test_booleans() -> None:
    assert [values.parse_bool(word) for word in ("1", "yes", "Y", "true", "T", "ON")] == [True] * 6
    assert [values.parse_bool(word) for word in ("0", "no", "n", "FALSE", "f", "off")] == [False] * 6
    with pytest.raises(ValueError, match="boolean"):
        values.parse_bool("maybe")


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1K", 1024), ("1.5K", 1536), ("1G 512M", 2**30 + 2**29), ("10B", 10), ("1M1K", 2**20 + 1024)],
)
def test_sizes(text: str, size: int) -> None:
    assert values.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "K", "-1", "1X", "1K1G", "16E"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        values.parse_size(text)


def test_limits() -> None:
    assert values.parse_limit("5:infinity", "NOFILE") == ResourceLimit(5, INFINITY)
    assert values.parse_limit("1G", "AS") == ResourceLimit(2**30, 2**30)
    assert values.parse_limit("1.5s", "CPU") == ResourceLimit(2, 2)
    assert values.parse_limit("+5", "NICE") == ResourceLimit(15, 15)
    assert values.parse_limit("5s", "RTTIME") == ResourceLimit(5_000_000, 5_000_000)
    with pytest.raises(OverflowError):
        values.parse_limit("6:5", "NOFILE")


def test_exit_statuses() -> None:
    assert values.parse_exit_status("TEMPFAIL") | values.parse_exit_status("250") == StatusSet(frozenset((75, 250)))
    assert values.parse_exit_status("SIGKILL") == StatusSet(signals=frozenset((9,)))
    with pytest.raises(ValueError, match="exit status"):
        values.parse_exit_status("999")


def test_modes() -> None:
    assert values.parse_mode("0755") == 0o755
    for text in ("", "8", "10000", "-1"):
        with pytest.raises(ValueError, match="mode"):
            values.parse_mode(text)


def test_signals() -> None:
    assert [signals.number(text) for text in ("SIGTERM", "TERM", "15", "SIGRTMIN+3", "RTMIN+3", "RTMAX")] == [
        15,
        15,
        15,
        37,
        37,
        64,
    ]
    assert [signals.number(text) for text in ("term", "POLL", "0", "65", "RTMIN+31", "", "SIG", "RTMIN+x")] == [
        None
    ] * 8
    assert all(signals.number(signals.name(number)) == number for number in range(1, 65))


def test_exit_status_names() -> None:
    assert exit_status.name(203) == "EXEC"
    assert exit_status.name(64, (exit_status.LIBC, exit_status.SYSTEMD)) is None
    assert exit_status.number("TEMPFAIL") == 75
    assert exit_status.number("256") is None


@needs_systemd
def test_exit_statuses_are_systemds() -> None:
    shown = subprocess.run(["systemd-analyze", "exit-status"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in shown.splitlines()[1:]]
    assert rows
    assert [(name, exit_status.number(name)) for name, _, _ in rows] == [
        (name, int(status)) for name, status, _ in rows
    ]
    assert all(exit_status.name(int(status), (kind,)) == name for name, status, kind in rows)
