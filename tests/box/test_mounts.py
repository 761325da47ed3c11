"""Mounts under PID 1: without the privilege, over a re-execution, at a halt, and many of them at once."""

from __future__ import annotations

import signal

import psutil

from tests.box.harness import Box

UNITS = {
    "/etc/systemd/system/srv-a.mount": "[Mount]\nWhat=tmpfs\nWhere=/srv/a\nType=tmpfs\n",
    "/etc/systemd/system/multi-user.target.d/x.conf": "[Unit]\nWants=needs.service\n",
    "/etc/systemd/system/needs.service": "[Unit]\nRequiresMountsFor=/srv/a\n[Service]\nExecStart=sleep infinity\n",
    "/etc/systemd/system/srv-slow.mount": "[Mount]\nWhat=x\nWhere=/srv/slow\nType=held\n",
    "/sbin/mount.held": '#!/bin/sh\nwhile ! test -e /run/go; do sleep .02; done\nexec mount -i -t tmpfs held "$2"\n',
}


def sub_state(box: Box, unit: str) -> str:
    return str(box.run(f"systemctl show -P SubState {unit}").stdout.strip())


def test_without_the_privilege() -> None:
    """A boot skips mounts and goes on without them; who asks for one by name is told why it fails."""
    with Box("docker", files=UNITS) as box:
        assert box.wait_booted() == "running"
        assert box.run("systemctl is-active needs").stdout == "active\n"
        assert "mounting needs CAP_SYS_ADMIN" in box.run("systemctl status srv-a.mount").stdout
        started = box.run("systemctl start srv-a.mount")
        assert (started.returncode, started.stderr) == (1, 'Job failed. See "journalctl -xe" for details.\n')
        shown = box.run("systemctl status srv-a.mount").stdout
        box.wait_said("srv-a.mount: Mounting needs CAP_SYS_ADMIN, which this container does not have.")
        assert "mount: /srv/a: permission denied." in shown
        assert "failed (Result: exit-code)" in shown
        box.wait_said("srv-a.mount: Failed with result 'exit-code'.")


def test_what_fstab_describes() -> None:
    """It is the engine's, which may have mounted some of it: that is said once, and wherever somebody looks."""
    text = "/dev/sda1 / ext4\n/dev/sda2 /data ext4 nofail\n/dev/sda3 none swap\n/dev/sda4 /tmp ext4\n"
    with Box("full", files={"/etc/fstab": text}) as box:
        box.wait_booted()
        said = "Left to the engine, which /etc/fstab describes: data.mount, dev-sda3.swap, tmp.mount"
        box.wait_said(said)
        listed = box.run("systemctl list-units --all --no-legend --plain data.mount dev-sda3.swap tmp.mount").stdout
        assert [line.split()[:4] for line in listed.splitlines()] == [
            ["data.mount", "loaded", "inactive", "dead"],
            ["tmp.mount", "loaded", "active", "mounted"],
            ["dev-sda3.swap", "loaded", "inactive", "dead"],
        ]
        shown = box.run("systemctl status data.mount").stdout
        assert "Loaded: loaded (/etc/fstab)" in shown
        assert "in /etc/fstab: the engine mounts the file systems of a container" in shown
        box.run("systemctl start data.mount")
        assert "special device /dev/sda2 does not exist" in box.run("systemctl status data.mount").stdout


def test_over_a_re_execution_and_at_a_halt() -> None:
    """What waits for mount(8) goes on waiting. A halt unmounts what we have mounted, and nothing of the engine's."""
    with Box("full", files=UNITS) as box:
        box.run("chmod +x /sbin/mount.held; mkdir -p /srv/engine; mount -t tmpfs engine /srv/engine", check=True)
        box.wait_booted()
        assert box.run("systemctl is-active srv-a.mount needs").stdout == "active\nactive\n"
        box.run("systemctl start --no-block srv-slow.mount", check=True)
        box.wait_for(lambda: sub_state(box, "srv-slow.mount") == "mounting")
        box.run("systemctl daemon-reexec; systemctl daemon-reload", check=True)
        assert sub_state(box, "srv-slow.mount") == "mounting"
        box.run("touch /run/go", check=True)
        box.wait_for(lambda: sub_state(box, "srv-slow.mount") == "mounted")
        assert sub_state(box, "srv-engine.mount") == "mounted"
        box.signal(signal.SIGTERM)
        box.wait()
        told = [line for line in box.console.splitlines() if "nmount" in line]
        assert sorted(line.partition("nmounted ")[2].split(" ")[0] for line in told if "nmounted " in line) == [
            "srv-a.mount", "srv-slow.mount",
        ]  # fmt: skip
        assert not any("Failed" in line or "tmp.mount" in line for line in told)


def test_many_mounts_of_others() -> None:
    """A thousand mounts are followed, and PID 1 does not read them anew for each."""
    with Box("full") as box:
        box.wait_booted()
        box.run("mkdir -p /srv/many; cd /srv/many; for i in $(seq 100); do mkdir m$i; done", check=True)
        assert sub_state(box, "srv-many-m1.mount") == "dead"
        before = _cpu(box)
        box.run("cd /srv/many; for i in $(seq 100); do mount --bind m$i m$i; done", check=True)
        box.wait_for(lambda: sub_state(box, "srv-many-m100.mount") == "mounted")
        assert box.run("systemctl list-units --no-legend 'srv-many*' | wc -l").stdout.strip() == "100"
        box.run("cd /srv/many; for i in $(seq 100); do umount m$i; done", check=True)
        box.wait_for(lambda: sub_state(box, "srv-many-m1.mount") == "dead", what="the end of the mount")
        assert _cpu(box) - before < 5


def _cpu(box: Box) -> float:
    times = psutil.Process(box.pid1).cpu_times()
    return float(times.user + times.system)
