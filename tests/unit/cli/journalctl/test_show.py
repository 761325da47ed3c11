"""journalctl as a process: what systemd 252 cannot be asked, and output of any size."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

from tests.unit.cli.journalctl.program import NEXT_BOOT, Log, command, run, run_anywhere

BINARY = b"LPKSHHRH" + bytes(264)


def messages(directory: Path, *words: str) -> list[str]:
    return run(directory, "-q", "-o", "cat", *words).stdout.splitlines()


def test_lines_of_a_time(tmp_path: Path) -> None:
    """As in systemd 254: the last lines of the time that is asked for, and with + the first ones."""
    log = Log(tmp_path)
    for number in range(10):
        log.writer.write({"_BOOT_ID": NEXT_BOOT, "MESSAGE": str(number)}, ((1000 + number) * 1_000_000, number))
    assert messages(tmp_path, "-n", "2", "-S", "@1003") == ["8", "9"]
    assert messages(tmp_path, "-n", "2", "-U", "@1003") == ["2", "3"]
    assert messages(tmp_path, "-n", "2", "-S", "@1003", "-U", "@1005") == ["4", "5"]
    assert messages(tmp_path, "-n", "+2", "-S", "@1003") == ["3", "4"]
    assert messages(tmp_path, "-n", "+2") == ["0", "1"]
    assert messages(tmp_path, "-n", "+2", "-g", "[5-9]") == ["5", "6"]


def test_identifiers_that_are_left_out(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for name in ("a", "b", "a", "c"):
        log.writer.write({"_BOOT_ID": NEXT_BOOT, "SYSLOG_IDENTIFIER": name, "MESSAGE": name})
    assert messages(tmp_path, "-T", "a") == ["b", "c"]
    assert messages(tmp_path, "--exclude-identifier=c", "-T", "b", "-n", "1") == ["a"]


def test_a_great_many_of_the_last_lines_take_no_memory(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for number in range(30_000):
        log.say(f"{number} {'x' * 200}")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))

    words = ["-D", str(tmp_path), "-q", "-o", "cat"]
    for count in ("20000", "all"):
        done = subprocess.run(command(*words, "-n", count), capture_output=True, preexec_fn=limit, check=True)
        lines = done.stdout.splitlines()
        assert len(lines) == (30_000 if count == "all" else int(count))
        assert lines[-1].startswith(b"29999 ")


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for number in range(5_000):
        log.say(f"{number} {'x' * 100}")
    with subprocess.Popen(command("-D", str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", -13)


def test_files_of_journald_are_refused(tmp_path: Path) -> None:
    (tmp_path / "system.journal").write_bytes(BINARY)
    done = run(tmp_path)
    text = "it has the binary format of systemd-journald, which is not read here."
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Failed to open {tmp_path}/system.journal: {text}\n"
    # Beside files of ours they are left alone.
    Log(tmp_path).say("x")
    assert messages(tmp_path) == ["x"]


def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    for name in ("a.service.journal.jsonl", "a.journal"):
        os.mkfifo(tmp_path / name)
    assert run(tmp_path).stderr == "No journal files were found.\n"
    for name in ("a.service.journal.jsonl", "a.journal", "missing"):
        done = run_anywhere(f"--file={tmp_path}/{name}")
        assert done.returncode == 1 and done.stderr.startswith("Failed to open files: ")


def test_kernel_log(tmp_path: Path) -> None:
    Log(tmp_path).say("x")
    done = run(tmp_path, "-k")
    assert (done.returncode, done.stdout) == (0, "-- No entries --\n")
    assert done.stderr == "The kernel's log is the machine's: none of it is kept here.\n"
