"""Directories that are somebody else's: what can be read is shown, nothing takes long or much memory."""

from __future__ import annotations

import itertools
import os
import resource
import time
from pathlib import Path

import pytest

from systemctl_replacement.journal import entry, examine
from systemctl_replacement.journal.query import Journal, Query
from systemctl_replacement.journal.writer import Writer

HEAD = b'{"__SEQNUM":"1","__REALTIME_TIMESTAMP":"%d","__MONOTONIC_TIMESTAMP":"1","MESSAGE":"m"}\n'
CONTENTS = {
    "newlines": b"\n" * 5_000_000,
    "no lines": b"x" * 20_000_000,
    "open braces": b"{\n" * 200_000,
    "no numbers": b'{"__SEQNUM":"x","__REALTIME_TIMESTAMP":"y","__MONOTONIC_TIMESTAMP":"z"}\n' * 20_000,
    "large numbers": HEAD % 10**40 * 1000,
    "a line without end between others": HEAD % 1 + b"y" * 20_000_000 + b"\n" + HEAD % 2,
    "deep": b"[" * 1_000_000 + b"\n" + b'{"a":' * 100_000 + b"\n",
    "torn": b"".join((HEAD % 5)[:length] + b"\n" for length in range(80)),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", [*CONTENTS, "fifo", "link", "directory", "holes"])
def test_everything_else_is_shown(tmp_path: Path, kind: str) -> None:
    writer = Writer(str(tmp_path / "good.service.journal.jsonl"))
    for number in range(100):
        writer.write({"_BOOT_ID": "b" * 32, "MESSAGE": f"good {number}"})
    path = tmp_path / "bad.service.journal.jsonl"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "directory":
        path.mkdir()
    elif kind == "holes":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.write_bytes(CONTENTS[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    journal = Journal([str(tmp_path)])
    forwards = [str(each.fields.get("MESSAGE")) for each in journal.entries(Query())]
    backwards = [str(each.fields.get("MESSAGE")) for each in journal.entries(Query(), newest_first=True)]
    good = [f"good {number}" for number in range(100)]
    assert [text for text in forwards if text.startswith("good")] == good
    assert sorted(forwards) == sorted(backwards)
    assert [text for text in backwards if text.startswith("good")] == good[::-1]
    if kind == "a line without end between others":
        assert forwards.count("m") == 2
    now = time.time_ns() // 1000
    last = itertools.islice(journal.entries(Query(since=now - 3_600_000_000), newest_first=True), 3)
    assert "good 99" in [str(each.fields.get("MESSAGE")) for each in last]
    assert "b" * 32 in [boot.id for boot in journal.boots()] and journal.latest_boot()
    list(examine.headers(journal))
    list(examine.verify(journal))
    list(journal.unique("MESSAGE"))
    assert "MESSAGE" in journal.field_names()
    journal.close()
    assert time.process_time() - began < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize("tail", [b'"MESSAGE":[%b1]}', b'"MESSAGE":"%b"', b'%b"__SEQNUM":"2"}'])
def test_long_lines_are_not_parsed_to_find_their_place(monkeypatch: pytest.MonkeyPatch, tail: bytes) -> None:
    parsed: list[int] = []
    monkeypatch.setattr(entry, "parsed", lambda line: parsed.append(len(line)))
    line = b'{"__SEQNUM":"1","__REALTIME_TIMESTAMP":"2","__MONOTONIC_TIMESTAMP":"3",' + tail % (b"1," * 200_000)
    assert entry.head_of(line) == ((1, 2, 3, b"") if line.endswith(b"}") else None)
    assert entry.head_of(b"{" + line[15:]) is None
    assert not parsed


def test_long_records_of_ours_are_found_again(tmp_path: Path) -> None:
    messages = [b"\xff" * 200_000, b"x" * 400_000, b"\\" * 400_000, b'"}' * 200_000]
    writer = Writer(str(tmp_path / "a.service.journal.jsonl"))
    for message in messages:
        writer.write({"MESSAGE": message})
    found = Journal([str(tmp_path)]).entries(Query())
    assert [entry.bytes_of(each.fields) for each in found] == messages


def test_only_names_of_fields_are_fields(tmp_path: Path) -> None:
    names = ["\\u001b[31m", "", "a", "1A", "A" * 65, "A-B", "\\ud800", "MESSAGE", "_A1", "A" * 64]
    line = HEAD[:-2] % 1 + "".join(f',"{name}":"x"' for name in names).encode() + b"}\n"
    (tmp_path / "a.service.journal.jsonl").write_bytes(line)
    journal = Journal([str(tmp_path)])
    (found,) = journal.entries(Query())
    expected = ["MESSAGE", "_A1", "A" * 64]
    assert [name for name in found.fields if not name.startswith("__")] == expected
    assert journal.field_names() == sorted(expected)
