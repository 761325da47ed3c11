"""What is logged through sockets, as it is read: beside what journald 252 has made of the same bytes.

`journald_252.json` has what was sent to it (bytes as Latin-1), and what `journalctl -o json` showed of that.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.process.collector import native, syslog
from systemctl_replacement.process.collector.stream import ProtocolError, Stream

KNOWN = json.loads(Path(__file__).with_name("journald_252.json").read_text(encoding="utf-8"))


# --- syslog ---


def fields_of(read: syslog.Syslog) -> dict[str, str]:
    fields = {
        "MESSAGE": read.message,
        "PRIORITY": b"%d" % read.priority,
        "SYSLOG_FACILITY": b"%d" % read.facility if read.facility else None,
        "SYSLOG_IDENTIFIER": read.identifier,
        "SYSLOG_PID": read.pid,
        "SYSLOG_TIMESTAMP": read.timestamp or None,
        "SYSLOG_RAW": read.raw,
    }
    return {name: value.decode("latin-1") for name, value in fields.items() if value is not None}


@pytest.mark.parametrize(("sent", "kept"), KNOWN["syslog"])
def test_a_message_to_dev_log_is_read_as_journald_reads_it(sent: str, kept: dict[str, str]) -> None:
    assert fields_of(syslog.parse(sent.encode("latin-1"))) == kept


@given(st.binary())
def test_any_message_to_dev_log_is_kept(data: bytes) -> None:
    read = syslog.parse(data)
    assert 0 <= read.priority <= 7
    understood = b"<%d>%s" % (read.facility << 3 | read.priority, read.timestamp)
    if read.identifier is not None:
        understood += read.identifier + (b"[%s]" % read.pid if read.pid is not None else b"") + b": "
    # Unless the datagram is kept, the fields say all that was in it.
    if read.raw is None:
        squeezed = (understood + read.message).translate(None, b" \t\n\r")
        assert squeezed.endswith(data.partition(b">")[2].translate(None, b" \t\n\r"))
    else:
        assert read.raw == data


# --- the native protocol ---


@pytest.mark.parametrize(("sent", "kept"), KNOWN["native"])
def test_native_entries_are_read_as_journald_reads_them(sent: str, kept: list[dict[str, list[str]]]) -> None:
    entries = [entry for entry in native.parse(sent.encode("latin-1")) if isinstance(entry, native.Entry)]
    shown = [
        {name: sorted(value.decode("latin-1") for value in values) for name, values in sorted(entry.fields.items())}
        for entry in entries
    ]
    assert shown == kept


def refusals(data: bytes) -> list[str]:
    return [str(entry) for entry in native.parse(data) if isinstance(entry, native.Refused)]


def test_entries_without_end_are_refused_and_say_so() -> None:
    assert refusals(b"".join(b"F%d=\n" % number for number in range(native.FIELDS_MAX))) == []
    assert refusals(b"".join(b"F%d=\n" % number for number in range(native.FIELDS_MAX + 1))) == [
        "Received an entry with too many fields, ignoring it."
    ]
    assert refusals(b"A=" + bytes(native.SIZE_MAX) + b"\n") == ["Received an entry with too many bytes, ignoring it."]
    many = b"A=1\n\n" * native.LINES_MAX
    assert len(refusals(many)) == 1
    assert sum(isinstance(entry, native.Entry) for entry in native.parse(many)) == native.LINES_MAX // 2


@pytest.mark.parametrize("line", [b"A=\n", b"#\n", b"=\n", b"\n", b"A=\n\n", b"A=\n" * 1023 + b"\n"])
def test_what_is_refused_is_not_read(line: bytes) -> None:
    """Whatever fills a message: reading stops where it is refused."""
    found: list[int] = []

    class Counted(bytes):
        def find(self, *arguments: Any) -> int:
            found.append(1)
            return bytes.find(self, *arguments)

        def split(self, *_arguments: Any) -> Any:
            raise AssertionError("all lines at once")

    message = Counted(line * (native.SIZE_MAX // len(line)))
    assert len([entry for entry in native.parse(message) if isinstance(entry, native.Refused)]) == 1
    assert len(found) <= 2 * native.LINES_MAX


NAMES = st.from_regex(rb"[A-Z][A-Z0-9_]{0,63}", fullmatch=True)


@given(st.lists(st.tuples(NAMES, st.binary()), min_size=1, max_size=20), st.booleans())
def test_fields_of_any_bytes_come_back(fields: list[tuple[bytes, bytes]], binary: bool) -> None:
    text = b""
    expected: dict[str, list[bytes]] = {}
    for name, value in fields:
        if binary or b"\n" in value:
            text += name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        else:
            text += name + b"=" + value + b"\n"
        expected.setdefault(name.decode(), []).append(value)
    (entry,) = native.parse(text)
    assert isinstance(entry, native.Entry) and entry.fields == expected


@given(st.lists(st.sampled_from([b"MESSAGE=x\n", b"\n", b"_A=1\n", b"A\n", struct.pack("<Q", 3), b"abc\n", b"="])))
def test_nothing_that_is_sent_is_a_field_of_ours(pieces: list[bytes]) -> None:
    for entry in native.parse(b"".join(pieces)):
        if isinstance(entry, native.Entry):
            assert entry.fields and not any(name.startswith("_") for name in entry.fields)


def test_what_is_sent_about_the_message_itself_counts() -> None:
    (entry,) = native.parse(b"MESSAGE=a\nPRIORITY=3\nSYSLOG_FACILITY=10\nOBJECT_PID=42\nMESSAGE=b\n")
    assert isinstance(entry, native.Entry)
    assert (entry.priority, entry.facility, entry.object_pid, entry.last("MESSAGE")) == (3, 10, 42, b"b")
    (entry,) = native.parse(b"PRIORITY=33\nSYSLOG_FACILITY=x\nOBJECT_PID=99999999999\n")
    assert isinstance(entry, native.Entry)
    assert (entry.priority, entry.facility, entry.object_pid, entry.last("MESSAGE")) == (6, 0, 0, None)


# --- streams ---


def header(identifier: bytes = b"id", priority: bytes = b"6", prefix: bytes = b"1", forward: bytes = b"0") -> bytes:
    return b"\n".join([identifier, b"", priority, prefix, forward, b"0", b"0"]) + b"\n"


def read(*chunks: bytes) -> list[tuple[int, bytes, str]]:
    stream = Stream("id")
    lines = [line for chunk in chunks for line in stream.feed(chunk)]
    return lines + stream.end_line("eof")


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        # As journald 252 has kept them.
        (
            [b"s1\ns2 partial", b" rest\n", b"end"],
            [(6, b"s1", ""), (6, b"s2 partial rest", ""), (6, b"end", "eof")],
        ),
        (
            [b"a\n<5>b\n<9>c\n<13>d\n<>e\n<5>\n"],
            [(6, b"a", ""), (5, b"b", ""), (6, b"<9>c", ""), (6, b"<13>d", ""), (6, b"<>e", "")],
        ),
        ([b"x\0y\0", b"\n\n  \n lead\n"], [(6, b"x", "nul"), (6, b"y", "nul"), (6, b"  ", ""), (6, b" lead", "")]),
        ([b"trail  \t\n\r\n r\r\n"], [(6, b"trail", ""), (6, b"\r", ""), (6, b" r", "")]),
        ([b"s" * 60000 + b"\n"], [(6, b"s" * 49152, "line-max"), (6, b"s" * 10848, "")]),
        ([b"y" * 200004, b"\n"], [(6, b"y" * 49152, "line-max")] * 4 + [(6, b"y" * 3396, "")]),
        ([b"a\0\0\0b\n", b"c \0\n"], [(6, b"a", "nul"), (6, b"b", ""), (6, b"c", "nul")]),
        ([b"\0"], []),
        ([b"<3>\0"], []),
        ([b"<3> \n<3>  x\n  <3>y\n<3 z\n"], [(3, b"  x", ""), (6, b"  <3>y", ""), (6, b"<3 z", "")]),
    ],
)  # fmt: skip
def test_lines_are_read_as_journald_reads_them(chunks: list[bytes], lines: list[tuple[int, bytes, str]]) -> None:
    assert read(header(), *chunks) == lines


def test_the_first_lines_say_how_to_read_the_others() -> None:
    assert read(header(prefix=b"0") + b"<5>x\n") == [(6, b"<5>x", "")]
    assert read(header(priority=b"30") + b"x\n<5>y\n<29>z\n") == [(30, b"x", ""), (29, b"y", ""), (30, b"<29>z", "")]
    stream = Stream("x")
    stream.feed(header(identifier=b"  id ent "))
    assert stream.identifier == b"id ent" and stream.is_running
    assert read(header()[:-1]) == []


@pytest.mark.parametrize(
    "beginning",
    [
        header(priority=b"x"),
        header(priority=b""),
        header(priority=b"1000"),
        header(prefix=b"x"),
        header(forward=b"maybe"),
        header(identifier=b"i" * 256),
        b"x" * 256,
        b"id\0\n",
    ],
)
def test_who_does_not_keep_to_the_protocol_is_turned_away(beginning: bytes) -> None:
    with pytest.raises(ProtocolError):
        Stream("id").feed(beginning)


PIECES = st.sampled_from([b"a", b"<3>", b" ", b"\n", b"\0", b"x" * 1000, b"\xff"])


@given(st.lists(PIECES, max_size=60).map(b"".join), st.lists(st.integers(0, 40_000), max_size=6))
def test_lines_do_not_depend_on_how_they_arrive(data: bytes, cuts: list[int]) -> None:
    data = header() + data
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in zip(bounds, bounds[1:])]

    def lines(*chunks: bytes) -> list[tuple[int, bytes, str]]:
        stream = Stream("id", 2048)
        found = [line for chunk in chunks for line in stream.feed(chunk)]
        assert stream.unfinished < 2048
        return found + stream.end_line("eof")

    assert lines(*chunks) == lines(data)


@given(st.lists(st.binary(max_size=100), max_size=9))
def test_nothing_that_comes_over_a_stream_raises_anything_else(chunks: list[bytes]) -> None:
    try:
        read(*chunks)
    except ProtocolError:
        return


def test_another_process_goes_on_with_a_stream() -> None:
    first = Stream("id")
    first.feed(header(identifier=b"na\xffme", priority=b"27") + b"one\n")
    state: dict[str, Any] = json.loads(json.dumps(first.state()))
    second = Stream.resume(state)
    assert second.identifier == b"na\xffme" and second.stream_id == "id"
    assert second.feed(b"two\n<4>three\n") == [(27, b"two", ""), (28, b"three", "")]


def test_names_that_no_field_may_have_are_not_remembered() -> None:
    """They may be as long as a message, and anybody may send as many as they like."""
    before = dict(native._keys)
    assert list(native.parse(b"x" * 100_000 + b"=1\nMESSAGE=hello\n"))
    assert all(native._keys.values()) and len(native._keys) <= len(before) + 1
