"""`service` and invoke-rc.d where PID 1 is no init: they reach the manager on demand while it runs."""

from __future__ import annotations

import contextlib

import psutil
import pytest

from tests.box.harness import Box
from tests.box.test_main_job import SERVERS, status_code

NOBODY = ["sleep", "infinity"]
BOOTED = "/run/systemd/system"
SLEEPER = "[Service]\nExecStart=/bin/sleep infinity\n"
UNIT = {"/etc/systemd/system/a.service": SLEEPER}


def managers(box: Box) -> list[int]:
    return [process.pid for process in box.processes() if "--on-demand" in process.cmdline()]


@pytest.mark.parametrize("restart", ["service nginx restart", "invoke-rc.d nginx restart"])
def test_what_was_started_by_us_is_restarted_by_us(restart: str) -> None:
    with Box(packages=SERVERS, init=NOBODY) as box:
        box.run("rm /usr/sbin/policy-rc.d", check=True)
        box.run("systemctl start nginx", check=True)
        before = box.run("systemctl show -P MainPID nginx").stdout
        box.run(restart, check=True)
        after = box.run("systemctl show -P MainPID nginx").stdout
        assert after not in (before, "0\n")
        assert box.run("systemctl is-active nginx").stdout == "active\n"
        assert box.run("service nginx status").stdout.startswith("● nginx.service")
        assert status_code(box) == "200"
        box.run("service nginx stop", check=True)
        assert box.run("systemctl is-active nginx").stdout == "inactive\n"
        assert not box.find("nginx:")


def test_after_a_crash_of_the_manager_nobody_is_misled_for_ever() -> None:
    with Box(packages=SERVERS, init=NOBODY) as box:
        box.run("systemctl start nginx", check=True)
        assert box.exists(BOOTED)
        box.run(f"kill -9 {box.inner_pid(box.find('--on-demand')[0])}")
        box.wait_for(lambda: not box.find("nginx:"), what="its supervisor to stop nginx")
        box.run("service nginx restart", check=True)
        assert box.run("systemctl is-active nginx").stdout == "active\n"
        assert status_code(box) == "200" and box.exists(BOOTED)
        box.run("kill -9 -1")
        assert box.run("systemctl is-active nginx").stdout == "inactive\n"
        assert not box.exists(BOOTED)


def test_the_directory_goes_with_the_manager() -> None:
    with Box(files=UNIT, init=NOBODY) as box:
        box.run("systemctl start a", check=True)
        assert box.exists(BOOTED)
        box.run(f"kill -TERM {box.inner_pid(box.find('--on-demand')[0])}")
        box.wait_for(lambda: not box.find("--on-demand"))
        assert not box.exists(BOOTED)


def test_what_others_have_made_stays() -> None:
    with Box(files=UNIT, init=NOBODY) as box:
        box.run(f"mkdir -p {BOOTED}; systemctl start a; kill -9 -1")
        box.run("systemctl is-active a")
        assert box.exists(BOOTED)
    with Box(files=UNIT, init=NOBODY) as box:
        box.run(f"systemctl start a; cp /etc/systemd/system/a.service {BOOTED}/b.service; kill -9 -1")
        box.run("systemctl is-active a")
        assert box.exists(f"{BOOTED}/b.service")


def test_not_beside_another_init() -> None:
    with Box(files=UNIT, init=["sh", "-c", "printf s6-svscan > /proc/1/comm; while :; do sleep 1; done"]) as box:
        box.wait_for(lambda: box.run("cat /proc/1/comm").stdout == "s6-svscan\n")
        box.run("systemctl start a", check=True)
        assert not box.exists(BOOTED)


def test_not_for_a_users_manager() -> None:
    with Box(files=UNIT, init=NOBODY) as box:
        box.run("systemctl start a", user="33:33", check=True)
        assert managers(box) and not box.exists(BOOTED)


def test_one_zombie_is_left_where_nobody_waits_for_children() -> None:
    with Box(files=UNIT, init=NOBODY) as box:
        for number in (1, 2):
            box.run("systemctl start a", check=True)
            box.run("systemctl stop a", check=True)
            box.run(f"kill -TERM {box.inner_pid(box.find('--on-demand')[0])}")
            box.wait_for(lambda: not box.find("--on-demand"))

            def rest() -> list[str]:
                """What has become of all but PID 1: the manager's helpers end after it."""
                with contextlib.suppress(psutil.NoSuchProcess):
                    return [process.status() for process in box.processes()[1:]]
                return []

            box.wait_for(lambda number=number: rest() == ["zombie"] * number, what="the end of all")  # type: ignore[misc]
