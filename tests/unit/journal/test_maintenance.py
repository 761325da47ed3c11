"""What journalctl does to files and says about them: --vacuum-…, --verify, --header."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement.journal import examine
from systemctl_replacement.journal.archives import vacuum
from systemctl_replacement.journal.names import archive_name
from systemctl_replacement.journal.query import Journal
from systemctl_replacement.journal.writer import Writer

PAGE = 4096


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """A live file and three archives of a page each, one of them received, which begin at 100, 200 and 300 usec."""
    (tmp_path / "received").mkdir()
    (tmp_path / "a.service.journal.jsonl").write_bytes(b"x" * PAGE)
    for number, name in enumerate(("a.service", "received/a.service", "b.service"), 1):
        (tmp_path / archive_name(f"{name}.journal.jsonl", 10 - number, 100 * number)).write_bytes(b"x" * PAGE)
    return tmp_path


def begins(directory: Path) -> list[int]:
    return sorted(int(path.name[-29:-14], 16) for path in directory.rglob("*@*"))


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({}, [100, 200, 300]),
        ({"size": 2 * PAGE}, [200, 300]),
        ({"size": 3 * PAGE}, [100, 200, 300]),
        ({"size": 1}, []),
        ({"files": 3}, [200, 300]),
        ({"files": 1}, []),
        ({"oldest": 200}, [200, 300]),
        ({"oldest": 201, "files": 4}, [300]),
    ],
)
def test_archives_are_removed(four: Path, limits: dict[str, int], left: list[int]) -> None:
    removed = list(vacuum(str(four), **limits))
    assert begins(four) == left and len(removed) == 3 - len(left)
    assert all(taken == PAGE and problem is None for _, taken, problem in removed)
    assert (four / "a.service.journal.jsonl").exists()


def test_what_cannot_be_removed_is_told(four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", denied)
    assert [str(problem) for _, _, problem in vacuum(str(four), size=1)] and begins(four) == [100, 200, 300]


def test_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.service.journal.jsonl"
    writer = Writer(str(path))
    for number in range(3):
        writer.write({"_BOOT_ID": "b" * 32, "MESSAGE": str(number)}, (1000 + number, number))
    (found,) = examine.headers(Journal([str(tmp_path)]))
    assert (found.path, found.state, found.entries) == (str(path), examine.ONLINE, 3)
    assert (found.first, found.last) == ((1, 1000, 0, b"b" * 32), (3, 1002, 2, b"b" * 32))
    assert found.size == path.stat().st_size and len(found.sequence) == 32
    writer.rotate()
    path.touch()
    states = [(each.state, each.entries) for each in examine.headers(Journal([str(tmp_path)]))]
    assert states == [(examine.ARCHIVED, 3), (examine.OFFLINE, 0)]


def line(number: int, monotonic: int, boot: str = "a") -> str:
    return (
        f'{{"__SEQNUM":"{number}","__REALTIME_TIMESTAMP":"5","__MONOTONIC_TIMESTAMP":"{monotonic}",'
        f'"_BOOT_ID":"{boot * 32}"}}\n'
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (line(1, 1) + line(2, 1) + line(3, 7), ""),
        (line(1, 9) + line(2, 1, "b"), ""),
        (line(1, 1) + line(2, 2)[:50] + "\n" + line(3, 3), "no record"),
        (line(1, 5) + line(2, 4), "monotonic time goes back from 5 to 4"),
        (line(1, 5) + line(2, 1, "b") + line(3, 6), "goes on after another one"),
        (line(1, 1) + line(4, 2), "2 records before number 4 were lost"),
        (line(2, 1) + line(2, 2), "number 2 follows number 2"),
        (line(1, 1) + "x" * 9_000_000 + "\n", "too long"),
    ],
)
def test_verification(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a.service.journal.jsonl").write_text(text)
    ((_, problems),) = examine.verify(Journal([str(tmp_path)]))
    assert [problem in each.text for each in problems[:1]] == ([True] if problem else [])
    assert all(0 < each.offset < len(text) for each in problems)


def test_what_is_all_wrong_is_told_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "a.service.journal.jsonl").write_text("x\n" * 5000)
    ((_, problems),) = examine.verify(Journal([str(tmp_path)]))
    assert len(problems) == 100
