"""Word splitting: cases by hand for each rule, and properties on random text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.unitfile import quoting
from systemctl_replacement.unitfile.quoting import QuotingError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  a\tb \n", ["a", "b"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b c'd", ["ab cd"]),
        ("'' \"\"", ["", ""]),
        (r"a\ b", None),
        (r"a\sb", ["a b"]),
        (r"\x41 \101 \u00e4 \U0001F600", ["A", "A", "ä", "\U0001f600"]),
        (r"\xc3\xa4", ["ä"]),
        (r"\t\n\\\"\'", ["\t\n\\\"'"]),
        ('"a', None),
        ("a\\", None),
        (r"\x00", None),
        (r"\400", None),
        ("a\u00a0b\u2003c", ["a\u00a0b\u2003c"]),
        ("a\vb", ["a\vb"]),
    ],
)
def test_split(text: str, words: list[str] | None) -> None:
    if words is None:
        with pytest.raises(QuotingError):
            quoting.split(text)
    else:
        assert quoting.split(text) == words


def test_bytes_that_are_no_text_survive() -> None:
    assert quoting.split(r"\xff")[0].encode("utf-8", "surrogateescape") == b"\xff"


def test_flags() -> None:
    assert quoting.split('"a b"', unquote=False) == ['"a', 'b"']
    assert quoting.split(r"\q", unescape_relax=True) == [r"\q"]
    assert quoting.split("'a", relax=True) == ["a"]
    assert quoting.split("a::b:", ":", keep_empty=True) == ["a", "", "b", ""]
    assert quoting.split(r"a\b", retain_escape=True) == [r"a\b"]
    assert quoting.split(r"a\b", unescape=False) == ["ab"]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), max_size=8))
def test_quoted_words_come_back(words: list[str]) -> None:
    quoted = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert quoting.split(quoted) == words


@given(st.text())
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        words = quoting.split(text)
    except QuotingError:
        return
    assert all(isinstance(word, str) for word in words)
