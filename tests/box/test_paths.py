"""Path units and those who mean no good, or cannot make up their mind."""

from __future__ import annotations

import signal
import time

import pytest

from tests.box.harness import Box

pytestmark = pytest.mark.box

SERVICE = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo %n >>/run/log'\n"
FILES = {
    "/etc/systemd/system/often.path": "[Path]\nPathChanged=/run/often/directory/file\n",
    "/etc/systemd/system/flooded.path": "[Path]\nPathExists=/tmp/flood/file\nPathChanged=/tmp/flood/other\n",
    "/etc/systemd/system/made.path": "[Path]\nPathChanged=/tmp/evil/new\nPathChanged=/run/own/new\nMakeDirectory=yes\n",
    **{f"/etc/systemd/system/{name}.service": SERVICE for name in ("often", "flooded", "made")},
}
AGAIN_AND_AGAIN = """
import os
for _ in range(1000):
    os.makedirs("/run/often/directory")
    open("/run/often/directory/file", "w").close()
    os.unlink("/run/often/directory/file")
    os.removedirs("/run/often/directory")
"""
FLOOD = """
import os
os.makedirs("/tmp/flood", exist_ok=True)
while True:
    for number in range(1000):
        open(f"/tmp/flood/x{number}", "w").close()
    for number in range(1000):
        os.rename(f"/tmp/flood/x{number}", f"/tmp/flood/y{number}")
"""


def watched(box: Box) -> tuple[int, int]:
    """Descriptors of PID 1, and what it watches with them."""
    counted = box.run("ls /proc/1/fd | wc -l; cat /proc/1/fdinfo/* 2>/dev/null | grep -c ^inotify || :").stdout
    descriptors, watches = counted.split()
    return int(descriptors), int(watches)


def test_a_directory_that_comes_and_goes_a_thousand_times() -> None:
    with Box(files=FILES) as box:
        box.wait_booted()
        without = watched(box)
        box.run("systemctl start often.path", check=True)
        before = watched(box)
        box.run(["python3", "-c", AGAIN_AND_AGAIN], check=True)

        def rests() -> bool:
            return box.run("systemctl show -P SubState often.path").stdout == "waiting\n"

        box.wait_for(rests, what="the path to wait")
        box.run("rm -f /run/log; mkdir -p /run/often/directory; echo >/run/often/directory/file", check=True)
        box.wait_for(lambda: "often" in box.run("cat /run/log").stdout, what="the last one to be noticed")
        box.run("rm -r /run/often", check=True)
        box.wait_for(lambda: rests() and watched(box) == before, what="nothing to be left")
        box.run("systemctl stop often.path", check=True)
        assert watched(box) == without


def test_who_makes_files_without_end_holds_up_nobody() -> None:
    with Box(files=FILES) as box:
        box.wait_booted()
        box.run("systemctl start flooded.path", check=True)
        command = 'exec setsid python3 -c "$0" </dev/null >/dev/null 2>&1 &'
        box.run(["sh", "-c", command, FLOOD], user="nobody", check=True)
        box.wait_for(lambda: box.run("ls /tmp/flood | wc -l").stdout.strip() not in ("", "0"), what="the flood")
        for _ in range(5):
            assert box.run("systemctl is-active flooded.path", timeout=10).stdout == "active\n"
        box.run("echo >/tmp/flood/other", check=True)
        box.wait_for(lambda: "flooded" in box.run("cat /run/log").stdout, what="the path to be noticed")
        begun = time.monotonic()
        box.signal(signal.SIGTERM)
        box.wait()
        assert time.monotonic() - begun < 20


def test_links_of_others_lead_nowhere() -> None:
    with Box(files=FILES) as box:
        box.wait_booted()
        box.run("ln -s /root /tmp/evil", user="nobody", check=True)
        box.run("ln -s /var /run/own; systemctl start made.path", check=True)
        assert box.run("ls -d /root/new /var/new").stdout == "/var/new\n"
        box.wait_said("mkdir(/tmp/evil/new) failed: Not a directory")
