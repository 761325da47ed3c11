"""The journal's files: whole lines, bounded size, and no exception whatever the disk does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.journal import record, vacuum
from systemctl_replacement.journal.names import parse_name
from systemctl_replacement.journal.writer import Writer


def archives(directory: Path) -> list[Path]:
    return sorted(directory.glob("*@*.journal.jsonl"))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_record_carries_its_fields_and_time(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "unit.journal.jsonl"
    Writer(str(path)).write({"MESSAGE": "é", "PRIORITY": 6, "DATA": b"\xff\x00"}, (12, 34))
    assert read(path) == [
        {
            "__SEQNUM": "1",
            "__REALTIME_TIMESTAMP": "12",
            "__MONOTONIC_TIMESTAMP": "34",
            "MESSAGE": "é",
            "PRIORITY": "6",
            "DATA": [255, 0],
        }
    ]
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_partial_last_line_is_closed_on_open(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    path.write_text('{"MESSAGE":"cut o')
    Writer(str(path)).write({"MESSAGE": "next"})
    first, second = path.read_text().splitlines()
    assert first == '{"MESSAGE":"cut o'
    assert json.loads(second)["MESSAGE"] == "next"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are rotated at 1000 bytes."""
    monkeypatch.setattr(vacuum, "FILE_MIN", 1000)
    monkeypatch.setattr(vacuum, "FILE_MAX", 1000)


