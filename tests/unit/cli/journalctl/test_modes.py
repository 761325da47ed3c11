"""The modes that show fields. What is expected is what journalctl 252 prints of the same entries."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from systemctl_replacement import wire
from systemctl_replacement.journal.entry import Entry
from tests.unit.cli.journalctl.records import BOOT, MONOTONIC, REALTIME, entry, shown

MODES = ("verbose", "export", "json", "json-pretty", "json-sse", "json-seq", "cat")
GREEN, BOLD, BOLD_BLUE, OFF = "\x1b[0;32m", "\x1b[0;1;39m", "\x1b[0;1;34m", "\x1b[0m"


def few(**fields: Any) -> Entry:
    """An entry with these fields alone."""
    left_out = dict.fromkeys(("_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID", "PRIORITY"))
    return entry(**{"message": None, **left_out, **fields})


def test_verbose() -> None:
    found = few(message="one\ntwo", FOO=["a", "b", b"\xff"], BAR="tab\tx", C1="\x9b")
    assert shown(found, "verbose") == (
        f"Fri 2026-11-27 07:47:05.231820 UTC [{found.cursor}]\n"
        f"    _BOOT_ID={BOOT}\n"
        "    FOO=a\n    FOO=b\n    FOO=[1B blob data]\n"
        "    BAR=tab\tx\n"
        "    C1=[2B blob data]\n"
        "    MESSAGE=one\n            two\n"
    )


def test_verbose_in_colors() -> None:
    text = shown(few(message="x", A="1"), "verbose", colors=True).partition("\n")[2]
    assert text == f"    _BOOT_ID={BOOT}\n    A=1\n    {BOLD}MESSAGE=x\n{OFF}"
    text = shown(few(message="\a"), "verbose", colors=True).partition("\n")[2]
    assert text == f"    _BOOT_ID={BOOT}\n    {BOLD}MESSAGE=[1B blob data]{OFF}\n"


def test_verbose_of_long_fields_and_chosen_ones() -> None:
    found = few(FOO="y" * 295, BAR="y" * 296)
    assert "    FOO=" + "y" * 295 in shown(found, "verbose", full=False)
    assert "    BAR=[296B blob data]" in shown(found, "verbose", full=False)
    assert "    BAR=" + "y" * 296 in shown(found, "verbose")
    assert shown(found, "verbose", fields=frozenset(["BAR"])).count("\n") == 2
    assert "    FOO=\a\udcff\n" in shown(few(FOO=b"\a\xff"), "verbose", all=True)


def test_export() -> None:
    found = few(message="a\nb", FOO=["1", b"\xff"], T="tab\t")
    text = shown(found, "export")
    assert text == (
        f"__CURSOR={found.cursor}\n__REALTIME_TIMESTAMP={REALTIME}\n__MONOTONIC_TIMESTAMP={MONOTONIC}\n_BOOT_ID={BOOT}\n"
        "FOO=1\nFOO\n\1\0\0\0\0\0\0\0\udcff\nT=tab\t\nMESSAGE\n\3\0\0\0\0\0\0\0a\nb\n\n"
    )
    assert shown(found, "export", fields=frozenset(["T"])) == text[: text.index("FOO")] + "T=tab\t\n\n"


def test_json() -> None:
    found = few(message="a\nb", FOO=["1", b"\xff"], T='"\\\t', B="\a", E="é")
    value = {
        "__CURSOR": found.cursor,
        "__REALTIME_TIMESTAMP": str(REALTIME),
        "__MONOTONIC_TIMESTAMP": str(MONOTONIC),
        "_BOOT_ID": BOOT,
        "FOO": ["1", [255]],
        "T": '"\\\t',
        "B": [7],
        "E": "é",
        "MESSAGE": "a\nb",
    }
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert shown(found, "json") == f"{text}\n"
    assert shown(found, "json-sse") == f"data: {text}\n\n"
    assert shown(found, "json-seq") == f"\x1e{text}\n"
    assert (
        shown(found, "json-pretty")
        == json.dumps(value, ensure_ascii=False, indent="\t", separators=(",", " : ")) + "\n"
    )
    chosen = json.loads(shown(found, "json", fields=frozenset(["E"])))
    assert list(chosen) == ["__CURSOR", "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "_BOOT_ID", "E"]


@pytest.mark.parametrize("text", ["plain", 'quote " back \\ tab \t line \n', "\\u1234 \\\\n", "é", "\a", "\x7f", "\r"])
def test_a_line_that_is_passed_on_says_the_same(text: str) -> None:
    found = few(message=text)
    passed, written = shown(found, "json"), shown(found, "json", all=True)
    assert json.loads(passed) == json.loads(written)
    assert all(character.isprintable() for character in passed[:-1])


def test_a_line_of_another_make() -> None:
    """Anybody may have written a file."""
    end = f'"_BOOT_ID":"{BOOT}", "__REALTIME_TIMESTAMP":"7", "A":[300,-1], "B":{{}}, "C":[], "MESSAGE":"é\\u001b" }}'
    for begin in ('{ "__SEQNUM":"5", ', '{"__SEQNUM":"1","X":"","__REALTIME_TIMESTAMP":"8",'):
        found = Entry((begin + end).encode(), "0" * 32)
        for mode in ("short", "verbose", "json", "json-pretty"):
            assert "\x1b" not in shown(found, mode)
        assert json.loads(shown(found, "json"))["MESSAGE"] == [195, 169, 27]


@pytest.mark.parametrize("mode", ["json", "json-pretty"])
def test_long_values(mode: str) -> None:
    found = few(message="x" * 4089, A="y" * 4094, B="z" * 4095)
    value = json.loads(shown(found, mode))
    assert (value["MESSAGE"], value["A"], value["B"]) == (None, "y" * 4094, None)
    assert json.loads(shown(found, mode, all=True))["B"] == "z" * 4095
    assert json.loads(shown(few(message="x" * 4088), mode))["MESSAGE"] == "x" * 4088


def test_json_in_colors() -> None:
    text = shown(few(A=["x", b"\xff"], B="z" * 5000), "json", colors=True)
    end = f',"{GREEN}A{OFF}":["{GREEN}x{OFF}",[{BOLD_BLUE}255{OFF}]],"{GREEN}B{OFF}":{BOLD}null{OFF}}}\n'
    assert text.endswith(end)


def test_cat() -> None:
    found = entry(["\x1b[31mx\xc2\x9b\t", "second"], FOO="f", PRIORITY="3")
    # A program gets the text unchanged, a person does not.
    assert shown(found, "cat") == "\x1b[31mx\xc2\x9b\t\n"
    assert shown(found, "cat", tty=True) == "[13B blob data]\n"
    assert shown(entry("a\tb\x1b[1mc"), "cat", tty=True) == "a        bc\n"
    assert shown(entry("a\tb\a"), "cat", tty=True, all=True) == "a\tb\a\n"
    assert shown(found, "cat", fields=frozenset(["FOO", "NONE", "PRIORITY"])) == "f\n3\n"
    assert shown(entry(b"bad \xff"), "cat") == "bad \udcff\n"
    marked = shown(entry("one\nfind it", PRIORITY="3"), "cat", colors=True, highlight=re.compile("find"))
    assert marked == f"\x1b[0;1;31mone\n{BOLD}find\x1b[0;1;31m it{OFF}\n"
    assert shown(entry("x"), "cat", colors=True) == "x\n"


@pytest.mark.parametrize("mode", ["short", "with-unit", *MODES])
def test_a_hostile_record(mode: str) -> None:
    head = wire.dumps({"__SEQNUM": "1", "__REALTIME_TIMESTAMP": "7", "__MONOTONIC_TIMESTAMP": "7"})[:-1]
    for rest in (
        b'"MESSAGE":"\\ud800","SYSLOG_IDENTIFIER":"\\udfff","\\ud800":"x"}',
        b'"MESSAGE":["\\ud800"],"_PID":{"\\ud800":1},"_HOSTNAME":null}',
        b'"MESSAGE":"x","_PID":[],"SYSLOG_IDENTIFIER":[[]],"_COMM":[[1],2]}',
        b'"MESSAGE":"torn',
        b'"MESSAGE":"\xff\xfe"}',
    ):
        assert "\ud800" not in shown(Entry(head + b"," + rest, "0" * 32), mode)
