"""The size of all journals together: the oldest are removed, and never what somebody else has put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement.journal import vacuum
from systemctl_replacement.journal.writer import Writer

PAGE = 4096


def journal(directory: Path, name: str, age: int, pages: int = 1) -> None:
    path = directory / f"{name}.journal.jsonl"
    path.write_bytes(b"x" * PAGE * pages)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))


def left(directory: Path) -> set[str]:
    return {name.replace(".journal.jsonl", "") for name in os.listdir(directory)}


def rotated(directory: Path, name: str, age: int) -> None:
    journal(directory, name, age)
    os.rename(directory / f"{name}.journal.jsonl", directory / f"{name}.journal.jsonl.1")


def test_the_oldest_go_first_rotated_or_not(tmp_path: Path) -> None:
    for name, age in (("oldest", 9), ("new", 1)):
        journal(tmp_path, name, age)
    for name, age in (("old", 5), ("newest", 0)):
        rotated(tmp_path, name, age)
    vacuum.make_room(str(tmp_path), 4 * PAGE, "")
    assert left(tmp_path) == {"oldest", "old.1", "new", "newest.1"}
    vacuum.make_room(str(tmp_path), 3 * PAGE, "")
    assert left(tmp_path) == {"old.1", "new", "newest.1"}
    vacuum.make_room(str(tmp_path), PAGE, "")
    assert left(tmp_path) == {"newest.1"}


def test_ones_own_files_stay(tmp_path: Path) -> None:
    journal(tmp_path, "own", 8)
    rotated(tmp_path, "own", 9)
    journal(tmp_path, "own", 8)
    journal(tmp_path, "other", 0)
    vacuum.make_room(str(tmp_path), 0, "own.journal.jsonl")
    assert left(tmp_path) == {"own", "own.1"}


def test_what_is_written_goes_last(tmp_path: Path) -> None:
    writers = []
    for name, age in (("quiet", 9), ("busy", 1)):
        path = tmp_path / f"{name}.journal.jsonl"
        writers.append(Writer(str(path)))
        writers[-1].write_lines(b"x" * PAGE, 1)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    journal(tmp_path, "ended", 5)
    vacuum.make_room(str(tmp_path), 2 * PAGE, "")
    assert left(tmp_path) == {"quiet", "busy"}
    vacuum.make_room(str(tmp_path), PAGE, "")
    assert left(tmp_path) == {"busy"}
    writers[-1].close()
    assert not vacuum.is_written(str(tmp_path / "busy.journal.jsonl"))


def test_what_another_has_removed_makes_room_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        rotated(tmp_path, f"u{number}", 10 - number)
    remove = os.unlink

    def twice(path: str) -> None:
        remove(path)
        remove(path)

    monkeypatch.setattr(os, "unlink", twice)
    vacuum.make_room(str(tmp_path), 8 * PAGE, "")
    assert left(tmp_path) == {f"u{number}.1" for number in range(2, 10)}


def test_only_journals_are_looked_at(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"x" * PAGE)
    directory = tmp_path / "logs"
    directory.mkdir()
    (directory / "link.journal.jsonl.1").symlink_to(outside)
    (directory / "notes.txt").write_bytes(b"x" * PAGE)
    (directory / "sub.journal.jsonl").mkdir()
    vacuum.make_room(str(directory), 0, "")
    assert left(directory) == {"link.1", "notes.txt", "sub"} and outside.exists()
    vacuum.make_room(str(tmp_path / "missing"), 0, "")


@pytest.mark.parametrize("total", [0, 3_000_000])
def test_a_rotation_makes_room(tmp_path: Path, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacuum, "TOTAL_MAX", 3_000_000)  # the file system may be large
    for number in range(10):
        rotated(tmp_path, f"other{number}", number)
        with open(tmp_path / f"other{number}.journal.jsonl.1", "ab") as file:
            file.write(b"x" * 400_000)
    writer = Writer(str(tmp_path / "a.journal.jsonl"), total=total)
    for _ in range(10):
        writer.write_lines(b"y" * 99_999 + b"\n", 1)
    assert {"a", "a.1"} <= left(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3_000_000 + vacuum.FILE_MIN


def test_who_begins_a_file_makes_room_at_the_end(tmp_path: Path) -> None:
    rotated(tmp_path, "other", 1)
    path = str(tmp_path / "a.journal.jsonl")
    for content, gone in ((b"first\n", True), (b"second\n", False)):
        rotated(tmp_path, "other", 1)
        writer = Writer(path, total=PAGE)
        writer.write_lines(content, 1)
        assert "other.1" in left(tmp_path)
        writer.finish()
        assert ("other.1" not in left(tmp_path)) == gone
    assert Path(path).read_bytes() == b"first\nsecond\n"


def test_room_is_made_for_each_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.journal.jsonl"
    writer = Writer(str(path), total=32 * vacuum.FILE_MIN)
    made: list[int] = []
    monkeypatch.setattr(vacuum, "make_room", lambda *_: made.append(path.stat().st_size))
    line = b"y" * (vacuum.FILE_MIN // 4 - 1) + b"\n"
    for _ in range(20):
        writer.write_lines(line, 1)
    part = 4 * len(line)
    assert made == [part, 2 * part, 3 * part, 0]  # a file may have an eighth of the total
    assert path.stat().st_size == part and Path(f"{path}.1").stat().st_size == 4 * part


def test_a_manager_has_no_time_for_it(tmp_path: Path) -> None:
    rotated(tmp_path, "other", 1)
    writer = Writer(str(tmp_path / "manager.journal.jsonl"), total=PAGE, makes_room=False)
    for _ in range(3):
        writer.write_lines(b"y" * (vacuum.FILE_MIN - 1) + b"\n", 1)
    assert left(tmp_path) == {"other.1", "manager", "manager.1"}


def test_limits() -> None:
    assert vacuum.file_limit(1) == vacuum.FILE_MIN
    assert vacuum.file_limit(80_000_000) == 10_000_000
    assert vacuum.file_limit(1 << 40) == vacuum.FILE_MAX
