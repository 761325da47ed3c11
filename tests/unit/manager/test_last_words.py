"""How much of the log is read for the termination message: the end of the halt waits for it, and others decide how much
there is."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.journal.names import MANAGER_FILE, file_name
from systemctl_replacement.journal.record import encode
from systemctl_replacement.manager.halt import last_words
from systemctl_replacement.manager.halt.last_words import LastWords

BOOT = "b" * 32


def record(text: str, **fields: str) -> bytes:
    return encode({"MESSAGE": text, "_BOOT_ID": BOOT, "PRIORITY": "6", **fields})


def failed_unit(number: int) -> Any:
    kind = SimpleNamespace(result=lambda _state: "exit-code", ended_with=lambda _state: 1)
    stamps = {"InactiveEnter": (number, number)}
    return SimpleNamespace(id=f"u{number}.service", active_state="failed", kind=kind, state=None, stamps=stamps)


def message(directory: Path, units: int, gone_by: int = 0) -> list[str]:
    """What is written after these logs, in lines."""
    place = directory / "termination-log"
    place.touch()
    core: Any = SimpleNamespace(registry=[failed_unit(number) for number in range(units)])
    halt: Any = SimpleNamespace(known={}, gone_by=gone_by)
    LastWords(core, halt, str(place), lambda: str(directory), BOOT).say(1)
    return place.read_text().splitlines()


def test_long_logs_are_read_from_their_end_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    pread = os.pread

    def counting(fd: int, size: int, offset: int) -> bytes:
        data = pread(fd, size, offset)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counting)
    log = record("\x01" * 8_000) * 40 + record("\x01" * 49_000) + record("the end") * 2
    for number in range(30):
        (tmp_path / file_name(f"u{number}.service")).write_bytes(log)
    (tmp_path / MANAGER_FILE).write_bytes(record("Beware!", PRIORITY="4") + record("quiet") * 20_000)
    # That there is time is not to depend on the machine.
    monkeypatch.setattr(last_words, "now_monotonic", lambda: 1)
    lines = message(tmp_path, 30)
    assert lines.count("  the end") == 2 * 20
    assert sum(read) < 2 * 21 * 128 * 1024  # a line that is longer than a block is read again as a whole


def test_nothing_is_read_when_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        (tmp_path / file_name(f"u{number}.service")).write_bytes(record("a line") * 5)
    clock = iter(range(1_000_000, 10_000_000, 30_000))  # each look at it, and with that each record, takes 30 ms
    monkeypatch.setattr(last_words, "now_monotonic", lambda: next(clock))
    lines = message(tmp_path, 10)
    assert 1 <= lines.count("  a line") <= 4
    assert sum("Failed with result" in line for line in lines) == 10


def test_the_message_is_written_without_log_lines_when_the_manager_should_be_gone(tmp_path: Path) -> None:
    (tmp_path / file_name("u0.service")).write_bytes(record("a line"))
    head = "u0.service: Failed with result 'exit-code', exit status 1."
    assert message(tmp_path, 1, gone_by=1) == ["Exit status 1.", head]
