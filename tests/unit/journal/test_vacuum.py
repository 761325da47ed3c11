"""What all journals together may take: the oldest go, and never what somebody else has put there."""

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


def test_the_oldest_of_the_rotated_go_first_then_the_oldest(tmp_path: Path) -> None:
    for name, age in (("old", 9), ("new", 1)):
        rotated(tmp_path, name, age)
        journal(tmp_path, f"{name}-in-use", age + 10)
    vacuum.make_room(str(tmp_path), 4 * PAGE, "")
    assert left(tmp_path) == {"old.1", "new.1", "old-in-use", "new-in-use"}
    vacuum.make_room(str(tmp_path), 3 * PAGE, "")
    assert left(tmp_path) == {"new.1", "old-in-use", "new-in-use"}
    vacuum.make_room(str(tmp_path), PAGE, "old-in-use.journal.jsonl")
    assert left(tmp_path) == {"old-in-use"}
    vacuum.make_room(str(tmp_path), 0, "old-in-use.journal.jsonl")
    assert left(tmp_path) == {"old-in-use"}


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
    assert writer.max_bytes == vacuum.FILE_MIN
    assert {"a", "a.1"} <= left(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3_000_000 + vacuum.FILE_MIN


def test_a_manager_has_no_time_for_it(tmp_path: Path) -> None:
    rotated(tmp_path, "other", 1)
    writer = Writer(str(tmp_path / "manager.journal.jsonl"), max_bytes=100, total=None)
    for _ in range(3):
        writer.write_lines(b"y" * 80 + b"\n", 1)
    assert left(tmp_path) == {"other.1", "manager", "manager.1"}


def test_limits() -> None:
    assert vacuum.file_limit(1) == vacuum.FILE_MIN
    assert vacuum.file_limit(80_000_000) == 10_000_000
    assert vacuum.file_limit(1 << 40) == vacuum.FILE_MAX
