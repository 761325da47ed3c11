"""Notifications: what a datagram says, and who may send one."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.process import notify


def test_assignments() -> None:
    assert notify.parse(b"READY=1\nSTATUS=a=b\nnonsense\n=x\nREADY=2\nX=\xff\0") == {
        "READY": "1",
        "STATUS": "a=b",
        "X": "\udcff",
    }


@given(st.binary())
def test_nothing_a_service_sends_raises(data: bytes) -> None:
    notify.parse(data)


@pytest.mark.parametrize(
    ("access", "main", "control", "below", "words"),
    [
        ("none", 5, 0, True, "is disabled."),
        ("main", 7, 0, True, "only permitted for main PID 7"),
        ("main", 0, 5, True, "only permitted for main PID which is currently not known"),
        ("exec", 7, 8, True, "only permitted for main PID 7 and control PID 8"),
        ("exec", 7, 0, True, "only permitted for main PID 7"),
        ("exec", 0, 8, True, "only permitted for control PID 8"),
        ("exec", 0, 0, True, "only permitted for main PID and control PID which are currently not known"),
        ("all", 7, 8, False, "Cannot find unit for notify message of PID 5, ignoring."),
        ("main", 5, 0, False, None),
        ("exec", 0, 5, False, None),
        ("all", 0, 0, True, None),
    ],
)
def test_access(access: str, main: int, control: int, below: bool, words: str | None) -> None:
    refused = notify.refusal(access, 5, main, control, below)
    assert refused is None if words is None else refused is not None and refused.endswith(words)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (rb"STATUS=a\b\\c", {"STATUS": "ab\\c"}),
        (b"STATUS=one\\\nREADY=1", {"STATUS": "one\nREADY=1"}),
        (b"STATUS=a\rREADY=1\r\n\n", {"STATUS": "a", "READY": "1"}),
        (b"READY=1\nSTATUS=ends\\", {}),
    ],
)
def test_backslashes_and_ends_of_lines(data: bytes, expected: dict[str, str]) -> None:
    assert notify.parse(data) == expected


def test_what_a_service_is_at_stands_where_it_was_said_last() -> None:
    assert list(notify.parse(b"READY=1\nRELOADING=1\nSTATUS=x\nREADY=1")) == ["RELOADING", "STATUS", "READY"]
    assert list(notify.parse(b"STOPPING=1\nSTOPPING=0\nREADY=1")) == ["STOPPING", "READY"]


def judged(message: bytes, fds: int = 0, access: str = "main", pid: int = 7, problem: str = "") -> tuple[str, bool]:
    datagram = notify.Datagram(pid, 0, notify.parse(message), [-1] * fds, problem)
    return notify.judge(datagram, access, 7, 0, lambda pid, uid: pid < 10)


@pytest.mark.parametrize(
    ("message", "fds", "pid", "words", "heard"),
    [
        (b"READY=1", 0, 7, "", True),
        (b"READY=1", 0, 8, "Got notification message from PID 8, but reception only permitted for main PID 7", False),
        (b"BARRIER=1", 1, 8, "", False),
        (b"BARRIER=1", 0, 7, "Got incorrect number of fds with BARRIER=1, closing them.", False),
        (b"BARRIER=1", 2, 7, "Got incorrect number of fds with BARRIER=1, closing them.", False),
        (b"BARRIER=1\nX=1", 1, 7, "Extra notification messages sent with BARRIER=1, ignoring everything.", False),
        (b"BARRIER=0", 0, 7, "", True),
        (b"STATUS=x", 1, 7, "Got extra auxiliary fds with notification message, closing them.", True),
        (b"FDSTORE=1", 1, 7, "", True),
    ],
)
def test_what_is_complained_of_and_what_is_heard(message: bytes, fds: int, pid: int, words: str, heard: bool) -> None:
    assert judged(message, fds, pid=pid) == (words, heard)


def test_a_sender_below_the_unit_may_speak_if_all_may() -> None:
    assert judged(b"READY=1", access="all", pid=9) == ("", True)
    assert judged(b"READY=1", access="all", pid=11)[1] is False


def test_the_manager_gets_what_is_to_be_stored() -> None:
    text = {"FDSTORE": "1", "FDNAME": "x", "READY": "1"}
    message, fds = notify.message(notify.Datagram(7, 0, text, list(range(253)), ""))
    assert (message["text"], fds) == (text, list(range(253)))
    assert notify.message(notify.Datagram(7, 0, {"READY": "1"}, [3], ""))[1] == []


@pytest.mark.parametrize(
    ("name", "uid", "heard"), [("systemd-notify", 0, True), ("other", 0, False), ("systemd-notify", 9, False)]
)
def test_systemd_notify_speaks_for_its_caller(name: str, uid: int, heard: bool, tmp_path: Path) -> None:
    program = tmp_path / name
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "1000"]) as process:
        try:
            while Path(f"/proc/{process.pid}/comm").read_text() != f"{name}\n":
                time.sleep(0.01)  # between fork and exec
            datagram = notify.Datagram(process.pid, uid, {"READY": "1"}, [], "")
            nobody: Callable[[int, int], bool] = lambda _pid, _uid: False  # noqa: E731
            assert notify.judge(datagram, "main", os.getpid(), 0, nobody)[1] is heard
            assert notify.judge(datagram, "exec", 1, os.getpid(), nobody)[1] is heard
            assert notify.judge(datagram, "main", 1, os.getpid(), nobody)[1] is False
        finally:
            process.kill()
