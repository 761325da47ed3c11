"""Log lines as they are shown. What is expected of odd texts is what systemd 252's `systemctl status` shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from systemctl_replacement.cli.log_text import LogText
from systemctl_replacement.cli.printable import escaped, is_printable
from systemctl_replacement.cli.processes import _quoted
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.columns import shortened
from systemctl_replacement.journal import record as records

HEAD = "Nov 27 07:47:05 box python3[51]: "


def terminal(monkeypatch: pytest.MonkeyPatch, tty: bool = False) -> Terminal:
    monkeypatch.setenv("SYSTEMD_UTF8", "1")
    monkeypatch.setenv("SYSTEMD_COLORS", "0")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    made = Terminal()
    made.tty = tty
    return made


def logged(message: bytes, **fields: str) -> dict[str, Any]:
    """A record as it is read back from a journal."""
    about: dict[str, records.Value] = {"_HOSTNAME": "box", "SYSLOG_IDENTIFIER": "python3", "_PID": "51"}
    about.update(fields)
    found: dict[str, Any] = json.loads(records.encode({**about, "MESSAGE": message}, (1_795_765_625_231_820, 1)))
    return found


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"inner\ttab", "inner        tab"),
        (b"esc \x1b[31mred\x1b[0m end", "esc red end"),
        (b"i \x1b]8;;http://x\x07link\x1b]8;;\x07", "i link"),
        (b"osc \x1b]0;title\x07", "osc "),
        (b"inner\rcr", "[8B blob data]"),
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
def test_no_control_character_is_shown(message: bytes, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = LogText("short", terminal(monkeypatch), cuts=False)
    assert text.format(logged(message)) == HEAD + shown


@pytest.mark.parametrize(
    ("message", "shown"),
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
def test_long_lines_on_a_terminal(message: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = LogText("short", terminal(monkeypatch, tty=True), cuts=True)
    assert text.format(logged(message.encode())) == HEAD + shown
    assert text.ellipsized
    whole = LogText("short", terminal(monkeypatch, tty=True), cuts=False)
    assert whole.format(logged(message.encode())) == HEAD + message
    assert not whole.ellipsized


def test_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logged(b"one\ntwo\nthree\nfour\n")
    indent = " " * len(HEAD)
    whole = LogText("short", terminal(monkeypatch), cuts=False)
    assert whole.format(record) == f"{HEAD}one\n{indent}two\n{indent}three\n{indent}four"
    cut = LogText("short", terminal(monkeypatch, tty=True), cuts=True)
    assert cut.format(record) == f"{HEAD}one\n{indent}two\n{indent}three..."


def test_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logged(b"\x1b[31mx\xc2\x9b")

    def form(mode: str, tty: bool = False) -> str:
        return LogText(mode, terminal(monkeypatch, tty), cuts=False).format(record)

    # A program gets the text unchanged, a person does not.
    assert form("cat") == "\x1b[31mx\x9b"
    assert form("cat", tty=True) == "[3B blob data]"
    assert '\n\t"MESSAGE" : [\n' in form("json-pretty")
    assert json.loads(form("json"))["MESSAGE"] == [27, 91, 51, 49, 109, 120, 194, 155]
    assert "\x9b" not in form("json") + form("verbose")
    assert "    MESSAGE=[8B blob data]" in form("verbose").split("\n")
    assert "MESSAGE\n\x08\0\0\0\0\0\0\0\x1b[31mx\x9b\n" in form("export")
    assert "_PID=51\n" in form("export")


def test_what_stands_in_front_is_shown_if_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logged(b"x", SYSLOG_IDENTIFIER="\x1b[31m", _COMM="sh")
    assert LogText("short", terminal(monkeypatch), cuts=False).format(record).endswith(" box sh[51]: x")


def test_a_name_in_front_that_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    text = LogText("short", terminal(monkeypatch, tty=True), cuts=True)
    assert text.format(logged(b"message", SYSLOG_IDENTIFIER="x" * 100)).endswith("]: ...")


def test_texts_of_services_elsewhere() -> None:
    assert escaped("st \x1b[31m \x9b \x07 é") == "st \\033[31m \\302\\233 \\a é"
    assert _quoted("sleep # \x1b[31m \x07 x\ty") == '"sleep # \\033[31m \\a x\\ty"'
    assert _quoted("\x1b[31m") == '"\\033[31m"'
    assert [_quoted(text) for text in ("", "a b", "a")] == ['""', '"a b"', "a"]
    assert is_printable("é漢".encode()) and not is_printable(b"\xff")


def test_widths() -> None:
    assert shortened("abc", 3, 90, "…") == "abc"
    assert shortened("abcdefghijkl", 10, 100, "...") == "abcdefg..."
    assert shortened("漢漢漢", 5, 100, "…") == "漢…"
