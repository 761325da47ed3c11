"""--grep=: what PCRE2 would find, in the language of `re`. (The conformance suite asks PCRE2 itself.)"""

from __future__ import annotations

import warnings

import pytest

from systemctl_replacement.cli.journalctl.pattern import compile_pattern
from systemctl_replacement.cli.options import OptionError


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("[[:digit:]]+x", "12x", "12x"),
        ("[^[:space:]]+", " ab ", "ab"),
        ("[]a]+", "]a", "]a"),
        ("[^]]+", "]a", "a"),
        ("[[x]+", "[x", "[x"),
        ("[:digit:]", "g", "g"),
        (r"\Qa.b[\E+", "a.b[[", "a.b[["),
        (r"\Qa.b", "a.b", "a.b"),
        (r"a\hb", "a\tb", "a\tb"),
        (r"[\h,]+", ", \t", ", \t"),
        (r"b\z", "b\nb", "b"),
        (r"b\Z", "a b\n", "b"),
        (r"a\Rb", "a\r\nb", "a\r\nb"),
        (r"\[x\]", "[x]", "[x]"),
        ("(?i)ABC", "abc", "abc"),
        ("(?<k>key)=(\\w+) \\k<k>", "key=value key", "key=value key"),
        ("(?'k'x)\\k{k}", "axx", "xx"),
        ("(?<=a)b", "ab", "b"),
        ("(?<!a)b", "abb", "b"),
        (r"\x{41}\x{2e}", "A.", "A."),
        ("[[:^alpha:]]+", "ab1 é", "1 é"),
        ("[[:^alpha:]b]+", "ab1", "b1"),
        ("[^[:^digit:]]+", "ab12", "12"),
        (r"[\]x]+", "]x", "]x"),
        ("[]", "]", None),
    ],
)
def test_translated(pattern: str, text: str, found: str | None) -> None:
    if found is None:
        with pytest.raises(OptionError, match="missing terminating ] for character class"):
            compile_pattern(pattern, case_sensitive=True)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        match = compile_pattern(pattern, case_sensitive=True).search(text)
    assert match is not None and match[0] == found


@pytest.mark.parametrize(
    ("pattern", "sensitive", "matches"),
    [("ab", None, True), ("aB", None, False), ("aB", False, True), ("ab", True, False), (r"\D\D", None, True)],
)
def test_case(pattern: str, sensitive: bool | None, matches: bool) -> None:
    assert bool(compile_pattern(pattern, sensitive).search("AB")) is matches


@pytest.mark.parametrize("pattern", ["(", ")", "[a", "*", "a**", "\\", "[b-a]", "a{2,1}", r"(x)\2", "(?<x"])
def test_bad(pattern: str) -> None:
    with pytest.raises(OptionError) as caught:
        compile_pattern(pattern, case_sensitive=None)
    assert str(caught.value).startswith(f'Bad pattern "{pattern}": ')
