"""Notifications: what is read out of a datagram, and who may send one."""

from __future__ import annotations

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
