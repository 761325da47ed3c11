"""journalctl --follow as a process: what comes is shown, once, and it ends when nobody reads it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.cli.journalctl.program import NEXT_BOOT, Log, start

TIMEOUT = 20


@contextmanager
def following(directory: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = start(directory, "-f", "-o", "cat", *words)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_new_lines_are_shown_over_rotations(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("before")
    with following(tmp_path) as process:
        assert line(process) == "before"
        for number in range(20):
            log.say(f"line {number}")
            if number % 7 == 3:
                log.writer.rotate()
            assert line(process) == f"line {number}"


def test_lines_before_and_units_that_come_later(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for number in range(20):
        log.say(f"{number}")
    with following(tmp_path, "-n", "1", "-u", "b", "-u", "a") as process:
        assert line(process) == "19"
        Log(tmp_path, "b.service").say("another unit")
        assert line(process) == "another unit"
        Log(tmp_path, "c.service").say("a unit that nobody asks for")
        log.say("the end")
        assert line(process) == "the end"


def test_a_boot_that_begins_meanwhile(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("of the first boot")
    process = start(tmp_path, "-f", "-o", "short")
    try:
        assert line(process).endswith("of the first boot")
        log.say("of the next", NEXT_BOOT)
        assert line(process) == f"-- Boot {NEXT_BOOT} --"
        assert line(process).endswith("of the next")
    finally:
        process.kill()
        process.communicate()


def test_before_anything_is_logged(tmp_path: Path) -> None:
    with following(tmp_path, "-q") as process:
        # It looks at the directory before it waits, whenever that is.
        Log(tmp_path).say("at last")
        assert line(process) == "at last"


def test_it_ends_when_its_reader_has_gone(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("x")
    with following(tmp_path) as process:
        assert line(process) == "x" and process.stdout is not None
        process.stdout.close()
        assert process.wait(TIMEOUT) == 0
        process.stdout = None


def test_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("x")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # `make test &` has it ignored
    try:
        with following(tmp_path) as process:
            assert line(process) == "x"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=TIMEOUT)
            assert (process.returncode, errors) == (-signal.SIGINT, "")
    finally:
        signal.signal(signal.SIGINT, before)


def test_who_has_an_interrupt_ignored_goes_on(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("x")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for `journalctl -f &`
    try:
        with following(tmp_path) as process:
            assert line(process) == "x"
            process.send_signal(signal.SIGINT)
            log.say("y")
            assert line(process) == "y"
    finally:
        signal.signal(signal.SIGINT, before)
