"""Taking fields from a line without parsing it says the same as parsing it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement import wire
from systemctl_replacement.cli.journalctl.output.values import any_text, last_value, plain_fields, values_of
from systemctl_replacement.journal.entry import Entry

NAMES = st.sampled_from(["MESSAGE", "_PID", "A", "__SEQNUM", "X_MESSAGE", "MESSAGE_ID"])
TEXTS = st.text(alphabet=st.sampled_from('ab",:[]{}\\=\n\t\x01\x02é')) | st.sampled_from(
    ['"MESSAGE":"x"', '\\","A":"', '",']
)
VALUES = TEXTS | st.lists(TEXTS, min_size=2) | st.binary(min_size=1).map(list)


@given(st.dictionaries(NAMES, VALUES, min_size=1))
def test_values_by_name(fields: dict[str, object]) -> None:
    line = wire.dumps(fields)
    found = Entry(line, "0" * 32)
    for name in fields:
        if not name.startswith("__"):
            assert last_value(line.decode(), found, f'"{name}":') == values_of(found, name)[-1]
    assert last_value(line.decode(), found, '"NONE":') is None


@given(st.dictionaries(NAMES, VALUES, min_size=1))
def test_all_fields(fields: dict[str, object]) -> None:
    found = plain_fields(wire.dumps(fields))
    simple = all(isinstance(value, str) and value.isascii() and value.isprintable() for value in fields.values())
    assert found == ([f"{name}={value}" for name, value in fields.items()] if simple else None)


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.builds(json.dumps, st.dictionaries(NAMES, st.integers())).map(str.encode)
)
def test_whatever_a_line_is(line: bytes) -> None:
    found = Entry(line, "0" * 32)
    assert plain_fields(line) is None or b'"' in line
    value = last_value(line.decode("utf-8", "replace"), found, '"A":')
    assert value is None or any_text(value) is not None
