"""The size of all journals together: the oldest are removed, and never what somebody else has put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement.journal import vacuum
from systemctl_replacement.journal.names import archive_name
from systemctl_replacement.journal.writer import Writer

PAGE = 4096
NONE = vacuum.Limits({})


def journal(directory: Path, name: str, age: int, pages: int = 1) -> None:
    path = directory / f"{name}.journal.jsonl"
    path.write_bytes(b"x" * PAGE * pages)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))


def left(directory: Path) -> set[str]:
    return {name.replace(".journal.jsonl", "") for name in os.listdir(directory)}


def archives(directory: Path, name: str) -> list[Path]:
    return sorted(directory.glob(f"{name}@*.journal.jsonl"))


def rotated(directory: Path, name: str, age: int) -> None:
    journal(directory, name, age)
    os.rename(directory / f"{name}.journal.jsonl", directory / f"{name}.journal.jsonl.1")


def test_the_oldest_go_first_rotated_or_not(tmp_path: Path) -> None:
    for name, age in (("oldest", 9), ("new", 1)):
        journal(tmp_path, name, age)
    for name, age in (("old", 5), ("newest", 0)):
        rotated(tmp_path, name, age)
    vacuum.make_room(str(tmp_path), NONE, 4 * PAGE, "")
    assert left(tmp_path) == {"oldest", "old.1", "new", "newest.1"}
    vacuum.make_room(str(tmp_path), NONE, 3 * PAGE, "")
    assert left(tmp_path) == {"old.1", "new", "newest.1"}
    vacuum.make_room(str(tmp_path), NONE, PAGE, "")
    assert left(tmp_path) == {"newest.1"}


def test_ones_own_file_stays(tmp_path: Path) -> None:
    rotated(tmp_path, "own", 9)
    journal(tmp_path, "own", 8)
    journal(tmp_path, "other", 0)
    vacuum.make_room(str(tmp_path), NONE, 0, "own.journal.jsonl")
    assert left(tmp_path) == {"own"}


def test_what_is_written_goes_last(tmp_path: Path) -> None:
    writers = []
    for name, age in (("quiet", 9), ("busy", 1)):
        path = tmp_path / f"{name}.journal.jsonl"
        writers.append(Writer(str(path)))
        writers[-1].write_lines(b"x" * PAGE, 1)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    journal(tmp_path, "ended", 5)
    vacuum.make_room(str(tmp_path), NONE, 2 * PAGE, "")
    assert left(tmp_path) == {"quiet", "busy"}
    vacuum.make_room(str(tmp_path), NONE, PAGE, "")
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
    vacuum.make_room(str(tmp_path), NONE, 8 * PAGE, "")
    assert left(tmp_path) == {f"u{number}.1" for number in range(2, 10)}


def test_only_journals_are_looked_at(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"x" * PAGE)
    directory = tmp_path / "logs"
    directory.mkdir()
    (directory / "link.journal.jsonl.1").symlink_to(outside)
    (directory / "notes.txt").write_bytes(b"x" * PAGE)
    (directory / "sub.journal.jsonl").mkdir()
    vacuum.make_room(str(directory), NONE, 0, "")
    assert left(directory) == {"link.1", "notes.txt", "sub"} and outside.exists()
    vacuum.make_room(str(tmp_path / "missing"), NONE, 0, "")


@pytest.mark.parametrize("total", [None, 3_000_000])
def test_a_rotation_makes_room(tmp_path: Path, total: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacuum, "TOTAL_MAX", 3_000_000)  # the file system may be large
    for number in range(10):
        rotated(tmp_path, f"other{number}", number)
        with open(tmp_path / f"other{number}.journal.jsonl.1", "ab") as file:
            file.write(b"x" * 400_000)
    writer = Writer(str(tmp_path / "a.journal.jsonl"), limits={"max_use": total})
    for _ in range(10):
        writer.write_lines(b"y" * 99_999 + b"\n", 1)
    assert "a" in left(tmp_path) and len(archives(tmp_path, "a")) >= 1
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3_000_000 + vacuum.FILE_MIN


def test_who_begins_a_file_makes_room_at_the_end(tmp_path: Path) -> None:
    rotated(tmp_path, "other", 1)
    path = str(tmp_path / "a.journal.jsonl")
    for content, gone in ((b"first\n", True), (b"second\n", False)):
        rotated(tmp_path, "other", 1)
        writer = Writer(path, limits={"max_use": PAGE})
        writer.write_lines(content, 1)
        assert "other.1" in left(tmp_path)
        writer.finish()
        assert ("other.1" not in left(tmp_path)) == gone
    assert Path(path).read_bytes() == b"first\nsecond\n"


def test_room_is_made_for_each_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.journal.jsonl"
    writer = Writer(str(path), limits={"max_use": 32 * vacuum.FILE_MIN})
    made: list[int] = []
    monkeypatch.setattr(vacuum, "make_room", lambda *_: made.append(path.stat().st_size))
    line = b"y" * (vacuum.FILE_MIN // 4 - 1) + b"\n"
    for _ in range(20):
        writer.write_lines(line, 1)
    part = 4 * len(line)
    assert made == [part, 2 * part, 3 * part, 0]  # a file may have an eighth of the total
    (archive,) = archives(tmp_path, "a")
    assert path.stat().st_size == part and archive.stat().st_size == 4 * part


def test_a_manager_has_no_time_for_it(tmp_path: Path) -> None:
    rotated(tmp_path, "other", 1)
    writer = Writer(str(tmp_path / "manager.journal.jsonl"), limits={"max_use": PAGE}, makes_room=False)
    for _ in range(9):
        writer.write_lines(b"y" * (vacuum.FILE_MIN - 1) + b"\n", 1)
    assert {"other.1", "manager"} <= left(tmp_path) and len(archives(tmp_path, "manager")) == 4


def test_limits() -> None:
    assert NONE.file(1) == vacuum.FILE_MIN
    assert NONE.file(80_000_000) == 10_000_000
    assert NONE.file(1 << 40) == vacuum.FILE_MAX
    assert vacuum.Limits({"max_file_size": 5}).file(1) == vacuum.FILE_MIN
    assert vacuum.Limits({"max_file_size": 9_000_000}).file(1) == 9_000_000
    assert vacuum.Limits({"max_file_size": 0}).file(1) > 1 << 50
    assert vacuum.Limits({"max_use": 0}).total(-1) > 1 << 50
    assert vacuum.Limits({"max_use": 7}).total(-1) == 7


def archived(directory: Path, name: str, number: int, age: int) -> str:
    archive = archive_name(f"{name}.journal.jsonl", number, 5)
    journal(directory, archive.replace(".journal.jsonl", ""), age)
    return archive.replace(".journal.jsonl", "")


def test_a_number_of_files(tmp_path: Path) -> None:
    oldest, old, new = (archived(tmp_path, "a", number, 9 - number) for number in (1, 2, 3))
    journal(tmp_path, "quiet", 100)
    vacuum.make_room(str(tmp_path), vacuum.Limits({"max_files": 3}), 1 << 30, "")
    assert left(tmp_path) == {"quiet", old, new}
    vacuum.make_room(str(tmp_path), vacuum.Limits({"max_files": 1}), 1 << 30, "")
    assert left(tmp_path) == {"quiet"}
    assert oldest < old < new


def test_files_that_are_too_old(tmp_path: Path) -> None:
    hour = 3600 * 1_000_000
    journal(tmp_path, "old", 100)
    (tmp_path / "own.journal.jsonl").write_bytes(b"x")
    os.utime(tmp_path / "own.journal.jsonl", (5, 5))
    (tmp_path / "new.journal.jsonl").write_bytes(b"x")
    vacuum.make_room(str(tmp_path), vacuum.Limits({"max_retention": hour}), 1 << 30, "own.journal.jsonl")
    assert left(tmp_path) == {"own", "new"}


def test_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, age in (("old", 3), ("new", 2)):
        journal(tmp_path, name, age)
    monkeypatch.setattr(vacuum, "_free", lambda _directory: 10 * PAGE)
    vacuum.make_room(str(tmp_path), vacuum.Limits({"keep_free": 10 * PAGE}), 1 << 30, "")
    assert left(tmp_path) == {"old", "new"}
    vacuum.make_room(str(tmp_path), vacuum.Limits({"keep_free": 11 * PAGE}), 1 << 30, "")
    assert left(tmp_path) == {"new"}


def test_what_the_collector_has_received_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received = tmp_path / "received"
    received.mkdir()
    journal(tmp_path, "old", 9)
    for name, age in (("a", 8), ("b", 1)):
        journal(received, name, age)
    vacuum.make_room(str(received), NONE, 2 * PAGE, "")
    assert left(tmp_path) == {"received"} and left(received) == {"a", "b"}
    vacuum.make_room(str(tmp_path), NONE, PAGE, "")
    assert left(received) == {"b"}
    monkeypatch.setattr(os, "access", lambda *_: False)  # the collector is a user of its own
    journal(tmp_path, "old", 9)
    journal(received, "a", 8)
    vacuum.make_room(str(received), NONE, 4 * PAGE, "")
    assert left(tmp_path) == {"received", "old"} and left(received) == {"a", "b"}
    vacuum.make_room(str(received), NONE, 3 * PAGE, "")
    assert left(tmp_path) == {"received", "old"} and left(received) == {"b"}
