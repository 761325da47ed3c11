"""journalctl's commands about files, whose answers differ from those for journald's files."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.cli.journalctl.program import Log, run, run_in_root


def archives(directory: Path) -> int:
    return sum("@" in name for name in os.listdir(directory))


def rotated(directory: Path, times: int) -> None:
    log = Log(directory)
    for number in range(times):
        log.say(f"{number}")
        log.writer.rotate()
    log.say("last")
    log.writer.finish()


def test_removal_of_archives(tmp_path: Path) -> None:
    rotated(tmp_path, 4)
    done = run(tmp_path, "--vacuum-files=3")
    assert (done.returncode, done.stdout, archives(tmp_path)) == (0, "", 2)
    *deleted, last = done.stderr.splitlines()
    assert all(line.startswith(f"Deleted archived journal {tmp_path}/a.service@") for line in deleted)
    assert len(deleted) == 2 and all(line.endswith(" (4.0K).") for line in deleted)
    assert last == f"Vacuuming done, freed 8.0K of archived journals from {tmp_path}."
    assert run(tmp_path, "-q", "--vacuum-size=4K").stderr == "" and archives(tmp_path) == 1
    assert run(tmp_path, "--vacuum-size=0").stderr == "" and archives(tmp_path) == 1
    run(tmp_path, "--vacuum-time=1us")
    assert archives(tmp_path) == 0
    assert run(tmp_path, "-q", "-o", "cat").stdout == "last\n"


def test_state(tmp_path: Path) -> None:
    rotated(tmp_path, 1)
    first, second = run(tmp_path, "--header").stdout.split("\n\n")
    assert "State: ARCHIVED\nHead sequential number: 1 (1)\nTail sequential number: 1 (1)\n" in first
    assert f"File path: {tmp_path}/a.service.journal.jsonl\n" in second
    assert "State: OFFLINE\nHead sequential number: 2 (2)\n" in second
    assert second.endswith("Entry objects: 1\nDisk usage: 4.0K\n")


def test_verification(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("one")
    path = tmp_path / "a.service.journal.jsonl"
    done = run(tmp_path, "--verify")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"PASS: {path}\n")
    where = path.stat().st_size
    with path.open("a") as file:
        file.write("torn\n")
    done = run(tmp_path, "--verify")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{where:x}: no record") and done.stderr.endswith(f"FAIL: {path}\n")


def test_without_a_manager(tmp_path: Path) -> None:
    for word in ("--rotate", "--sync", "--flush", "--relinquish-var"):
        done = run_in_root(tmp_path, word)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith("Failed to connect to ")
        assert done.stderr.endswith("systemctl-replacement.socket: No such file or directory\n")


def test_what_there_is_not(tmp_path: Path) -> None:
    assert run(tmp_path, "--setup-keys").stderr == "Journals are not sealed here: there are no keys to make.\n"
    assert run(tmp_path, "--update-catalog").returncode == 0
