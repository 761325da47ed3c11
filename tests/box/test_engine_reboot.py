"""An engine that starts a container again which reboots. It is asked for that by reboot(2), only if that is meant."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled

DEAF = "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; touch /run/deaf; while :; do sleep 1000; done'\n"
# The kernel ends PID 1 with it in place of a reboot.
REBOOTS = -signal.SIGHUP


@pytest.mark.parametrize(
    ("command", "request_", "status"),
    [
        (["--stop-timeout=2"], "systemctl reboot", REBOOTS),  # although the service is killed
        (["--", "sh", "-c", "until [ -e /run/go ]; do sleep 0.05; done; kill -TRAP $$"], "touch /run/go", 133),
    ],
    ids=["reboot", "status"],
)
def test_a_reboot_is_what_was_asked_for(command: Sequence[str], request_: str, status: int) -> None:
    place = replace(PROFILES["docker"], capabilities=None)
    files = {"/run/host/container-manager": "systemd-nspawn\n", **(enabled("deaf.service", DEAF) if status < 0 else {})}
    with Box(place, init=["systemctl", "init", *command], files=files) as box:
        assert box.wait_booted() == "running"
        box.wait_for(lambda: status > 0 or box.exists("/run/deaf"), what="the service that does not hear")
        box.popen(request_)
        assert box.wait() == status
        assert "docker run" not in box.console, "the image's /.dockerenv counts for the time of a halt"
