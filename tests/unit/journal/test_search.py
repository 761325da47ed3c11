"""What finds lines in the bytes of many leaves the same lines as looking at each of them, whatever is in them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.journal import lines as lines_module
from systemctl_replacement.journal import record, search
from systemctl_replacement.journal.entry import parsed, values_of
from systemctl_replacement.journal.expression import All, Any, Is
from systemctl_replacement.journal.query import Journal, Query
from systemctl_replacement.journal.select import Selection

BOOTS = ("a" * 32, "b" * 32)
# What a search for fields, or for texts, could take for something else.
TRAPS = (
    '"PRIORITY":"3"', 'PRIORITY":"3', '","PRIORITY":"3","X":"', "Needle", "nee\\dle", "needle\n", 'Y":[', "\u017find",
    "\u212aey", "sind key", '\\', '"', "{", "}", "\0", "ü", "",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(TRAPS) | st.text(max_size=5), max_size=3).map("".join)
VALUES = TEXTS | st.binary(max_size=6) | st.sampled_from([b"3\xff", b"needle\xff"])
PRIORITIES = st.sampled_from(["0", "1", "3", "4", "6", "7", "33", "", b"3", b"\xff", ["3", "6"], ["6"], [51]])
TWICE = (b',"PRIORITY":"3"', b',"PRIORITY":"6","PRIORITY":"3"', b',"PRIORITY":"3","PRIORITY":["6"]')
"""Who writes files with another program can give a field twice. A line means the same then as where it stands alone."""
UNITS = st.sampled_from(["a.service", "b.service"])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """The lines of a file: records, and what is none."""
    text = b""
    boot, monotonic = 0, 0
    for number in range(1, draw(st.integers(1, 12))):
        monotonic += draw(st.integers(0, 3))
        if not boot and draw(st.integers(0, 9)) == 0:
            boot, monotonic = 1, 0
        fields: dict[str, record.Value] = {"_BOOT_ID": BOOTS[boot], "_SYSTEMD_UNIT": draw(UNITS)}
        several = b""
        priority = draw(st.none() | PRIORITIES)
        if isinstance(priority, list):
            several = f',"PRIORITY":{priority}'.replace("'", '"').replace(" ", "").encode()
        elif isinstance(priority, (str, bytes)):
            fields["PRIORITY"] = priority
        if draw(st.integers(0, 9)) == 0:
            several += draw(st.sampled_from(TWICE))
        if draw(st.booleans()):
            fields["OTHER"] = draw(VALUES)
        if draw(st.booleans()):
            fields["MESSAGE"] = draw(VALUES)
        line = record.encode(fields, (1000 * (boot + 1) + monotonic, monotonic), number)
        text += line[:-2] + several + line[-2:]
        if draw(st.integers(0, 9)) == 0:
            text += draw(
                st.sampled_from([b"\n", b"no record\n", b'{"PRIORITY":"3"\n', b'"PRIORITY":"3" needle\n', b'3"}\n'])
            )
    return text


def level(*priorities: int) -> Any:
    return Any(Is("PRIORITY", b"%d" % priority) for priority in priorities)


EXPRESSIONS = (
    None,
    level(0, 1, 2, 3),
    level(*range(7)),
    level(3),
    Is("PRIORITY", b"3"),
    Is("PRIORITY", b"\xff"),
    Is("OTHER", b'"PRIORITY":"3"'),
    Any([Is("OTHER", b"\\"), Is("PRIORITY", b"6")]),
    All([Is("_SYSTEMD_UNIT", b"a.service"), level(3, 4)]),
    Any([Is("_SYSTEMD_UNIT", b"a.service"), All([Is("PRIORITY", b"6"), Is("OTHER", b"")])]),
    Any([]),
    All([]),
)
PATTERNS = (
    None, re.compile("needle"), re.compile("NEEDLE", re.I), re.compile("sind", re.I), re.compile("key", re.I),
    re.compile("nee.*"), re.compile("$"), re.compile('PRIORITY":"3'),
)  # fmt: skip


def has(expression: Is | All | Any, fields: Mapping[str, object]) -> bool:
    """The meaning of an expression."""
    if isinstance(expression, Is):
        return expression.field in fields and expression.value in values_of(fields[expression.field])
    each = (has(term, fields) for term in expression.terms)
    return all(each) if isinstance(expression, All) else any(each)


def wanted(text: bytes, expression: Is | All | Any | None, pattern: re.Pattern[str] | None) -> list[bytes]:
    """The records that are wanted, each looked at alone."""
    found = []
    selection = Selection(expression, pattern)
    for line in text.split(b"\n"):
        fields = parsed(line)
        if fields is None:
            continue
        is_wanted = bool(selection.select([line]))
        if len(re.findall(rb'[{,]"PRIORITY":', line)) < 2:
            message = values_of(fields.get("MESSAGE", ""))[0].decode("utf-8", "replace")
            matches = expression is None or has(expression, fields)
            assert is_wanted == (matches and (pattern is None or pattern.search(message) is not None))
        if is_wanted:
            found.append(line)
    return found


@pytest.fixture(params=[0, 1 << 20], ids=["long", "short"], autouse=True, scope="module")
def searched(request: pytest.FixtureRequest) -> Iterator[None]:
    """What much and what little text is searched with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_SHORT", request.param)
        yield


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journals")


@settings(max_examples=200)
@given(
    text=lines(),
    expression=st.sampled_from(EXPRESSIONS),
    pattern=st.sampled_from(PATTERNS),
    block=st.sampled_from([7, 300, 900, 1 << 16]),
)
def test_the_same_lines_as_looking_at_each(
    directory: Path, text: bytes, expression: Is | All | Any | None, pattern: re.Pattern[str] | None, block: int
) -> None:
    (directory / "some.journal.jsonl").write_bytes(text)
    journal = Journal([str(directory)])
    query = Query(expression, grep=pattern)
    expected = wanted(text, expression, pattern)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("systemctl_replacement.journal.query._BLOCK_MIN", block)
        patch.setattr("systemctl_replacement.journal.query.BLOCK", block)
        patch.setattr(lines_module, "_FIRST", block)
        assert [entry.line for entry in journal.entries(query)] == expected
        assert [entry.line for entry in journal.entries(query, newest_first=True)] == expected[::-1]
    journal.close()


FIXED = (
    b'{"A":"3"}', b'{"A":"6"}', b'{"A":"3","A":"6"}', b'{"A":"6","A":"3"}', b'{"A":"3","A":"3"}', b'3"}', b'6"}', b"",
    b'"A":"3"', b'{"B":"A"}',
)  # fmt: skip


@pytest.mark.parametrize("values", [(b"3",), (b"6", b"3")])
def test_any_two_lines(values: tuple[bytes, ...]) -> None:
    expression = Any(Is("A", value) for value in values)
    for pair in itertools.product(FIXED, FIXED):
        for around in (b"", b'{"A":"3"}\n'):
            data = around + b"\n".join(pair) + b"\n" + around
            start, end = len(around), len(data) - len(around) - 1
            assert expression.find(data, start, end) == expression.select(list(pair))
