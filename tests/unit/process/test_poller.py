"""What a supervisor and the collector wait for."""

from __future__ import annotations

import os
import resource

import pytest

from systemctl_replacement.process.poller import WRITABLE, Poller

MANY = 1100


def test_all_that_are_ready_are_told_of() -> None:
    """A collector may have thousands of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * MANY:
        pytest.skip("needs more descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    poller = Poller()
    reader, writer = os.pipe()
    fds = [os.dup(writer) for _ in range(MANY)]
    try:
        for fd in fds:
            poller.watch(fd, WRITABLE)
        assert len(poller.wait(0)) == MANY
    finally:
        for fd in [*fds, reader, writer]:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
