"""Following journals: every line once, whatever becomes of the files."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from systemctl_replacement.journal.expression import Is
from systemctl_replacement.journal.query import Journal, Query
from systemctl_replacement.journal.writer import Writer

EVERYTHING = Query()


class Reading:
    """A follower, and the messages that it has had."""

    def __init__(self, directory: Path, query: Query = EVERYTHING, files: list[str] | None = None) -> None:
        journal = Journal([] if files else [str(directory)], files or [])
        self.found = [str(entry.fields["MESSAGE"]) for entry in journal.entries(query)]
        self.follower = journal.follow(query)

    def read(self) -> list[str]:
        new = [str(entry.fields["MESSAGE"]) for entry in self.follower.entries()]
        self.found += new
        return new

    def wait_for(self, last: str) -> None:
        while last not in self.read():
            assert select.select([self.follower.fd], [], [], 30)[0]


def test_numbers_of_one_directory_are_not_those_of_another(tmp_path: Path) -> None:
    kept, volatile = writer(tmp_path / "kept"), writer(tmp_path / "volatile")
    for message in "0", "1":
        kept.write({"MESSAGE": message})
        kept.rotate()
    journal = Journal([str(tmp_path / "kept"), str(tmp_path / "volatile")])
    reading = Reading(tmp_path)
    reading.follower = journal.follow(EVERYTHING)
    volatile.write({"MESSAGE": "2"})
    assert reading.read() == ["2"]
    kept.write({"MESSAGE": "3"})
    assert reading.read() == ["3"]
    reading.follower.close()


def writer(directory: Path, unit: str = "a.service") -> Writer:
    return Writer(f"{directory}/{unit}.journal.jsonl")


def test_what_is_new_is_told_once(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.write({"MESSAGE": "0"})
    reading = Reading(tmp_path)
    assert reading.found == ["0"]
    first.write({"MESSAGE": "1"})  # before anything is watched
    assert reading.read() == ["1"] and reading.read() == []
    first.write({"MESSAGE": "2"})
    writer(tmp_path, "b.service").write({"MESSAGE": "3"})  # a new file
    assert reading.read() == ["2", "3"]
    reading.follower.close()


def test_nothing_wakes_who_has_read_everything(tmp_path: Path) -> None:
    reading = Reading(tmp_path / "logs" / "deep")
    assert reading.read() == []
    assert not select.select([reading.follower.fd], [], [], 0)[0]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "deep").mkdir()
    writer(tmp_path / "logs" / "deep").write({"MESSAGE": "1"})
    assert select.select([reading.follower.fd], [], [], 0)[0]
    while reading.read() == []:
        assert select.select([reading.follower.fd], [], [], 30)[0]
    writer(tmp_path / "logs" / "deep" / "received").write({"MESSAGE": "2"})
    assert reading.read() == ["2"]
    for _ in range(3):  # what is not watched any more is told once
        reading.read()
    assert not select.select([reading.follower.fd], [], [], 0)[0]
    (tmp_path / "other").touch()
    assert not select.select([reading.follower.fd], [], [], 0)[0]
    reading.follower.close()


@pytest.mark.parametrize("between", [1, 3])
def test_rotations(tmp_path: Path, between: int) -> None:
    first = writer(tmp_path)
    first.write({"MESSAGE": "0"})
    reading = Reading(tmp_path)
    for number in range(1, 10):
        first.write({"MESSAGE": str(number)})
        first.rotate()
        if number % between == 0:
            reading.read()
    first.write({"MESSAGE": "10"})
    reading.read()
    assert reading.found == [str(number) for number in range(11)]
    reading.follower.close()


def test_a_line_counts_when_it_has_ended(tmp_path: Path) -> None:
    reading = Reading(tmp_path)
    record = b'{"__SEQNUM":"1","__REALTIME_TIMESTAMP":"1","__MONOTONIC_TIMESTAMP":"1","MESSAGE":"1"}\n'
    with open(tmp_path / "a.journal.jsonl", "wb", buffering=0) as file:
        file.write(record + record[:40])
        assert reading.read() == ["1"]
        file.write(record[40:-1])
        assert reading.read() == []
        file.write(record[-1:])
        assert reading.read() == ["1"]
        file.truncate(0)
        file.seek(0)
        reading.read()
        file.write(record)
        assert reading.read() == ["1"]
    reading.follower.close()


def test_only_what_is_wanted(tmp_path: Path) -> None:
    query = Query(Is("_SYSTEMD_UNIT", b"a.service"), boots=("1" * 32,))
    reading = Reading(tmp_path, query)
    for unit in ("a.service", "b.service"):
        for boot in ("1" * 32, "2" * 32):
            writer(tmp_path, unit).write({"_SYSTEMD_UNIT": unit, "_BOOT_ID": boot, "MESSAGE": unit + boot[0]})
    assert reading.read() == ["a.service1"]
    reading.follower.close()


def test_given_files(tmp_path: Path) -> None:
    path = tmp_path / "some.log"
    record = b'{"__SEQNUM":"1","__REALTIME_TIMESTAMP":"1","__MONOTONIC_TIMESTAMP":"1","MESSAGE":"1"}\n'
    path.write_bytes(record)
    reading = Reading(tmp_path, files=[str(path)])
    writer(tmp_path).write({"MESSAGE": "no"})
    with open(path, "ab") as file:
        file.write(record.replace(b"1", b"2"))
    reading.read()
    assert reading.found == ["1", "2"]
    reading.follower.close()


WRITES = """
import sys
sys.path.insert(0, sys.argv[1])
from systemctl_replacement.journal import vacuum
from systemctl_replacement.journal.writer import Writer
vacuum.FILE_MIN = vacuum.FILE_MAX = 20_000
writer = Writer(sys.argv[2], {"max_use": 0, "max_file_size": 20_000})
for number in range(int(sys.argv[3])):
    writer.write({"MESSAGE": str(number)})
"""


def test_a_file_that_is_removed_to_make_room(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.write({"MESSAGE": "0"})
    reading = Reading(tmp_path)
    first.write({"MESSAGE": "1"})
    os.unlink(first.path)
    first.write({"MESSAGE": "2"})
    assert reading.read() == ["1", "2"]
    os.unlink(first.path)
    assert reading.read() == []
    first.write({"MESSAGE": "3"})
    assert reading.read() == ["3"]
    reading.follower.close()


def test_a_busy_writer(tmp_path: Path) -> None:
    count = 20_000
    reading = Reading(tmp_path)
    reading.read()
    before = len(os.listdir("/proc/self/fd"))
    path = str(tmp_path / "a.service.journal.jsonl")
    top = str(Path(__file__).parents[3])
    with subprocess.Popen([sys.executable, "-ISc", WRITES, top, path, str(count)]) as process:
        reading.wait_for(str(count - 1))
    assert process.returncode == 0
    assert reading.found == [str(number) for number in range(count)]
    assert len(os.listdir("/proc/self/fd")) < before + 50  # nothing is left open for each rotation
    reading.follower.close()


def test_a_rotation_while_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = writer(tmp_path)
    first.write({"MESSAGE": "0"})
    reading = Reading(tmp_path)
    reading.read()
    first.rotate()
    first.write({"MESSAGE": "1"})
    listed = os.listdir

    def rotates(path: str) -> list[str]:
        monkeypatch.undo()
        first.rotate()
        first.write({"MESSAGE": "2"})
        first.rotate()
        first.write({"MESSAGE": "3"})
        return listed(path)

    monkeypatch.setattr(os, "listdir", rotates)
    reading.read()
    reading.read()
    assert reading.found == ["0", "1", "2", "3"]
    reading.follower.close()
