"""JSON written without the package json is still JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement import wire

texts = st.text(st.characters(exclude_categories=[]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@given(values)
def test_what_is_written_is_read_again_by_us_and_by_json(value: Any) -> None:
    data = wire.dumps(value)
    assert b"\n" not in data
    assert wire.loads(data) == value
    assert json.loads(data) == value


@given(st.binary())
def test_anything_else_is_a_value_error(data: bytes) -> None:
    try:
        expected = json.loads(data.decode("utf-8"), parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(ValueError):
            wire.loads(data)
    else:
        assert wire.loads(data) == expected


@pytest.mark.parametrize("data", ["", " ", "{", '{"a":}', "{} {}", "NaN", "[" * 99999, '"\n"', "-Infinity", '{"a":1,}'])
def test_bad_texts(data: str) -> None:
    with pytest.raises(ValueError):
        wire.loads(data)


def test_without_the_package_json_errors_are_the_same() -> None:
    program = (
        "import sys\n"
        "from systemctl_replacement import wire\n"
        "for bad in ('', '[1,', '{\"a\":}', 'x'):\n"
        "    try:\n"
        "        wire.loads(bad)\n"
        "    except ValueError:\n"
        "        continue\n"
        "    sys.exit(f'accepted {bad}')\n"
        "sys.exit('json' in sys.modules or 're' in sys.modules or 'enum' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-S", "-c", program], check=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, object()])
def test_what_has_no_text_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        wire.dumps(value)
