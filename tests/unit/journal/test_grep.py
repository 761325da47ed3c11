"""The message of a line, and values that are lists."""

from __future__ import annotations

import pytest

from systemctl_replacement.journal import grep
from systemctl_replacement.journal.entry import bytes_of_list


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (rb'{"MESSAGE":"a\"b\\\u00e9\n","BLOB":[255,255]}', 'a"b\\\xe9\n'),
        (b'{"MESSAGE":"\xc3\xa9\\t","BLOB":"x"}', "\xe9\t"),
        (b'{"MESSAGE":"","BLOB":"x"}', ""),
        (b'{"MESSAGE":"last"}', "last"),
    ],
)
def test_the_message_is_found_without_parsing_other_fields(
    monkeypatch: pytest.MonkeyPatch, line: bytes, message: str
) -> None:
    monkeypatch.setattr(grep, "parsed", lambda line: pytest.fail("parsed"))
    assert grep.message_of(line) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"MESSAGE":[97,255],"BLOB":"x"}', "a\ufffd"),
        (b'{"MESSAGE":["a","b"],"BLOB":"x"}', "a"),
        (rb'{"MESSAGE":"\ud800","BLOB":"x"}', ""),
        (b'{"MESSAGE":"torn', ""),
    ],
)
def test_messages_that_are_no_plain_text(line: bytes, message: str) -> None:
    assert grep.message_of(line) == message


def test_lists_of_bytes() -> None:
    assert bytes_of_list([]) == b""
    assert bytes_of_list([0, 255]) == b"\0\xff"
    assert bytes_of_list([256, -1, 10**30]) == b"\0\xff\0"
    assert bytes_of_list([1, "a"]) is None
    assert bytes_of_list([[1], [2]]) is None
    assert bytes_of_list([1.5]) is None
