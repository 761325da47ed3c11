"""The modes with a line per entry. What is expected is what journalctl 252 prints of the same entries."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from systemctl_replacement.cli.journalctl.output.make import make
from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from tests.unit.cli.journalctl.records import HEAD, entry, shown

RED, YELLOW, BOLD, GREY, OFF = "\x1b[0;1;31m", "\x1b[0;1;38;5;185m", "\x1b[0;1;39m", "\x1b[0;38;5;245m", "\x1b[0m"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_UTF8", "1")
    monkeypatch.delenv("SYSTEMD_URLIFY", raising=False)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"inner\ttab", "inner        tab"),
        (b"esc \x1b[31mred\x1b[0m end", "esc red end"),
        (b"i \x1b]8;;http://x\x07link\x1b]8;;\x07", "i link"),
        (b"osc \x1b]0;title\x07", "osc "),
        (b"inner\rcr", "[8B blob data]"),
        (b"at the end\r\r", "at the end"),
        (b"\x1b[31mred\x1b[0m\r", "red"),
        (b"x\r\t", "[10B blob data]"),
        (b"x\r\x1b[0m", "[2B blob data]"),
        (b"bel\x07", "[4B blob data]"),
        (b"bad utf \xff\xfe x", "[12B blob data]"),
        (b"c1 \xc2\x9b31m", "[8B blob data]"),
        (b"del \x7f", "[5B blob data]"),
        ("width\u200b \u202e \ufeff \ue000 \u2028".encode(), "width\u200b \u202e \ufeff \ue000 \u2028"),
        (b"noncharacter \xef\xbf\xbf", "[16B blob data]"),
        ("unassigned \U0010ffff".encode(), "[15B blob data]"),
        (b"a \x1b[2Jx", "[7B blob data]"),
        (b"b \x1b[", "[4B blob data]"),
        (b"d \x1b]0;t", "[7B blob data]"),
        (b"f \x1b", "[3B blob data]"),
        (b"k \x1b[31m\x1b[", "[4B blob data]"),
        (b"l \x1b\x1b[31mx", "[9B blob data]"),
        (b"m \x1b]0;\xc3\xa9\x07", "[9B blob data]"),
        (b"n" + b"\x01" * 1048, "[1.0K blob data]"),
        (b"j " + b"\x1b" * 2000, "[1.9K blob data]"),
    ],
)
def test_no_control_character_is_shown(message: bytes, text: str) -> None:
    assert shown(entry(message)) == f"{HEAD}{text}\n"


def test_all_is_shown_if_that_is_asked_for() -> None:
    assert shown(entry(b"\x1b[31m\ta\xff\x07"), all=True) == f"{HEAD}\x1b[31m\ta\udcff\x07\n"
    assert shown(entry("nul\0x"), all=True) == f"{HEAD}nul\n"
    assert shown(entry("x", SYSLOG_IDENTIFIER="a\x01b"), all=True).endswith(" box a\x01b[51]: x\n")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("s" + "x" * 60, "s" + "x" * 40 + "…" + "x" * 5),
        ("t" + "x" * 46, "t" + "x" * 46),
        ("w" + "x" * 47, "w" + "x" * 40 + "…" + "x" * 5),
        ("x" + "y" * 294, "x" + "y" * 40 + "…" + "y" * 5),
        ("x" + "y" * 298, "x" + "y" * 45 + "…"),
        ("wide " + "漢" * 30, "wide " + "漢" * 18 + "…" + "漢" * 2),
        ("wide " + "漢" * 200, "wide " + "漢" * 20 + "…"),
    ],
)
def test_long_lines_are_shortened(message: str, text: str) -> None:
    output = make(OutputSettings(full=False, columns=80))
    assert output.format(entry(message)).decode() == f"{HEAD}{text}\n"
    assert output.ellipsized
    assert shown(entry(message)) == f"{HEAD}{message}\n"


def test_several_lines() -> None:
    indent = " " * len(HEAD)
    message = "one\ntwo\nthree\nfour\n"
    assert shown(entry(message)) == f"{HEAD}one\n{indent}two\n{indent}three\n{indent}four\n"
    assert shown(entry(message), full=False) == f"{HEAD}one\n{indent}two\n{indent}three...\n"
    assert shown(entry("\n\nafter")) == f"{HEAD}\n{indent}\n{indent}after\n"
    assert shown(entry("one\r\ntwo\r\r\n")) == f"{HEAD}one\n{indent}two\n"
    assert shown(entry("x\n\n")) == f"{HEAD}x\n{indent}\n"
    unknown = entry("a\nb", SYSLOG_IDENTIFIER=None)
    assert shown(unknown) == f"Nov 27 07:47:05 box unknown[51]: a\n{' ' * 25}b\n"
    assert shown(entry("")) == shown(entry("\n")) == f"{HEAD}\n"


@pytest.mark.parametrize(
    ("fields", "head"),
    [
        ({"SYSLOG_IDENTIFIER": "\x1b[31m", "_COMM": "sh"}, " box sh[51]: "),
        ({"SYSLOG_IDENTIFIER": None, "_COMM": "sh"}, " box sh[51]: "),
        ({"SYSLOG_IDENTIFIER": None}, " box unknown[51]: "),
        ({"SYSLOG_IDENTIFIER": "", "_COMM": "sh"}, " box [51]: "),
        ({"SYSLOG_IDENTIFIER": "i" * 299}, " box " + "i" * 299 + "[51]: "),
        ({"SYSLOG_IDENTIFIER": "i" * 300, "_COMM": "sh"}, " box sh[51]: "),
        ({"SYSLOG_IDENTIFIER": b"\xff", "_COMM": "sh"}, " box sh[51]: "),
        ({"SYSLOG_IDENTIFIER": "x[1]: y\nNov 27 07:47:06 box sshd", "_COMM": "sh"}, " box sh[51]: "),
        ({"_PID": None, "SYSLOG_PID": "77"}, " box python3[77]: "),
        ({"SYSLOG_PID": "77"}, " box python3[51]: "),
        ({"_PID": None}, " box python3: "),
        ({"_PID": "a\x01b", "SYSLOG_PID": "77"}, " box python3[77]: "),
        ({"_HOSTNAME": None}, " python3[51]: "),
        ({"_HOSTNAME": ""}, "  python3[51]: "),
        ({"_PID": ["1", "2"], "SYSLOG_IDENTIFIER": ["i1", "i2"]}, " box i2[2]: "),
    ],
)
def test_what_stands_in_front(fields: dict[str, Any], head: str) -> None:
    assert shown(entry(**fields)) == f"Nov 27 07:47:05{head}x\n"


def test_names_are_remembered_only_if_nothing_else_counts() -> None:
    output = make(OutputSettings())

    def name(**fields: Any) -> str:
        return output.format(entry(**fields)).decode()[20:-4]

    assert [name(SYSLOG_IDENTIFIER="\a", _COMM=command) for command in ("a", "b")] == ["a[51]", "b[51]"]
    assert [name(_PID="\a", SYSLOG_PID=pid) for pid in ("1", "2")] == ["python3[1]", "python3[2]"]
    assert [name(_PID=None, SYSLOG_PID=pid) for pid in ("1", None)] == ["python3[1]", "python3"]
    units = make(OutputSettings("with-unit"))
    found = [units.format(entry(_SYSTEMD_UNIT=unit)).decode() for unit in ("a.service", "b.service", None)]
    assert [text.split()[5] for text in found] == ["a.service[51]:", "b.service[51]:", "python3[51]:"]


def test_hosts() -> None:
    assert shown(entry(), hostname=False) == "Nov 27 07:47:05 python3[51]: x\n"


def test_a_name_in_front_that_is_long() -> None:
    assert shown(entry("message", SYSLOG_IDENTIFIER="x" * 100), full=False).endswith("]: ...\n")
    assert shown(entry("", SYSLOG_IDENTIFIER="x" * 100), full=False).endswith("]: \n")
    assert shown(entry("a\nb", SYSLOG_IDENTIFIER="x" * 100), full=False).endswith("]: ...\n...\n")


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("short-precise", "Nov 27 08:47:05.231820 box python3[51]: x\n"),
        ("short-iso", "2026-11-27T08:47:05+0100 box python3[51]: x\n"),
        ("short-iso-precise", "2026-11-27T08:47:05.231820+0100 box python3[51]: x\n"),
        ("short-full", "Fri 2026-11-27 08:47:05 CET box python3[51]: x\n"),
        ("short-unix", "1795765625.231820 box python3[51]: x\n"),
        ("short-monotonic", "[    1.234567] box python3[51]: x\n"),
        ("short-delta", "[    1.234567                ] box python3[51]: x\n"),
        ("with-unit", "Fri 2026-11-27 08:47:05 CET box python3[51]: x\n"),
    ],
)
def test_times(mode: str, text: str, berlin: None) -> None:
    assert shown(entry(), mode) == text


def test_times_in_utc(berlin: None) -> None:
    assert shown(entry(), utc=True) == f"{HEAD}x\n"
    assert shown(entry(), "short-full", utc=True).startswith("Fri 2026-11-27 07:47:05 UTC box")
    assert shown(entry(), "short-iso", utc=True).startswith("2026-11-27T07:47:05+0000 box")


def test_each_second_has_its_own_time() -> None:
    output = make(OutputSettings())
    lines = [output.format(entry(later=later)).decode()[:15] for later in (0, 700_000, 800_000, 60_000_000, 0)]
    assert lines == [f"Nov 27 07:{time}" for time in ("47:05", "47:05", "47:06", "48:05", "47:05")]


@pytest.mark.parametrize(
    ("realtime", "monotonic", "shown_realtime", "shown_monotonic"),
    [
        ("1795765625000001", "77", "47:05.000001", "[    0.000077]"),
        ("0", "0", "47:05.231820", "[    1.234567]"),
        ("abc", "-5", "47:05.231820", "[    1.234567]"),
        (str(2**55), str(2**55), "47:05.231820", "[    1.234567]"),
    ],
)
def test_the_senders_time_counts(realtime: str, monotonic: str, shown_realtime: str, shown_monotonic: str) -> None:
    told = entry(_SOURCE_REALTIME_TIMESTAMP=realtime, _SOURCE_MONOTONIC_TIMESTAMP=monotonic)
    assert shown(told, "short-precise") == f"Nov 27 07:{shown_realtime} box python3[51]: x\n"
    assert shown(told, "short-monotonic") == f"{shown_monotonic} box python3[51]: x\n"


def test_time_between_entries() -> None:
    output = make(OutputSettings("short-delta"))
    other = {"_BOOT_ID": "1" * 32, "__MONOTONIC_TIMESTAMP": "1000000"}
    found = [entry(), entry(later=1_500_000), entry(None, later=2_000_000), entry(later=3_000_000, **other), entry()]
    lines = [output.format(one).decode() for one in found]
    assert [line[:31] for line in lines] == [
        "[    1.234567                ] ",
        "[    2.734567 <    1.500000 >] ",
        "",
        "[    1.000000 <    1.000000*>] ",
        "[    1.234567 <    0.000000*>] ",
    ]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"_SYSTEMD_UNIT": "a.service"}, "a.service[51]"),
        ({"_SYSTEMD_UNIT": "a.service", "_SYSTEMD_USER_UNIT": "u.service"}, "a.service/u.service[51]"),
        ({"_SYSTEMD_USER_UNIT": "u.service"}, "u.service[51]"),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "a.service"}, "init.scope[51]"),
        ({}, "python3[51]"),
    ],
)
def test_units_instead_of_identifiers(fields: dict[str, Any], name: str) -> None:
    assert shown(entry(**fields), "with-unit") == f"Fri 2026-11-27 07:47:05 UTC box {name}: x\n"


def test_an_entry_without_a_message_is_not_shown() -> None:
    assert shown(entry(None)) == shown(entry(None), "cat") == ""


@pytest.mark.parametrize(
    ("priority", "color", "mark"),
    [("3", RED, BOLD), ("4", YELLOW, BOLD), ("5", BOLD, RED), ("6", "", ""), ("7", GREY, RED), ("9", "", "")],
)
def test_colors(priority: str, color: str, mark: str) -> None:
    found = entry("a find me b", PRIORITY=priority)
    off = OFF if color else ""
    assert shown(found, colors=True) == f"{HEAD}{color}{mark}{color}a find me b{off}\n"
    expected = f"{HEAD}{color}a {mark}find me{color} b{off}\n"
    assert shown(found, colors=True, highlight=re.compile("find.me")) == expected


def test_an_empty_message_has_no_color() -> None:
    assert shown(entry("", PRIORITY="3"), colors=True) == f"{HEAD}\n"


def test_sixteen_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_COLORS", "16")
    nothing = re.compile("y")
    assert shown(entry(PRIORITY="4"), colors=True, highlight=nothing) == f"{HEAD}\x1b[0;1;33mx{OFF}\n"
    assert shown(entry(PRIORITY="7"), colors=True, highlight=nothing) == f"{HEAD}\x1b[0;90mx{OFF}\n"


def test_colors_of_several_lines() -> None:
    found = entry("one\ntwo find", PRIORITY="3")
    indent = " " * len(HEAD)
    expected = f"{HEAD}{RED}one{OFF}\n{indent}{RED}two {BOLD}find{OFF}\n"
    assert shown(found, colors=True, highlight=re.compile("find")) == expected
    assert shown(entry("x", _TRANSPORT="audit"), colors=True, highlight=re.compile("y")) == f"{HEAD}\x1b[0;34mx{OFF}\n"


def test_what_was_found_is_marked_where_it_is_shown() -> None:
    found = entry("\ta\x1b[1mb find\tme c", PRIORITY="3")
    text = shown(found, colors=True, highlight=re.compile("find.me"))
    assert text == f"{HEAD}{RED}        ab {BOLD}find        me{RED} c{OFF}\n"
    cut = shown(entry("find me " + "y" * 60, PRIORITY="3"), colors=True, full=False, highlight=re.compile("find"))
    assert cut == f"{HEAD}{RED}find me {'y' * 33}…{'y' * 5}{OFF}\n"


def test_links(monkeypatch: pytest.MonkeyPatch) -> None:
    found = entry("/etc/x:3: bad", CONFIG_FILE="/etc/x", DOCUMENTATION="https://a.b/c")
    text = shown(found, colors=True)
    documentation = "\x1b]8;;https://a.b/c\a[🡕]\x1b]8;;\a"
    file = f"\x1b]8;;file://{os.uname().nodename}/etc/x\a/etc/x\x1b]8;;\a"
    assert text == f"{HEAD}{documentation} {file}:3: bad\n"
    monkeypatch.setenv("SYSTEMD_URLIFY", "0")
    assert shown(found, colors=True) == f"{HEAD}/etc/x:3: bad\n"
    monkeypatch.setenv("SYSTEMD_URLIFY", "1")
    assert shown(found) == f"{HEAD}{documentation} /etc/x:3: bad\n"
    # Nothing that an entry says of itself ends up in a sequence for the terminal.
    hostile = entry("/etc/\a:3: bad", CONFIG_FILE="/etc/\a", DOCUMENTATION="https://a\a")
    assert "\x1b" not in shown(hostile, all=True)
