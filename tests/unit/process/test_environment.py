"""Environment files, and variables in command lines: each case is as systemd 252 was seen to read it."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.process import environment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2", [("A", "1"), ("B", "2")]),
        ("A=\nB= \n", [("A", ""), ("B", "")]),
        ("  A =  x y  \n", [("A", "x y")]),
        ("# c\n; c\nA=1 # no comment\n", [("A", "1 # no comment")]),
        ("# c \\\nB=1\nA=1\n", [("A", "1")]),
        ("A='x y'\n", [("A", "x y")]),
        ("A='x\ny'\n", [("A", "x\ny")]),
        ("A='x\\n'\n", [("A", "x\\n")]),
        ('A="x \\"y\\" \\$z \\\\ \\n \\`"\n', [("A", 'x "y" $z \\ \\n `')]),
        ('A="x\\\ny"\n', [("A", "xy")]),
        ("A=x\\\ny\n", [("A", "xy")]),
        ("A=x\\ \n", [("A", "x ")]),
        ("A=a\\b\n", [("A", "ab")]),
        ("A=\"x\"y 'z'\n", [("A", "xy 'z'")]),
        ('A=x"y"\n', [("A", 'x"y"')]),
        ("A=\"x\" 'y'\n", [("A", "xy")]),
        ("A\nB=1\n", [("B", "1")]),
        ("A=1\r\nB=2\r\n", [("A", "1"), ("B", "2")]),
        ("A=b=c\n", [("A", "b=c")]),
        ("export A=1\n", [("export A", "1")]),
        ("A='unfinished", [("A", "unfinished")]),
        ('A="unfinished', [("A", "unfinished")]),
        ("A='it'\\''s'\n", [("A", "it''s'")]),
        ("A=\\'a b\\'\n", [("A", "'a b'")]),
        ("A='a'\"b\"c'd'\n", [("A", "abc'd'")]),
        ('A="tab\tx"   # c\n', [("A", "tab\tx# c")]),
        ("A=x\\\n  y\n", [("A", "x  y")]),
        ("A=1\nA=2\n", [("A", "1"), ("A", "2")]),
        ("A=$B ${C}\n", [("A", "$B ${C}")]),
        ("", []),
        ("A", []),
    ],
)
def test_files(text: str, expected: list[tuple[str, str]]) -> None:
    assert environment.parse_file(text) == expected


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    for name, _ in environment.parse_file(text):
        assert "=" not in name and "\n" not in name


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_single_quotes_protect_everything_but_themselves(text: str) -> None:
    text = text.replace("'", "")
    assert environment.parse_file(f"A='{text}'\n") == [("A", text)]


VARIABLES = {
    "ONE": "1",
    "WORDS": "a  'b c' d\\ e",
    "EMPTY": "",
    "Q": '"x"y',
    "ESCAPED": "'a\\b' \"c\\d\" a\\",
    "UNBALANCED": "a 'b c",
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["$ONE"], ["1"]),
        (["${ONE}"], ["1"]),
        (["$WORDS"], ["a", "b c", "d e"]),
        (["${WORDS}"], ["a  'b c' d\\ e"]),
        (["$EMPTY", "x"], ["x"]),
        (["${EMPTY}"], [""]),
        (["$MISSING"], []),
        (["${MISSING}"], [""]),
        (["a$ONE"], ["a$ONE"]),
        (["$ONE/x"], []),
        (["a${ONE}b${ONE}"], ["a1b1"]),
        (["$$ONE"], ["$ONE"]),
        (["a$$b"], ["a$b"]),
        (["$${ONE}"], ["${ONE}"]),
        (["${ONE"], ["${ONE"]),
        (["a$"], ["a$"]),
        (["$Q"], ["xy"]),
        (["$"], []),
        (["${a-b}"], [""]),
        (["${ONE:-x}"], ["${ONE:-x}"]),
        (["${ONE:-${ONE}}"], ["${ONE:-1}"]),
        (["$ESCAPED"], ["ab", "cd", "a"]),
        (["$UNBALANCED"], ["a", "b c"]),
        ([""], [""]),
    ],
)
def test_arguments(arguments: list[str], expected: list[str]) -> None:
    assert environment.expand_arguments(arguments, VARIABLES) == expected


@given(st.lists(st.text(st.characters(codec="ascii"), min_size=1)))
def test_words_are_split_as_a_shell_quotes_them(words: list[str]) -> None:
    words = [word for word in words if "\\" not in word]
    assert environment.split_words(" ".join(map(shlex.quote, words))) == words


@pytest.mark.parametrize(("name", "valid"), [("A", True), ("_a1", True), ("1A", False), ("", False), ("A-B", False)])
def test_names(name: str, valid: bool) -> None:
    assert environment.is_name(name) == valid
