"""What is left at the end of a halt: it counts as gone only when no process can have been missed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from systemctl_replacement.loop import Loop, now_monotonic
from systemctl_replacement.manager.halt import remains
from systemctl_replacement.manager.halt.remains import Remains
from systemctl_replacement.process.descendants import start_time

SECOND = 1_000_000


@pytest.fixture
def sleeper() -> Iterator[int]:
    process = subprocess.Popen(["/bin/sleep", "1000"])
    yield process.pid
    process.kill()
    process.wait()


def killed_by(pid: int) -> int:
    result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert result is not None
    return result.si_status


def gone() -> int:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


class Looks:
    """Remains whose looks at the processes find what the test says. The last answer is repeated."""

    def __init__(self, *found: list[int]) -> None:
        self.loop = Loop(lambda _what, error: self.errors.append(error))
        self.errors: list[BaseException] = []
        self.found = list(found)
        self.said: list[str] = []
        self.killed = False
        self.tells: list[str] = []  # how often everybody was told unseen
        self.is_pid1 = False
        self.remains = Remains(self.loop, self._find, lambda _level, text: self.said.append(text), self._tell_unseen)

    def _tell_unseen(self) -> bool:
        self.tells.append("SIGTERM")
        return self.is_pid1

    def _find(self) -> list[int]:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if -1 in found:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return found

    def end(self, usec: int = 60 * SECOND, kill_usec: int = 60 * SECOND) -> None:
        def killed() -> None:
            self.killed = True

        self.remains.end(usec, kill_usec, killed, self.loop.stop)
        self.loop.call_at(now_monotonic() + 20 * SECOND, self.loop.stop)
        self.loop.run()
        assert self.errors == []


def test_who_ends_while_we_look_may_have_had_children(sleeper: int) -> None:
    looks = Looks([gone()], [sleeper], [])
    looks.end()
    assert looks.said == ["Sending SIGTERM to remaining processes..."]
    assert killed_by(sleeper) == signal.SIGTERM


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and that its parent, which is not us, does not reap."""
    script = "import os, time\npid = os.fork()\nif pid: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT), print(pid)\n"
    script += "else: os._exit(0)\ntime.sleep(1000)"
    process = subprocess.Popen([sys.executable, "-u", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.communicate()


def test_who_has_ended_and_is_not_reaped_may_have_had_children_too(zombie: int, sleeper: int) -> None:
    looks = Looks([zombie], [zombie, sleeper], [zombie])
    looks.end()
    assert looks.said == ["Sending SIGTERM to remaining processes..."]
    assert killed_by(sleeper) == signal.SIGTERM


def test_who_had_ended_before_the_last_look_is_no_reason_to_look_again(zombie: int) -> None:
    looks = Looks([zombie], [zombie], [-1])
    looks.end()
    assert looks.found == [[-1]]
    assert not looks.killed


def test_who_ends_before_each_look_until_time_is_up_is_killed() -> None:
    looks = Looks([gone()])
    looks.end(usec=0, kill_usec=50_000)
    assert looks.killed
    assert looks.said == ["Cannot catch remaining processes: each has ended before it could be looked at."]


def test_who_takes_long_is_named(sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "_SLOW_USEC", 0)
    looks = Looks([sleeper], [sleeper], [])
    looks.remains.told = [(sleeper, start_time(sleeper) or 0)]  # it goes on
    looks.end(usec=50_000)
    assert looks.said == [f"Waiting for process: {sleeper} (sleep)"]


def test_a_look_that_fails_is_taken_again(sleeper: int) -> None:
    looks = Looks([-1], [sleeper], [])
    looks.end()
    assert looks.said == ["Sending SIGTERM to remaining processes..."]


def test_who_cannot_be_seen_at_the_moment_is_killed_all_the_same(sleeper: int) -> None:
    looks = Looks([gone()], [-1], [gone()], [sleeper], [])
    looks.end(usec=0)
    assert looks.killed
    assert killed_by(sleeper) in (signal.SIGTERM, signal.SIGKILL)


def test_who_cannot_be_seen_at_all_is_told_once_and_given_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "UNSEEN_USEC", 0)
    looks = Looks([-1])
    looks.is_pid1 = True
    looks.end()
    assert looks.tells == ["SIGTERM"]
    assert looks.said == ["Cannot look at processes (Too many open files). Sent SIGTERM to all of them."]
    assert not looks.killed


def test_nobody_who_cannot_be_seen_is_given_up_where_only_our_own_are_ours(sleeper: int) -> None:
    looks = Looks([-1], [-1], [sleeper], [])
    looks.end()
    assert looks.tells == ["SIGTERM", "SIGTERM"]
    assert looks.said == ["Sending SIGTERM to remaining processes..."]
    assert killed_by(sleeper) == signal.SIGTERM


def test_whether_any_are_left_is_not_known_without_a_look() -> None:
    looks = Looks([-1])
    assert looks.remains.any_left
    assert looks.remains.terminate() == looks.remains.kill() == []
