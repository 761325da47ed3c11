"""Where a process may have no descriptor any more, poll(2) looks at none: then nothing is known to be empty, and the
helpers are waited for all the same."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.logs.sockets import JournalSockets
from systemctl_replacement.supervision import farewell
from systemctl_replacement.supervision.unit_processes import Tracking


@contextmanager
def none_allowed() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_sockets_of_the_log(tmp_path: Path) -> None:
    sockets = JournalSockets(str(tmp_path), str(tmp_path / "log"))
    sockets.make()
    assert not sockets.is_waiting()
    with none_allowed():
        assert sockets.is_waiting()
    sockets.remove()


def test_what_a_unit_has_printed() -> None:
    unit = Tracking("x.service")
    unit.log_read, write = os.pipe()
    before = unit.has_unread_output
    with none_allowed():
        assert (before, unit.has_unread_output) == (False, True)
    os.close(unit.log_read)
    os.close(write)


def is_waited_for(ends: bool) -> bool:
    """Whether a helper is waited for until it has ended, or until it has had its time."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    helper = os.fork()
    if helper == 0:
        time.sleep(0.1 if ends else 1000)
        os._exit(0)
    with none_allowed():
        begun = now_monotonic()
        is_over = farewell._reap(begun + (60_000_000 if ends else 100_000))
        took = now_monotonic() - begun
    if not ends:
        os.kill(helper, signal.SIGKILL)
    return is_over == ends and 90_000 <= took < 60_000_000


@pytest.mark.parametrize("ends", [True, False])
def test_helpers_are_waited_for(ends: bool) -> None:
    pid = os.fork()
    if pid == 0:  # not here: there may be children of somebody else
        status = 1
        try:
            status = 0 if is_waited_for(ends) else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
