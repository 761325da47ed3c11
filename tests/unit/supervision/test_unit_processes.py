"""Which processes belong to a unit if no supervisor is above them to know."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Optional

import pytest

from systemctl_replacement.supervision import unit_processes
from systemctl_replacement.supervision.unit_processes import Tracking
from tests.engine.manager.engine import wait_for

TERM = {"op": "signal-all", "except": [], "signal": int(signal.SIGTERM), "cont": True, "hup": False, "why": "stop"}


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, env={"INVOCATION_ID": "a"}) as process:
        yield process
        process.kill()


def say(monkeypatch: pytest.MonkeyPatch, *answers: Optional[bool]) -> None:
    script = iter(answers)
    monkeypatch.setattr(unit_processes, "_has_invocation", lambda _pid, _invocation: next(script))


def test_who_is_in_the_middle_of_an_exec_gets_the_signals_of_that_time_when_it_is_known(
    stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, None, None, True)
    unit = Tracking("x.service")
    unit.refresh_lost([stranger.pid])
    assert (list(unit.undecided), list(unit.lost), unit.idle) == ([stranger.pid], [], False)
    unit.signal_lost(TERM)
    unit.refresh_lost([])  # below a dying supervisor it is the child of nobody that we can see
    assert unit.has_strays and not unit.lost
    unit.refresh_lost([stranger.pid])
    assert list(unit.lost) == [stranger.pid] and not unit.undecided and not unit.late
    assert stranger.wait(10) == -signal.SIGTERM


def test_a_stranger_gets_nothing(stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, None, False)
    unit = Tracking("x.service")
    unit.refresh_lost([stranger.pid])
    unit.signal_lost(TERM)
    unit.refresh_lost([stranger.pid])
    assert unit.idle and not unit.late
    assert stranger.poll() is None


def test_who_is_dismissed_is_not_looked_at_again(
    stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, None)
    unit = Tracking("x.service")
    unit.refresh_lost([stranger.pid])
    unit.dismiss_undecided()
    unit.refresh_lost([stranger.pid])
    assert unit.idle


def test_an_environment_that_is_empty_is_one() -> None:
    with subprocess.Popen(["/bin/sleep", "1000"], env={}) as process:
        try:
            # Popen learns of the exec a moment before the kernel has set up the new environment.
            wait_for(lambda: unit_processes._has_invocation(process.pid, "a") is not None, "the end of the exec")
            assert unit_processes._has_invocation(process.pid, "a") is False
        finally:
            process.kill()


def test_who_has_not_left_the_session_of_its_parent_is_known_by_it_when_that_has_ended() -> None:
    script = "env -i sleep 1000 >&- & echo $!; read _"
    with subprocess.Popen(
        ["/bin/sh", "-c", script], start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            unit = Tracking("x.service")
            unit.main = parent.pid
            unit.adopt_orphans("a", [])
            unit.lost.pop(child, None)  # forked after the last look
            parent.stdin.close()
            parent.wait()
            unit.note_ends({parent.pid: (0, 0, (0, 0))})
            unit.refresh_lost([child])
            assert list(unit.lost) == [child]
        finally:
            os.kill(child, signal.SIGKILL)
