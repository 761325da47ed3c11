"""Telling it that it is PID 1, and the other names it goes by."""

from __future__ import annotations

from typing import Optional

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled

SYSTEMCTL = "/usr/bin/systemctl"
SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n"
FILES = {**enabled("on.service", SLEEPS), "/etc/systemd/system/off.service": SLEEPS}


@pytest.mark.parametrize(
    ("words", "on", "off"),
    [
        ([], True, False),
        (["init"], True, False),
        (["-1"], True, False),
        (["--init"], True, False),
        (["default", "--init"], True, False),
        (["--init", "default"], True, False),
        (["init", "--unit=multi-user.target", "--show-status=false", "--system", "--log-target=console"], True, False),
        (["init", "off"], False, True),
        (["start", "--init", "off"], False, True),
        (["--init", "start", "off"], False, True),
        (["start", "-1", "off", "on"], True, True),
    ],
    ids=str,
)
def test_ways_to_be_init(words: list[str], on: bool, off: bool) -> None:
    with Box(files=FILES, init=[SYSTEMCTL, *words]) as box:
        box.wait_booted()
        states = box.run("systemctl is-active on off").stdout.split()
        assert [state == "active" for state in states] == [on, off]
        assert box.read("/proc/1/comm") == "systemd\n"
        box.signal(15)
        assert box.wait() == 0


@pytest.mark.parametrize("words", [[], ["--show-status=false"], ["splash"], ["3"], ["--nonsense", "quiet"]], ids=str)
@pytest.mark.parametrize("name", ["init", "systemd"])
def test_by_the_names_of_init(name: str, words: list[str]) -> None:
    with Box(files=FILES, boot=False) as box:
        for link in ("init", "systemd"):
            box.symlink(SYSTEMCTL, f"/usr/local/bin/{link}")
        box.boot([f"/usr/local/bin/{name}", *words])
        box.wait_booted()
        assert box.run("systemctl is-active on off").stdout == "active\ninactive\n"
        assert box.run("/usr/local/bin/init").stderr == "telinit: required argument missing.\n"
        box.run("/usr/local/bin/init 0")
        assert box.wait() == 0


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("telinit 0", 0),
        ("telinit 6", 133),
        ("init 6", 133),
        ("shutdown -h now", 0),
        ("shutdown -r 0", 133),
        ("shutdown -P +0", 0),
        ("halt", 0),
        ("poweroff -f", 0),
        ("reboot", 133),
        ("reboot -ff", 133),
        ("systemctl --force poweroff", 0),
        ("systemctl exit 7", 7),
        ("runlevel", None),
        ("telinit q", None),
        ("telinit u", None),
        ("shutdown -k now", None),
        ("shutdown -c", None),
        ("halt --help", None),
        ("init q", None),
    ],
)
def test_other_names(command: str, status: Optional[int]) -> None:
    with Box(files=FILES, boot=False) as box:
        for name in ("init", "telinit", "runlevel", "shutdown", "halt", "poweroff", "reboot"):
            box.symlink(SYSTEMCTL, f"/usr/local/bin/{name}")
        box.boot()
        box.wait_booted()
        result = box.run(command)
        if status is None:
            assert (result.returncode, result.stderr) == (0, "")
            assert box.run("systemctl is-active on").stdout == "active\n"
        else:
            assert box.wait() == status
