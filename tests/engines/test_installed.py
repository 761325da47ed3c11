"""Images that have Debian's own systemd, with us over it: what `CMD ["/sbin/init"]` starts."""

from __future__ import annotations

import re

import pytest

from tests.box.harness import Box
from tests.engines.engines import Podman, together
from tests.install.roots import SUITES

# As podman's --systemd says it: it gives what it takes for a systemd a /run and a /tmp of its own, and stops it with
# SIGRTMIN+3. It goes by the name of the command.
WAYS = ("true", "always", "false")


@pytest.mark.parametrize("suite", SUITES)
def test_sbin_init_is_ours(machine: Box, suite: str) -> None:
    init = ("/sbin/init",)
    containers = [
        Podman(machine, f"{suite}-{way}", init, image=f"/images/{suite}", options=[f"--systemd={way}"]) for way in WAYS
    ]
    together(lambda container: container.start(), containers)
    assert together(lambda container: container.wait_booted(), containers) == ["running"] * len(WAYS)
    for container in containers:
        assert "/usr/bin/python3" in container.run("tr '\\0' ' ' < /proc/1/cmdline").stdout
    together(lambda container: container.podman("stop", container.name), containers)
    assert together(lambda container: container.wait(), containers) == [0] * len(WAYS)
    assert not any(re.search("(?i)sigkill|killing|killed", container.logs) for container in containers)
