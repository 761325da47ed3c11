from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from systemctl_replacement.cli.journalctl.output.make import make
from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from systemctl_replacement.journal import chain, entry, file, lines, tail, unit_log
from systemctl_replacement.journal.names import archive_name, file_name
from systemctl_replacement.paths import Paths


def line(usec: int, message: str = "", **fields: str) -> str:
    """A record of a.service, or of the manager if it has UNIT=."""
    stamps = {"__REALTIME_TIMESTAMP": str(usec), "__MONOTONIC_TIMESTAMP": str(usec)}
    unit = "init.scope" if "UNIT" in fields else "a.service"
    record = {**stamps, "_SYSTEMD_UNIT": unit, "MESSAGE": message or f"m{usec}", **fields}
    return json.dumps(record, separators=(",", ":")) + "\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "var/log/systemctl-replacement"
    made.mkdir(parents=True)
    return made


def last(root: Path, count: int, since: int = 0) -> list[str]:
    return [
        str(found.fields["MESSAGE"]) for found in unit_log.last_of_unit(Paths(str(root)), "a.service", count, since)
    ]


def test_merges_the_managers_lines(tmp_path: Path, directory: Path) -> None:
    (directory / "a.service.journal.jsonl").write_text(line(1) + line(3))
    others = line(4, UNIT="b.service") + line(5, _SYSTEMD_UNIT="init.scope")
    (directory / "manager.journal.jsonl").write_text(line(2, UNIT="a.service") + others)
    assert last(tmp_path, 10) == ["m1", "m2", "m3"]
    assert last(tmp_path, 2) == ["m2", "m3"]
    assert last(tmp_path, 10, since=2) == ["m2", "m3"]
    assert last(tmp_path, 0) == []


def test_goes_on_in_the_rotated_file(tmp_path: Path, directory: Path) -> None:
    (directory / "a.service.journal.jsonl").write_text(line(3))
    (directory / "a.service.journal.jsonl.1").write_text(line(1) + line(2))
    assert last(tmp_path, 2) == ["m2", "m3"]


def test_skips_what_is_no_record(tmp_path: Path, directory: Path) -> None:
    text = line(1) + "garbage\n\n[1]\n" + line(2) + line(3)[:20]
    (directory / "a.service.journal.jsonl").write_text(text)
    assert last(tmp_path, 10) == ["m1", "m2"]


def test_lines_of_one_moment_keep_their_order(tmp_path: Path, directory: Path) -> None:
    (directory / "a.service.journal.jsonl").write_text("".join(line(7, text) for text in "abc"))
    (directory / "a.service.journal.jsonl.1").write_text("".join(line(7, text) for text in "xyz"))
    assert last(tmp_path, 10) == [*"xyzabc"]
    assert last(tmp_path, 4) == [*"zabc"]


