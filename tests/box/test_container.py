"""The container contract (docs/container.md): exit statuses, restarts, images with the systemd package."""

from __future__ import annotations

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box
from tests.box.test_main_job import SERVERS, enabled, status_code


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("systemctl exit 7", 7),
        ("systemctl poweroff", 0),
        ("systemctl halt", 0),
        ("systemctl reboot", 133),
        ("systemctl --no-block exit", 0),
    ],
)
def test_exit_status_of_a_halt(command: str, status: int) -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sh -c 'echo stopped > /stopped'\n"
    with Box(files=enabled("a.service", unit)) as box:
        box.wait_booted()
        box.run(command)
        assert box.wait() == status
        assert box.read("/stopped") == "stopped\n"


def test_a_service_can_end_the_container() -> None:
    unit = "[Unit]\nFailureAction=exit\n[Service]\nExecStart=/bin/sh -c 'exit 42'\n"
    with Box(files=enabled("job.service", unit)) as box:
        assert box.wait() == 42


def test_a_container_starts_again_after_a_halt_and_after_a_kill() -> None:
    with Box(packages=SERVERS) as box:
        box.wait_booted()
        box.signal(15)
        assert box.wait() == 0
        box.boot()
        assert box.wait_booted() == "running"
        box.signal(9)
        assert box.wait() == -9
        box.boot()
        assert box.wait_booted() == "running"
        assert status_code(box) == "200"
        assert box.run("redis-cli ping").stdout == "PONG\n"


def test_everybody_finds_a_directory_for_locks() -> None:
    with Box() as box:
        box.wait_booted()
        assert box.run("stat -c %a /run/lock").stdout == "1777\n"
    with Box(files={"/run/lock/mine": ""}) as box:
        box.wait_booted()
        assert box.run("stat -c %a /run/lock").stdout == "755\n"


def test_image_with_the_systemd_package() -> None:
    with Box(packages=[*SERVERS, *SYSTEMD_PACKAGES]) as box:
        assert box.wait_booted() == "running"
        assert box.run("systemctl is-active dbus.socket dbus.service").stdout == "active\nactive\n"
        assert status_code(box) == "200"
        assert not box.find("systemd-journald") and not box.find("systemd-logind")
        assert box.run("systemctl is-active systemd-journald").stdout == "inactive\n"
        # As after each edit of journald.conf: ours goes on.
        box.run("systemctl restart systemd-journald && logger -t tester still here", check=True)
        box.wait_for(lambda: ": still here\n" in box.console, what="what is logged afterwards")
        box.signal(37)
        assert box.wait() == 0


def test_a_mount_is_refused_before_what_needs_it_is_stopped() -> None:
    files = {
        "/etc/systemd/system/tmp.mount": "[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs\n",
        "/etc/systemd/system/a.service": "[Unit]\nRequiresMountsFor=/tmp\n[Service]\nExecStart=/bin/sleep 1000\n",
    }
    with Box(files=files) as box:
        box.wait_booted()
        box.run("systemctl start a", check=True)
        assert "tmp.mount" in box.run("systemctl show -P Requires a").stdout
        for verb in ("stop", "restart"):
            refused = box.run(f"systemctl {verb} tmp.mount")
            assert refused.returncode == 1
            assert "Unit tmp.mount cannot be stopped: unmounting needs CAP_SYS_ADMIN" in refused.stderr
        assert box.run("systemctl is-active a tmp.mount").stdout == "active\nactive\n"
        box.signal(15)
        assert box.wait() == 0
