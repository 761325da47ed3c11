"""Where PID 1 may call reboot(2): never where the machine would reboot."""

from __future__ import annotations

import pytest

from systemctl_replacement.manager.engine.reboot import asks, is_meant
from systemctl_replacement.manager.halt.final_status import ASKED, COMMAND, FORCED, REBOOT

MACHINES, CONTAINERS = 4026531836, 4026532201


@pytest.mark.parametrize(
    ("engine", "pid", "namespace", "expected"),
    [
        ("systemd-nspawn", 1, CONTAINERS, True),
        ("lxc", 1, CONTAINERS, True),
        ("docker", 1, CONTAINERS, False),
        ("", 1, CONTAINERS, False),
        ("systemd-nspawn", 2, CONTAINERS, False),
        ("systemd-nspawn", 1, MACHINES, False),
    ],
)
def test_who_asks_the_kernel_for_a_reboot(engine: str, pid: int, namespace: int, expected: bool) -> None:
    assert asks(engine, pid, namespace) is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({REBOOT: 133}, True),
        ({REBOOT: 133, FORCED: 124}, True),
        ({REBOOT: 133, COMMAND: 143}, True),
        ({REBOOT: 133, ASKED: 7}, False),
        ({COMMAND: 133}, False),
        ({ASKED: 133}, False),
        ({}, False),
    ],
)
def test_a_reboot_is_what_was_asked_for_and_no_exit_status(known: dict[str, int], expected: bool) -> None:
    assert is_meant(known) is expected
