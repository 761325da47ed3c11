"""What is particular to a place: few privileges, nowhere to write, another PID 1 (docs/container.md).

What holds in every place is in test_places.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from systemctl_replacement.image import names
from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled
from tests.box.test_places import place

NOTIFY = """\
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'echo begun; systemd-notify --ready; exec sleep infinity'
"""
CLEANING = "[Unit]\nWants=systemd-tmpfiles-setup.service\n[Service]\nExecStart=/bin/sleep infinity\n"
# Without dbus, whose socket cannot be started yet.
SYSTEMD = ("systemd", "systemd-sysv")
# docker run --read-only, without any tmpfs.
BARE = replace(PROFILES["readonly"], tmpfs=())


def test_what_only_root_can_do_is_skipped_for_others() -> None:
    with Box("openshift", packages=SYSTEMD, files=enabled("a.service", NOTIFY)) as box:
        assert box.wait_booted() == "running", box.run("systemctl status --failed").stdout
        for unit in ("systemd-sysusers", "systemd-tmpfiles-setup"):
            assert "Skipped: only root can make" in box.run(f"systemctl status {unit}").stdout
    with Box(packages=SYSTEMD) as box:
        box.wait_booted()
        assert "Skipped" not in box.run("systemctl status systemd-tmpfiles-setup").stdout


@pytest.mark.parametrize("systemd", [True, False], ids=["systemd", "ours"])
def test_nothing_needs_an_update_that_cannot_be_written(systemd: bool) -> None:
    conditions = {
        "yes": "ConditionNeedsUpdate=/etc",
        "no": "ConditionNeedsUpdate=!/etc",
        "gone": "ConditionNeedsUpdate=/gone",
    }
    files = {
        f"/etc/systemd/system/{name}.service": f"[Unit]\n{condition}\n[Service]\nExecStart=/bin/sleep infinity\n"
        for name, condition in conditions.items()
    }
    with Box("full", systemd=systemd, read_only_root=True, files=files) as box:
        box.wait_booted()
        box.run("systemctl start yes no gone")
        assert box.run("systemctl is-active yes no gone").stdout.split() == ["inactive", "active", "active"]


def test_nowhere_to_write() -> None:
    with Box(BARE, files={"/dev/shm/systemctl-0": ""}) as box:
        assert box.wait() == 1
        assert "/run/systemd: Read-only file system" in box.console
        assert "/dev/shm/systemctl-0: is no directory" in box.console
        assert "--tmpfs /run" in box.console


def test_who_has_taken_the_places_where_we_could_write_is_named() -> None:
    script = "mkdir /tmp/systemctl-0; mkdir -m 777 /dev/shm/systemctl-0"
    init = ["/bin/sh", "-c", f"setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '{script}'; exec systemctl init"]
    profile = replace(PROFILES["readonly"], tmpfs=(("/tmp", "1777"),))
    with Box(profile, init=init) as box:
        assert box.wait() == 1
        for said in (
            "/run/systemd: Read-only file system; ",
            "/tmp/systemctl-0: belongs to user 1000; ",
            "/dev/shm/systemctl-0: belongs to user 1000. It needs a directory",
        ):
            assert said in box.console


def test_beside_another_init_no_work_of_a_boot_is_done() -> None:
    generator = "#!/bin/sh\nmkdir -p $2\nln -s /dev/null $2/a.service\n"
    files = {
        **enabled("a.service", NOTIFY),
        "/etc/systemd/system-generators/mask-a": generator,
        "/etc/systemd/system/cleaning.service": CLEANING,
        "/tmp/mine": "",
        "/run/early.pid": "1",
        "/etc/tmpfiles.d/x.conf": "D! /tmp/mine.d\nr! /tmp/mine\n",
    }
    with place("pause", files, SYSTEMD) as here:
        box = here.box
        assert box.wait_booted() == "running"
        assert box.run("systemctl is-active a").stdout == "active\n"
        assert "Skipped: it empties /tmp" in box.run("systemctl status systemd-tmpfiles-setup").stdout
        assert here.halt() == 0
        assert box.exists("/tmp/mine") and box.exists("/run/early.pid")
        here.assert_only_others_are_left()
    with Box(packages=SYSTEMD, init=["sleep", "infinity"], files=files) as box:
        box.run("systemctl start cleaning", check=True)
        assert "Skipped: it empties /tmp" in box.run("systemctl status systemd-tmpfiles-setup").stdout
        assert box.exists("/tmp/mine")


def test_beside_systemd_root_is_refused() -> None:
    # What is called systemd there is ours.
    init = ["/bin/sh", "-c", f"ln -s {names.diversions(names.SYSTEMD)[1][1]} /tmp/systemd && exec /tmp/systemd"]
    with Box("full", packages=SYSTEMD, init=init, environment={"container": "docker"}) as box:
        box.wait_for(lambda: box.exists("/run/systemd/private"))
        for command in ("systemctl init", "systemctl start nginx"):
            result = box.run(command)
            assert result.returncode == 1
            assert "systemd is the init of this system (PID 1)" in result.stderr


def test_below_a_root_that_is_a_whole_system() -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\n"
    files = {f"{root}/etc/systemd/system/a.service": unit for root in ("/whole", "/units")}
    with Box(init=["sleep", "infinity"], files=files, boot=False) as box:
        box.write("/whole/usr/bin/sleep", "#!/bin/sh\n", 0o755)
        box.boot()
        refused = box.run("systemctl --root=/whole init a")
        assert refused.returncode == 1 and "chroot /whole" in refused.stderr
        for root, option in (("/whole", "--run-host-programs"), ("/units", "")):
            with box.popen(f"systemctl init --root={root} {option} a") as process:
                box.wait_for(partial(is_active, box, f"systemctl --root={root} is-active a"))
                process.terminate()


def is_active(box: Box, command: str) -> bool:
    return box.run(command).stdout == "active\n"


def test_a_service_of_another_user_reaches_its_manager_in_a_private_directory() -> None:
    unit = NOTIFY.replace("[Service]\n", "[Service]\nUser=daemon\n")
    with Box(BARE, packages=SYSTEMD, files=enabled("a.service", unit)) as box:
        box.wait_booted()
        assert box.run("systemctl is-active a").stdout == "active\n"
        assert box.run("stat -c %a /dev/shm/systemctl-0").stdout == "711\n"


def test_the_state_of_the_whole_without_a_manager() -> None:
    with Box(init=["sleep", "infinity"]) as box:
        status = box.run("systemctl status")
        assert status.returncode == 1 and "    State: offline\n" in status.stdout
        assert "No service manager is running" in status.stderr
        assert box.run("systemctl is-system-running").stdout == "offline\n"
        assert not box.find("--on-demand")