@pytest.mark.usefixtures("small")
def test_rotation_by_size(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    writer = Writer(str(path))
    for number in range(50):
        writer.write({"MESSAGE": str(number)})
    files = [*archives(tmp_path), path]
    assert len(files) > 3 and all(file.stat().st_size <= 1000 for file in files)
    assert [int(entry["MESSAGE"]) for file in files for entry in read(file)] == list(range(50))
    for file in files[:-1]:
        first = read(file)[0]
        said = (path.name, int(first["__SEQNUM"]), int(first["__REALTIME_TIMESTAMP"]))
        assert parse_name(file.name) == said
    assert len(os.listdir(tmp_path)) == len(files)


def numbers(path: Path) -> list[int]:
    return [int(entry["__SEQNUM"]) for entry in read(path)]


@pytest.mark.usefixtures("small")
def test_records_are_numbered_on_and_on(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    for _ in range(3):
        writer = Writer(str(path))
        for _ in range(5):
            writer.write({"MESSAGE": '\n{"__SEQNUM":"77"'})
        writer.close()
    found = [number for file in [*archives(tmp_path), path] for number in numbers(file)]
    assert found == list(range(1, 16)) and len(archives(tmp_path)) > 1
    path.unlink()  # killed between a rotation and the first record after it
    last = numbers(archives(tmp_path)[-1])[-1]
    writer = Writer(str(path))
    writer.write({"MESSAGE": "next"})
    assert numbers(path) == [last + 1]


def test_records_go_on_after_those_of_an_earlier_version(tmp_path: Path) -> None:
    (tmp_path / "j.journal.jsonl.1").write_text('{"__SEQNUM":"41","MESSAGE":"a"}\n')
    Writer(str(tmp_path / "j.journal.jsonl")).write({"MESSAGE": "next"})
    assert numbers(tmp_path / "j.journal.jsonl") == [42]


def test_rotation_on_request(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    writer = Writer(str(path))
    writer.rotate()
    assert not os.listdir(tmp_path)
    writer.write({"MESSAGE": "first"})
    writer.rotate()
    writer.rotate()
    assert len(archives(tmp_path)) == 1 and not path.exists()
    writer.write({"MESSAGE": "second"})
    assert numbers(path) == [2]
    Writer(str(path)).rotate()
    assert [numbers(file) for file in archives(tmp_path)] == [[1], [2]]
    path.write_text("no record\n")
    Writer(str(path)).rotate()
    path.write_text("no record\n")
    Writer(str(path)).rotate()
    assert len(archives(tmp_path)) == 4


def test_rotation_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.journal.jsonl"
    hour = 3_600_000_000
    limits = {"max_file_age": hour}
    writer = Writer(str(path), limits)
    writer.write({"MESSAGE": "1"})
    writer.write({"MESSAGE": "2"})
    assert not archives(tmp_path)
    later = time.time_ns() + 1000 * hour
    monkeypatch.setattr(time, "time_ns", lambda: later)
    writer.write({"MESSAGE": "3"})
    writer.write({"MESSAGE": "4"})
    assert [numbers(file) for file in [*archives(tmp_path), path]] == [[1, 2], [3, 4]]
    later += 1000 * hour
    writer = Writer(str(path), limits)
    writer.write({"MESSAGE": "5"})
    assert [numbers(file) for file in [*archives(tmp_path), path]] == [[1, 2], [3, 4], [5]]


def test_the_last_number_is_found_behind_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    long = "x" * 200_000
    path.write_text(f'{{"__SEQNUM":"41","MESSAGE":"a"}}\n{{"MESSAGE":"{long}"}}\n{{"__SEQNUM":"99')
    Writer(str(path)).write({"MESSAGE": "next"})
    assert json.loads(path.read_text().splitlines()[-1])["__SEQNUM"] == "42"


def test_lost_records_leave_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    writer = Writer(str(path))
    writer.write({"MESSAGE": "first"})
    writer.close()
    kept = path.rename(tmp_path / "kept")
    path.symlink_to("/dev/full")
    writer.write({"MESSAGE": "lost"})
    path.unlink()
    kept.rename(path)
    writer.write({"MESSAGE": "last"})
    assert [(number, entry["MESSAGE"][:4]) for number, entry in zip(numbers(path), read(path))] == [
        (1, "firs"),
        (3, "1 me"),
        (4, "last"),
    ]


def test_a_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    writer = Writer(str(path))
    writer.write({"MESSAGE": "gone"})
    path.unlink()
    writer.write({"MESSAGE": "kept"})
    assert [entry["MESSAGE"] for entry in read(path)] == ["kept"]


def test_what_cannot_be_written_is_counted_and_told_later(tmp_path: Path) -> None:
    path = tmp_path / "j.journal.jsonl"
    writer = Writer(str(path))
    writer.write({"MESSAGE": "first"})
    path.rename(tmp_path / "away")
    path.symlink_to("/dev/full")
    writer.close()
    for _ in range(3):
        writer.write({"MESSAGE": "lost"})
    assert writer.dropped == 3
    path.unlink()
    (tmp_path / "away").rename(path)
    writer.write({"MESSAGE": "kept"})
    first, told, kept = read(path)
    assert [entry["__SEQNUM"] for entry in (first, told, kept)] == ["1", "5", "6"]  # 2 to 4 are lost
    assert told["MESSAGE"].startswith("3 messages could not be written: ")
    assert kept["MESSAGE"] == "kept"
    assert writer.dropped == 0


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "directory"])
def test_only_a_regular_file_is_written(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "j.journal.jsonl"
    make(path)
    writer = Writer(str(path))
    writer.write({"MESSAGE": "lost"})
    assert writer.dropped == 1
    path.rename(tmp_path / "away")
    writer.write({"MESSAGE": "kept"})
    assert [entry["MESSAGE"][:9] for entry in read(path)] == ["1 message", "kept"]


@pytest.mark.parametrize("target", ["/dev/null/x", "/proc/self/nothing/x"])
def test_nothing_raises(target: str) -> None:
    Writer(target).write({"MESSAGE": "x"})


def test_a_disk_that_fills_up_in_the_middle_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.journal.jsonl"
    writer = Writer(str(path))
    writer.write({"MESSAGE": "first"})
    real = os.write
    room = [10]

    def short(fd: int, data: Any) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        count = real(fd, bytes(data)[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "write", short)
    writer.write({"MESSAGE": "cut"})
    assert writer.dropped == 1
    monkeypatch.undo()
    writer.write({"MESSAGE": "last"})
    lines = path.read_bytes().splitlines()
    assert len(lines) == 4 and len(lines[1]) == 10
    assert json.loads(lines[2])["MESSAGE"] == "1 messages could not be written: No space left on device"
    assert json.loads(lines[3])["MESSAGE"] == "last"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"<3>x", (3, b"x")),
        (b"<003>x", (3, b"x")),
        (b"<8>x", (6, b"<8>x")),
        (b"<>x", (6, b"<>x")),
        (b"<3", (6, b"<3")),
        (b"<0003>x", (6, b"<0003>x")),
        (b"<-1>x", (6, b"<-1>x")),
        (b"x<3>", (6, b"x<3>")),
        (b"", (6, b"")),
    ],
)
def test_priority_prefix(line: bytes, expected: tuple[int, bytes]) -> None:
    assert record.parse_priority(line, 6) == expected


@given(st.dictionaries(st.text(min_size=1), st.text() | st.binary() | st.integers()))
def test_every_record_is_one_line_of_json(fields: dict[str, Any]) -> None:
    line = record.encode(fields)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert set(fields) <= set(json.loads(line))