def test_a_rotation_while_it_looks(tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = directory / "a.service.journal.jsonl"
    live.write_text("".join(line(7, f"m{number}", __SEQNUM=str(number)) for number in (9, 10)))
    opened = file.JournalFile

    def rotates(path: str) -> file.JournalFile:
        found = opened(path)
        if path == str(live) and live.exists():
            live.rename(directory / archive_name(live.name, 9, 7))
        return found

    monkeypatch.setattr(chain, "JournalFile", rotates)
    assert last(tmp_path, 10) == ["m9", "m10"]


def test_only_the_latest_boot(tmp_path: Path, directory: Path) -> None:
    (directory / "a.service.journal.jsonl").write_text(line(1, _BOOT_ID="1" * 32) + line(4, _BOOT_ID="2" * 32))
    says = {"UNIT": "a.service"}
    (directory / "manager.journal.jsonl").write_text(
        line(2, _BOOT_ID="1" * 32, **says) + line(3, _BOOT_ID="2" * 32, **says) + line(9, UNIT="b", _BOOT_ID="2" * 32)
    )
    assert last(tmp_path, 10) == ["m3", "m4"]


def test_a_name_that_is_too_long_for_a_file(tmp_path: Path, directory: Path) -> None:
    unit, other = f"{'x' * 240}a.service", f"{'x' * 240}b.service"
    names = [file_name(unit), file_name(other)]
    assert len(set(names)) == 2 and all(len(name) + len(".1") <= 255 for name in names)
    (directory / file_name(unit)).write_text(line(1, _SYSTEMD_UNIT=unit) + line(2, _SYSTEMD_UNIT=other))
    found = unit_log.last_of_unit(Paths(str(tmp_path)), unit, 10)
    assert [each.fields["MESSAGE"] for each in found] == ["m1"]
    assert file_name("x" * 199 + ".service") == "x" * 199 + ".service.journal.jsonl"
    assert len(archive_name(file_name(unit), 2**64 - 1, 2**64 - 1)) <= 255


def test_without_any_file(tmp_path: Path) -> None:
    assert last(tmp_path, 10) == []


def test_reads_only_the_end(tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = directory / "a.service.journal.jsonl"
    path.write_text("".join(line(usec, PADDING="x" * 1000) for usec in range(1, 3000)))
    read = 0
    pread = os.pread

    def counted(descriptor: int, size: int, position: int) -> bytes:
        nonlocal read
        read += size
        return pread(descriptor, size, position)

    monkeypatch.setattr(os, "pread", counted)
    assert last(tmp_path, 3) == ["m2997", "m2998", "m2999"]
    assert read <= 2 * 64 * 1024


@pytest.mark.parametrize("block", [1, 7, 64])
def test_any_block_size(tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(lines, "_FIRST", block)
    (directory / "a.service.journal.jsonl").write_text(line(1) + line(2) + line(3))
    assert last(tmp_path, 10) == ["m1", "m2", "m3"]


def test_text_that_is_no_utf8() -> None:
    assert entry.text_of({"MESSAGE": [104, 105, 255]}) == "hi\ufffd"


@pytest.mark.parametrize("name", ["a.service.journal.jsonl", "a.service.journal.jsonl.1", "manager.journal.jsonl"])
@pytest.mark.parametrize("kind", ["fifo", "directory", "link", "holes", "no lines"])
def test_what_is_no_journal_is_passed_over(tmp_path: Path, directory: Path, name: str, kind: str) -> None:
    (directory / "a.service.journal.jsonl").write_text(line(1))
    path = directory / name
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "secret").write_text(line(2) + line(3, UNIT="a.service"))
        path.symlink_to(tmp_path / "secret")
    elif kind == "holes":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.write_bytes(b"x" * 20_000_000)
    assert last(tmp_path, 10) == ([] if name == "a.service.journal.jsonl" else ["m1"])


def test_a_file_without_end_is_not_read_to_its_beginning(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "SIZE_MAX", 200_000)
    path = directory / "a.service.journal.jsonl"
    path.write_text("".join(line(usec) for usec in range(1, 10_000)))
    found = last(tmp_path, 10_000)
    assert 0 < len(found) < 5000 and found[-1] == "m9999"
    assert len(list(tail.records_backwards(str(path), 2000))) < 30


@pytest.mark.parametrize("mode", ["short", "short-full", "json", "json-pretty", "export", "verbose", "cat"])
def test_a_hostile_record(tmp_path: Path, directory: Path, mode: str) -> None:
    good = line(7, "good")
    head = good[: good.index('"MESSAGE"')]
    bad = [
        head + '"MESSAGE":"\\ud800","SYSLOG_IDENTIFIER":"\\udfff","\\ud800":"x"}\n',
        head + '"MESSAGE":["\\ud800"],"_PID":{"\\ud800":1},"_HOSTNAME":null}\n',
        head + '"A":' + "[" * 100_000 + "\n",
        head.replace('"7"', f'"{"9" * 5000}"') + '"MESSAGE":""}\n',
        head.replace('"7"', '"9999999999999999999"') + '"MESSAGE":[300,-1]}\n',
    ]
    (directory / "a.service.journal.jsonl").write_text("".join(bad) + good)
    output = make(OutputSettings(mode))
    shown = [output.format(found) for found in unit_log.last_of_unit(Paths(str(tmp_path)), "a.service", 10)]
    assert b"good" in b"".join(shown)


def test_whether_lines_were_removed(tmp_path: Path, directory: Path) -> None:
    boot = "b" * 32

    def numbered(number: int, usec: int, boot_id: str = boot) -> str:
        return line(usec, _BOOT_ID=boot_id).replace("{", f'{{"__SEQNUM":"{number}",', 1)

    def lost(since: int) -> bool:
        return unit_log.has_lost_lines(Paths(str(tmp_path)), "a.service", since)

    manager = directory / "manager.journal.jsonl"
    manager.write_text(numbered(99, 4).replace("a.service", "init.scope"))
    assert lost(3) and not lost(4)
    manager.write_text(numbered(1, 4).replace("a.service", "init.scope"))
    assert not lost(3)
    path = directory / "a.service.journal.jsonl"
    path.write_text(numbered(1, 5) + numbered(2, 6))
    assert not lost(3)
    path.write_text(numbered(2, 6) + numbered(3, 7))
    assert lost(3) and lost(5)
    assert not lost(6)
    path.write_text(numbered(2, 9, "c" * 32) + numbered(3, 7))
    assert not lost(3)


def test_whether_somebody_may_read(tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not unit_log.is_access_blocked(Paths(str(tmp_path)), "a.service")
    path = directory / "manager.journal.jsonl"
    path.touch()
    assert not unit_log.is_access_blocked(Paths(str(tmp_path)), "a.service")

    def denied(name: str, flags: int) -> int:
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(unit_log, "open_file", denied)
    assert unit_log.is_access_blocked(Paths(str(tmp_path)), "a.service")
