"""journalctl's command line, where an answer of the conformance suite would not show what was understood."""

from __future__ import annotations

import pytest

from systemctl_replacement.cli.journalctl.failure import Failure, TextShown
from systemctl_replacement.cli.journalctl.option_table import parse
from systemctl_replacement.cli.journalctl.options import LINES_ALL, Options
from systemctl_replacement.cli.options import OptionError


def read(*words: str) -> tuple[Options, list[str]]:
    return parse(["journalctl", *words], lambda options: "help", "version")


@pytest.mark.parametrize(
    ("words", "lines", "operands"),
    [
        (["-n", "5", "X=1"], 5, ["X=1"]),
        (["-n", "X=1"], 10, ["X=1"]),
        (["-n", "-5"], -1, []),
        (["-qn", "3"], 3, []),
        (["-n", "all"], LINES_ALL, []),
        (["-f"], 10, []),
        (["-f", "-S", "now"], -2, []),
        (["-f", "--no-tail"], LINES_ALL, []),
        (["-e"], 1000, []),
        (["-e", "-n", "5"], 5, []),
    ],
)
def test_lines(words: list[str], lines: int, operands: list[str]) -> None:
    if "-5" in words:
        with pytest.raises(OptionError):
            read(*words)
        return
    options, rest = read(*words)
    assert (options.lines, rest) == (lines, operands)


def test_oldest_lines() -> None:
    assert [read("-n", text)[0].oldest for text in ("+3", "3", "all")] == [True, False, False]


@pytest.mark.parametrize(
    ("words", "boot"),
    [
        (["-b"], (True, "", 0)),
        (["-b", "-1"], (True, "", -1)),
        (["-b", "all"], (False, "", 0)),
        (["-b", "x=1"], (True, "", 0)),
        (["-b", "A" * 32 + "-2"], (True, "a" * 32, -2)),
        (["-f"], (True, "", 0)),
        (["-f", "-m"], (False, "", 0)),
        (["-e"], (True, "", 0)),
        (["-k"], (True, "", 0)),
        (["-k", "-b", "-1"], (True, "", -1)),
        ([], (False, "", 0)),
    ],
)
def test_boots(words: list[str], boot: tuple[bool, str, int]) -> None:
    options, _ = read(*words)
    assert (options.boot, options.boot_id, options.boot_offset) == boot


def test_lines_with_a_pattern_are_the_newest_first() -> None:
    assert read("-g", "x", "-n", "3")[0].reverse
    assert not read("-g", "x", "-n", "3", "-f")[0].reverse
    assert not read("-g", "x", "-n", "+3")[0].reverse
    assert not read("-g", "x")[0].reverse


def test_units_of_a_user() -> None:
    options, _ = read("--user", "-u", "a")
    assert (options.units, options.user_units) == ([], ["a"])
    options, _ = read("--user", "--system", "-u", "a")
    assert (options.units, options.user_units) == (["a"], [])


def test_rotation_and_removal_at_once() -> None:
    assert read("--rotate", "--vacuum-files=1")[0].action == "rotate-and-vacuum"
    assert read("--vacuum-time=1d", "--rotate")[0].action == "rotate-and-vacuum"
    options, _ = read("--vacuum-size=1M", "--vacuum-time=1s")
    assert (options.action, options.vacuum_size, options.vacuum_time) == ("vacuum", 1 << 20, 1_000_000)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--namespace=x"], "There are no journal namespaces here."),
        (["--verify-key=x"], "Journals are not sealed here: there is nothing that --verify-key= could check."),
    ],
)
def test_what_there_is_not(words: list[str], text: str) -> None:
    with pytest.raises(Failure, match=text):
        read(*words)


def test_texts() -> None:
    with pytest.raises(TextShown, match="version"):
        read("--version", "--bogus")
    with pytest.raises(TextShown, match="help"):
        read("-h", "x")


def test_newer_options_do_not_change_abbreviations() -> None:
    with pytest.raises(OptionError, match="unrecognized option '--ex=x'"):
        read("--ex=x")
    assert read("--exclude-identifier=x", "-T", "y")[0].excluded_identifiers == ["x", "y"]
