"""Which processes a stop has signalled: every process once, and none twice."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from systemctl_replacement.process.told import REMINDER, STOP, Told


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("purposes", "answers"),
    [
        ((STOP, STOP), (True, True)),  # systemd's own: final-sigterm after stop-sigterm
        ((REMINDER, REMINDER), (True, False)),
        ((STOP, REMINDER), (True, False)),
        ((REMINDER, STOP, STOP), (True, False, True)),
        (("", REMINDER, ""), (True, True, True)),
    ],
)
@pytest.mark.parametrize("handed_on", [False, True])
def test_who_is_due(
    child: subprocess.Popen[bytes], purposes: tuple[str, ...], answers: tuple[bool, ...], handed_on: bool
) -> None:
    told = Told()
    for purpose, answer in zip(purposes, answers):
        assert told.filter(purpose, 15)(child.pid) == answer
        if handed_on:
            told = Told(told.entries)


def test_another_signal_is_another_word(child: subprocess.Popen[bytes]) -> None:
    told = Told()
    assert told.filter(STOP, 3)(child.pid)
    assert told.filter(REMINDER, 15)(child.pid)


def test_the_ended_are_forgotten(child: subprocess.Popen[bytes]) -> None:
    told = Told()
    assert told.filter(REMINDER, 15)(child.pid)
    child.kill()
    child.wait()
    told.filter(STOP, 15)
    assert not told.entries


def test_what_a_command_that_goes_on_has_started_is_not_reminded() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        below = int(command.stdout.readline())
        try:
            told = Told()
            assert not told.filter(REMINDER, 15, (command.pid,))(below)
            assert told.filter(REMINDER, 15)(below)
        finally:
            subprocess.run(["/bin/kill", str(below)], check=True)
