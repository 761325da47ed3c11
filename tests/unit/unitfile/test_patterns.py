"""Patterns: the shortcuts give the same answers as the general way."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.unitfile.patterns import matches

_WORDS = st.text("ab.-\\*?[]!", max_size=5)


@given(_WORDS, _WORDS)
def test_as_the_standard_library(name: str, pattern: str) -> None:
    assert matches(name, pattern) == (fnmatchcase(name, pattern) or name == pattern)


def test_units() -> None:
    assert matches("dev-a\\x2db.device", "dev-a\\x2d*")
    assert matches("a@1.service", "a@[0-9].service")
    assert not matches("a.service", "b.service")
    assert not matches("a.service", "A*")
