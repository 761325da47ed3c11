"""Finding supervisors that have lost their manager, and waiting for their end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.loop import Loop
from systemctl_replacement.supervision.orphans import Wait, orphans
from systemctl_replacement.supervision.unit_processes import Tracking

# With a root, only our own descendants are looked for, because this machine may have other supervisors.
ROOT = "/nonexistent"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like the supervisor of a manager that is gone."""
    process = subprocess.Popen(["bash", "-c", "exec -a 'supervisor: x.service' sleep 1000"])
    try:
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"supervisor: "):
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def tracking(unit: str, supervisor: int) -> Tracking:
    found = Tracking(unit)
    found.supervisor = supervisor
    return found


def test_those_that_are_ours_are_none(process: subprocess.Popen[bytes]) -> None:
    assert orphans(ROOT, [tracking("x.service", 1)]) == {process.pid: "x.service"}
    assert orphans(ROOT, [tracking("x.service", process.pid)]) == {}
    assert orphans(ROOT, [tracking("x.service", 0)]) == {}, "the forkserver has not told yet which it is"


@pytest.mark.parametrize("with_pidfds", [True, False])
def test_the_end_is_seen(process: subprocess.Popen[bytes], with_pidfds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(pid: int) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    if not with_pidfds:
        monkeypatch.setattr(syscalls, "open_pidfd", without)
    errors: list[BaseException] = []
    loop = Loop(lambda _where, error: errors.append(error))
    os.kill(process.pid, signal.SIGSTOP)
    wait = Wait(loop, [process.pid], loop.stop)
    assert wait.goes_on
    os.kill(process.pid, signal.SIGTERM)  # it would not act on the signal if it had not been continued
    loop.run()
    assert (wait.goes_on, errors) == (False, [])


def test_nobody_is_waited_for_who_is_gone(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    loop = Loop(lambda _where, _error: None)
    assert not Wait(loop, [process.pid], loop.stop).goes_on
