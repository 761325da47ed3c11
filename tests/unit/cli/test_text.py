"""Rendering: values of properties, timestamps, sizes, shell quoting. Expected texts are systemd 252's."""

from __future__ import annotations

from typing import Any

import pytest

from systemctl_replacement.cli.environment import shell_quoted
from systemctl_replacement.cli.printable import escaped, format_bytes, is_printable_text
from systemctl_replacement.cli.processes import _quoted
from systemctl_replacement.cli.property_text import render
from systemctl_replacement.cli.status_text import control_group, log_begin
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.cli.timestamps import format_relative, format_timestamp
from systemctl_replacement.terminal_settings import unicode_wanted
from systemctl_replacement.unitfile.infinity import INFINITY, UNSET_ID
from systemctl_replacement.unitfile.properties import kinds as properties
from systemctl_replacement.units.table import TYPES

COMMAND = {
    "path": "/bin/sh", "argv": ["/bin/sh", "-c", "a b"], "ignore_errors": True, "start_time": 0, "stop_time": 0,
    "pid": 0, "code": 0, "status": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "texts"),
    [
        ("bool", True, ["yes"]),
        ("octal", 0o22, ["0022"]),
        ("hex", 51, ["0x33"]),
        ("timespan", 90_000_000, ["1min 30s"]),
        ("timespan", INFINITY, ["infinity"]),
        ("limit", INFINITY, ["infinity"]),
        ("maybe", INFINITY, ["[not set]"]),
        ("maybe-id", UNSET_ID, ["[not set]"]),
        ("maybe-data", INFINITY, ["[no data]"]),
        ("maybe-status", -1, ["[not set]"]),
        ("maybe-status", 7, ["7"]),
        ("strings", ["A=1", "B=2 3", 'C="'], ['A=1 "B=2 3" "C=\\""']),
        ("strings", ["man:a(8)", "http://x/"], ['"man:a(8)" http://x/']),
        ("filter", [False, []], ["~"]),
        ("filter", [True, ["AF_UNIX"]], ["AF_UNIX"]),
        ("exit-statuses", [[1, 2], [15]], ["1 2 TERM"]),
        ("capabilities", 3, ["cap_chown cap_dac_override"]),
        ("namespaces", INFINITY, ["no"]),
        ("namespaces", 0, ["yes"]),
        ("environment-files", [["/a", True]], ["/a (ignore_errors=yes)"]),
        ("environment-files", [], []),
        ("typed-paths", [["Stream", "/run/x"]], ["/run/x (Stream)"]),
        ("timers-monotonic", [["OnActiveUSec", 3_600_000_000, 0]], ["{ OnActiveUSec=1h ; next_elapse=0 }"]),
        ("job", 0, [""]),
        ("load-error", ["x.NoSuchUnit", "Unit a not found."], ['x.NoSuchUnit "Unit a not found."']),
        ("commands", [], []),
        (
            "commands",
            [COMMAND],
            [
                (
                    "{ path=/bin/sh ; argv[]=/bin/sh -c a b ; ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; "
                    "pid=0 ; code=(null) ; status=0/0 }"
                )
            ],
        ),
        (
            "commands-ex",
            [{**COMMAND, "flags": ["ignore-failure"], "pid": 5, "code": 2, "status": 9}],
            [
                (
                    "{ path=/bin/sh ; argv[]=/bin/sh -c a b ; flags=ignore-failure ; start_time=[n/a] ; "
                    "stop_time=[n/a] ; pid=5 ; code=killed ; status=9/KILL }"
                )
            ],
        ),
        (
            "commands",
            [{**COMMAND, "code": 1, "status": 1}],
            [
                (
                    "{ path=/bin/sh ; argv[]=/bin/sh -c a b ; ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; "
                    "pid=0 ; code=exited ; status=1 }"
                )
            ],
        ),
    ],
)
def test_render(kind: str, value: Any, texts: list[str]) -> None:
    assert render(kind, value) == texts


