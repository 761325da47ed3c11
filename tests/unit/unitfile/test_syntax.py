"""The grammar of unit files. test_messages.py compares the messages with systemd's."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.unitfile.syntax import EBADMSG, EINVAL, ENOBUFS, LINE_MAX, parse


def pairs(data: bytes) -> list[tuple[str, str, str, int]]:
    return [(each.section, each.key, each.value, each.line) for each in parse(data, "f", ("A", "B")).assignments]


def test_repeated_keys_blanks_and_comments() -> None:
    data = b"# c\n[A]\n k = v w \nk=\n;c\n\n[B]\nx==y\n"
    assert pairs(data) == [("A", "k", "v w", 3), ("A", "k", "", 4), ("B", "x", "=y", 8)]


def test_continuation() -> None:
    assert pairs(b"[A]\nk=a \\\n  b\\\n# c\n; c\nc\nl=1") == [("A", "k", "a    b c", 6), ("A", "l", "1", 7)]
    assert pairs(b"[A]\nk=a\\\\\nl=b\\\n\nm=c\\") == [("A", "k", "a\\\\", 2), ("A", "l", "b", 4), ("A", "m", "c", 6)]


def test_line_ends_and_byte_order_mark() -> None:
    assert pairs(b"\xef\xbb\xbf[A]\r\na=1\r\nb=2\n\rc=3\0d=4\re=5") == [
        ("A", "a", "1", 2),
        ("A", "b", "2", 3),
        ("A", "c", "3", 4),
        ("A", "d", "4", 5),
        ("A", "e", "5", 6),
    ]


def test_sections_nobody_knows() -> None:
    parsed = parse(b"x=1\n[X-Foo]\na=1\n[Foo]\nb=1\n[A]\nc=1\n", "f", ("A",))
    assert [each.key for each in parsed.assignments] == ["c"]
    assert [str(problem) for problem in parsed.problems] == [
        "f:1: Assignment outside of section. Ignoring.",
        "f:4: Unknown section 'Foo'. Ignoring.",
    ]


def test_files_that_are_refused() -> None:
    for data, error in (
        (b"[A]\na=1\nb=\xff\nc=1\n", EINVAL),
        (b"[A]\na=1\n[B\nc=1\n", EBADMSG),
        (b"[A]\na=1\nb=" + b"x" * 10 * LINE_MAX + b"\nc=1\n", ENOBUFS),
        (b"[A]\na=1\nb=" + (b"x" * 1000 + b"\\\n") * 2000 + b"\nc=1\n", ENOBUFS),
    ):
        parsed = parse(data, "f", ("A", "B"))
        assert parsed.error == error
        assert [each.key for each in parsed.assignments] == ["a"]
        assert str(parsed.problems[-1]).startswith("f:")


def test_longest_line() -> None:
    parsed = parse(b"[A]\na=" + b"x" * (LINE_MAX - 3) + b"\n", "f", ("A",))
    assert parsed.error == 0
    assert len(parsed.assignments[0].value) == LINE_MAX - 3


def test_many_continuation_lines_are_linear() -> None:
    began = time.process_time()
    parsed = parse(b"[A]\na=" + b"x\\\n" * 300_000 + b"y\n", "f", ("A",))
    assert len(parsed.assignments) == 1
    # Quadratic behaviour would take minutes.
    assert time.process_time() - began < 20


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    parsed = parse(data, "f", ("A",))
    assert all(each.section == "A" and each.key for each in parsed.assignments)


VALUE = st.text(st.characters(exclude_characters="\0\r\n\\", exclude_categories=["Cs"]), max_size=20).map(
    lambda text: text.strip(" \t")
)


@given(st.lists(st.tuples(st.sampled_from("AB"), st.text("abcXYZ", min_size=1), VALUE), max_size=10))
def test_what_is_written_is_read(rows: list[tuple[str, str, str]]) -> None:
    rows = [row for row in rows if all(ord(c) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(c) <= 0xFDEF for c in row[2])]
    data = "".join(f"[{section}]\n{key}={value}\n" for section, key, value in rows).encode()
    assert [(each.section, each.key, each.value) for each in parse(data, "f", ("A", "B")).assignments] == rows
