"""Shortening a text, also one that has colours in it. (More without any: tests/unit/cli/journalctl/test_short.py.)"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.columns import columns, shortened

COLOR = re.compile("\x1b\\[[0-9;]*m")


def test_colours_take_no_columns_and_are_not_cut() -> None:
    text = "Started \x1b[0;1;39ma.service\x1b[0m - A"
    assert shortened(text, 21, 50, "…") == text
    assert shortened(text, 20, 50, "…") == "Started \x1b[0;1;39ma…ervice\x1b[0m - A"
    assert shortened("\x1b[1mabcdefghij\x1b[0m", 5, 50, "…") == "\x1b[1mab…ij\x1b[0m"
    assert shortened("ab\x1b[1mcdefgh\x1b[0mij", 5, 50, "…") == "ab\x1b[1m…\x1b[0mij"
    assert shortened("\x1b[1mab\x1b[0m", 2, 50, "…") == "\x1b[1mab\x1b[0m"


@given(st.lists(st.sampled_from(["a", "b", "ä", "漢", "\x1b[0m", "\x1b[0;1;39m"])), st.integers(3, 12))
def test_it_fits_and_keeps_every_colour(pieces: list[str], width: int) -> None:
    cut = shortened("".join(pieces), width, 50, "…")
    assert sum(map(columns, COLOR.sub("", cut))) <= width
    assert COLOR.findall(cut) == COLOR.findall("".join(pieces))


def test_a_lone_escape_is_a_character() -> None:
    assert shortened("\x1b[abc", 3, 50, "…") == "\x1b…c"


def test_wide_characters() -> None:
    assert shortened("abc", 3, 90, "…") == "abc"
    assert shortened("abcdefghijkl", 10, 100, "...") == "abcdefg..."
    assert shortened("漢漢漢", 5, 100, "…") == "漢…"