def test_every_default_can_be_rendered() -> None:
    for unit_type in ["", *TYPES]:
        names = set()
        for known in properties.of_type(unit_type):
            assert known.kind in properties.NOTHING
            assert known.name not in names
            names.add(known.name)
            if known.kind != "unprintable":
                assert all(isinstance(text, str) for text in render(known.kind, known.default))


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("pretty", "Sun 2020-09-13 12:26:40 UTC"),
        ("utc", "Sun 2020-09-13 12:26:40 UTC"),
        ("us", "Sun 2020-09-13 12:26:40.000005 UTC"),
        ("us+utc", "Sun 2020-09-13 12:26:40.000005 UTC"),
        ("unix", "@1600000000"),
    ],
)
def test_timestamps(style: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert format_timestamp(1_600_000_000_000_005, style) == text
    assert format_timestamp(0, style) == format_timestamp(INFINITY, style) == ""


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (91_000, "91ms ago"),
        (5, "5us ago"),
        (5_900_000, "5s ago"),
        (284_000_000, "4min 44s ago"),
        (24 * 60_000_000, "24min ago"),
        (3_900_000_000, "1h 5min ago"),
        (7 * 3_600_000_000, "7h ago"),
        (26 * 3_600_000_000, "1 day 2h ago"),
        (3 * 86_400_000_000, "3 days ago"),
        (8 * 86_400_000_000, "1 week 1 day ago"),
        (-5_000_000, "5s left"),
    ],
)
def test_relative_times(passed: int, text: str) -> None:
    now = 1_600_000_000_000_000
    assert format_relative(now - passed, now) == text


@pytest.mark.parametrize(
    ("count", "text"), [(593920, "580.0K"), (13_317_000, "12.7M"), (1023, "1023B"), (3 << 30, "3.0G")]
)
def test_sizes(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("", ""), ("/a:/b,c=d", "/a:/b,c=d"), ("x y", "$'x y'"), ("it's", "$'it\\'s'"), ("a\nb", "$'a\\nb'")],
)
def test_shell_quoting(value: str, text: str) -> None:
    assert shell_quoted(value) == text


def test_control_groups() -> None:
    assert control_group({"Id": "a.service"}) == "/system.slice/a.service"
    assert control_group({"Id": "t@1.service", "Slice": "system-t.slice"}) == "/system.slice/system-t.slice/t@1.service"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "C.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "nowhere.ISO-8859-1"}, True),  # not installed
        ({"LANG": "C", "SYSTEMD_UTF8": "1"}, True),
    ],
)
def test_unicode(environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "SYSTEMD_UTF8"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert unicode_wanted() is wanted


def test_ellipses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_UTF8", "1")
    terminal = Terminal()
    assert terminal.ellipsized_end("abcdefgh", 8) == "abcdefgh"
    assert terminal.ellipsized_end("abcdefgh", 5) == "abcd…"


def test_the_log_begins_with_the_start_or_with_the_run_that_has_failed() -> None:
    """Realtime is 1000 s ahead of the monotonic clock."""
    ahead = 1_000_000_000
    tried = {"InactiveExitTimestampMonotonic": 500, "InactiveExitTimestamp": 500 + ahead}
    ran = {**tried, "ExecMainStartTimestamp": 400 + ahead}
    prepared = {**tried, "ExecStartPre": [{**COMMAND, "start_time": 300 + ahead}, COMMAND]}
    assert log_begin({}) == 0
    for sub in ("auto-restart", "failed"):
        assert log_begin({**tried, "SubState": sub}) == 500
        assert log_begin({**ran, "SubState": sub}) == 400
        assert log_begin({**prepared, **ran, "SubState": sub}) == 300
        assert log_begin({**tried, "ExecMainStartTimestamp": 600 + ahead, "SubState": sub}) == 500
    for sub in ("running", "dead"):
        assert log_begin({**ran, "SubState": sub}) == 500


def test_texts_of_services() -> None:
    assert escaped("st \x1b[31m \x9b \x07 é") == "st \\033[31m \\302\\233 \\a é"
    assert _quoted("sleep # \x1b[31m \x07 x\ty") == '"sleep # \\033[31m \\a x\\ty"'
    assert _quoted("\x1b[31m") == '"\\033[31m"'
    assert [_quoted(text) for text in ("", "a b", "a")] == ['""', '"a b"', "a"]
    assert is_printable_text("é漢\t\n") and not is_printable_text("\x9b")
