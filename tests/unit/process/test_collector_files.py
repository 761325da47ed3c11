"""The files that the collector writes what it has received to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from systemctl_replacement.process.collector.files import Files

UNITS = 150
OPEN_MAX = 64


def opened(directory: Path) -> int:
    """How many descriptors of this process are files of a directory."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{fd}").startswith(f"{directory}/")
        except FileNotFoundError:
            continue  # the one that the list was read with
    return found


def test_any_number_of_units_is_written_with_few_files_open(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    names = [f"u{number}.service" for number in range(UNITS)]
    for said in ("one by one", "again"):
        for name in names:
            files.add(name, f',"MESSAGE":"{said}"', False)
            files.flush()
            assert opened(tmp_path) <= OPEN_MAX
    for name in names:
        files.add(name, ',"MESSAGE":"at once"', False)
    files.flush()
    assert 0 < opened(tmp_path) <= OPEN_MAX
    files.close()
    assert opened(tmp_path) == 0
    for name in names:
        lines = (tmp_path / f"{name}.journal.jsonl").read_bytes().splitlines()
        records = [(record["__SEQNUM"], record["MESSAGE"]) for record in map(json.loads, lines)]
        assert records == [("1", "one by one"), ("2", "again"), ("3", "at once")]


def say(files: Files, unit: str, message: str) -> None:
    files.add(unit, f',"MESSAGE":"{message}"', False)
    files.flush()


@pytest.mark.parametrize("meanwhile", ["nothing", "rotation", "other units", "other limits"])
def test_what_was_lost_is_told_whatever_happened_since(tmp_path: Path, meanwhile: str) -> None:
    files = Files(str(tmp_path))
    path = tmp_path / "a.service.journal.jsonl"
    path.symlink_to("/dev/full")
    for _ in range(5):
        say(files, "a.service", "lost")
    path.unlink()
    if meanwhile == "rotation":
        files.rotate()
    elif meanwhile == "other limits":
        files.configure({"limits": {"max_use": 1 << 20}})
    elif meanwhile == "other units":
        for number in range(UNITS):
            say(files, f"u{number}.service", "x")
    say(files, "a.service", "kept")
    files.close()
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [record["MESSAGE"][:28] for record in records] == ["5 messages could not be writ", "kept"]
    assert [record["__SEQNUM"] for record in records] == ["6", "7"]


def test_a_rotation_concerns_each_file_once(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    for number in range(UNITS):
        say(files, f"u{number}.service", "before")
    files.rotate()
    for number in range(UNITS):
        say(files, f"u{number}.service", "after")
    files.close()
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 2 * UNITS and sum("@" in name for name in names) == UNITS
