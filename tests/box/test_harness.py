"""The harness itself: what a box is, and that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.box import rootfs
from tests.box.harness import DOCKER_CAPABILITIES, SYSTEMD_PACKAGES, Box, BoxError

# A PID 1 that exits in order on SIGTERM and reaps orphans.
INIT = ["/bin/sh", "-c", 'trap "echo stopping; exit 3" TERM; echo started; while :; do sleep 0.05; done']


def plain(**arguments: object) -> Box:
    """A box without anything of ours."""
    arguments.setdefault("init", INIT)
    return Box(ours=False, **arguments)  # type: ignore[arg-type]


def test_real_systemd_boots_and_powers_off() -> None:
    with Box(systemd=True) as box:
        assert box.wait_booted() == "running", box.run("systemctl --failed").stdout
        assert box.read("/var/run/systemd/container") == "docker\n"  # /var/run is an absolute link
        assert box.find("dbus-daemon")
        box.signal(37)
        # reboot(2) in a process namespace: the kernel ends PID 1 with SIGINT for halt and power-off.
        assert box.wait() == -signal.SIGINT


def test_real_systemd_boxes_do_not_share_control_groups() -> None:
    unit = {"/etc/systemd/system/same.service": "[Service]\nExecStart=/bin/sleep infinity\n"}
    with Box(systemd=True, files=unit) as one, Box(systemd=True, files=unit) as two:
        for box in (one, two):
            box.wait_booted()
            box.run("systemctl start same.service", check=True)
        tasks = one.run(
            "systemctl show -P ControlGroup same; cat /sys/fs/cgroup/systemd/system.slice/same.service/tasks"
        )
        assert re.fullmatch(r"/system\.slice/same\.service\n\d+\n", tasks.stdout)
        one.run("systemctl stop same.service", check=True)
        assert two.run("systemctl is-active same.service").stdout == "active\n"


def test_commands_have_what_docker_exec_gives() -> None:
    with plain() as box:
        status = box.run("cat /proc/self/status; ps -o sid= -p $$; echo $$; tty; pwd; hostname; echo $HOME").stdout
        capabilities = dict(re.findall(r"(?m)^(Cap\w+):\s+(\w+)", status))
        assert {int(capabilities[name], 16) for name in ("CapBnd", "CapEff", "CapPrm")} == {DOCKER_CAPABILITIES}
        assert int(capabilities["CapInh"], 16) == 0
        session, shell, *rest = status.splitlines()[-6:]
        assert session.strip() == shell
        assert rest == ["not a tty", "/", "box", "/root"]
        assert box.run("ps -o pid=,ppid= -p $$").stdout.split()[1] == "0"
        assert box.run("exit 7").returncode == 7
        assert box.run("kill -9 $$").returncode == -9
        assert box.run(["nowhere"]).returncode == 127
        assert box.run("cat", stdin="given").stdout == "given"
        assert box.run("id -un; id -G", user="www-data").stdout == "www-data\n33\n"
        assert box.run("echo x > /proc/sys/vm/swappiness").returncode != 0
        assert box.run("mount -t tmpfs x /mnt").returncode != 0
        assert (
            "lo: <LOOPBACK,UP"
            in box.run(
                "cat /sys/class/net/lo/operstate; python3 -c 'import socket as s;"
                's.create_server(("127.0.0.1", 80)); print("lo: <LOOPBACK,UP")\''
            ).stdout
        )


def test_a_command_that_takes_too_long_is_killed() -> None:
    with plain() as box:
        with pytest.raises(subprocess.TimeoutExpired):
            box.run("exec sleep 1234", timeout=0.3)
        box.wait_for(lambda: not box.find("sleep 1234"), what="end of the command")


def test_openshift_profile() -> None:
    with plain(profile="openshift", read_only_root=True) as box:
        status = box.run("id -u; id -g; id -G; cat /proc/self/status; touch /x; touch /run/x && echo written")
        assert status.stdout.splitlines()[:3] == ["1000650000", "0", "0"]
        assert {int(mask, 16) for mask in re.findall(r"(?m)^Cap\w+:\s+(\w+)", status.stdout)} == {0}
        assert "NoNewPrivs:\t1" in status.stdout
        assert "Read-only file system" in status.stderr
        assert status.stdout.endswith("written\n")
        assert box.process(1).uids().real == 1000650000


@pytest.mark.parametrize(
    ("name", "command", "answer"),
    [
        ("rootless", "cat /proc/self/uid_map; stat -c %u:%g /etc/passwd /run /etc/shadow", "0:0 0:0 0:42"),
        ("rootless-single", "cat /proc/self/setgroups; stat -c %u:%g /etc/passwd /run", "deny 0:0 0:0"),
        ("noexec", "cp /bin/true /run/x; /run/x || echo $?; ls /sys/fs/cgroup", "126 systemd"),
        ("bare", "touch /run/x /tmp/x || ls -d /sys/fs/cgroup/* /proc/1/fd/* || echo $?", "2"),
        ("bare-user", "id -u; readlink /proc/1/fd/1", "1000650000 /full"),
        (
            "old-engine",
            "grep Seccomp: /proc/1/status; python3 -c 'import os; os.pidfd_open(1)' || echo $?",
            "Seccomp: 2 1",
        ),
        ("old-engine-user", "python3 -c 'import os; os.pidfd_open(1)' 2>&1 | tail -1", "Function not implemented"),
        ("small", "grep -c memory:.*systemctl-replacement-box /proc/1/cgroup /proc/self/cgroup", "1/cgroup:1"),
        ("few-processes", "for i in $(seq 30); do sleep 1 & done", ""),
        ("pause", "stat -c %u /proc/1; id -u", "65535 0"),
    ],
)
def test_places_are_what_they_are_called(name: str, command: str, answer: str) -> None:
    with Box(name, init=["sleep", "infinity"], ours=False) as box:
        done = box.run(command)
        said = " ".join(done.stdout.split())
        if name == "few-processes":
            assert done.returncode == 2 and "Cannot fork" in done.stderr
        else:
            assert answer in said, done


def test_first_process_output_signals_and_status() -> None:
    with plain() as box:
        box.wait_for(lambda: "started" in box.console)
        box.signal(signal.SIGTERM)
        assert box.wait() == 3
        assert box.console == "started\nstopping\n"


def test_files_can_be_read_after_the_end_and_survive_a_restart() -> None:
    script = '#!/bin/sh\ncat /input >> /output; echo kept > "/run/state"\n'
    with plain(init=["/usr/local/bin/first"], files={"/usr/local/bin/first": script, "/input": "line\n"}) as box:
        assert box.wait() == 0
        assert box.read("/output") == "line\n"
        assert box.read("/var/run/state") == "kept\n"
        box.boot()
        assert box.wait() == 0
        assert box.read("/output") == "line\nline\n"
        assert "output" in box.list_directory("/")
        assert not box.exists("/nowhere/at/all")


def test_the_hosts_files_are_out_of_reach_of_links() -> None:
    with plain() as box:
        box.symlink("/etc", "/link")
        box.write("/link/of-the-box", "x")
        assert box.read("/etc/of-the-box") == "x"
        assert not os.path.exists("/etc/of-the-box")


def test_devices_are_the_boxs_own() -> None:
    mode = stat.S_IMODE(os.stat("/dev/null").st_mode)
    try:
        with Box(init=["sleep", "infinity"]) as box:
            assert box.run("echo > /dev/null; head -c 4 /dev/zero | wc -c", check=True).stdout == "4\n"
            changed = box.run("chmod 600 /dev/null && stat -c %a /dev/null")
            assert (changed.stdout == "600\n") or "Read-only" in changed.stderr
            assert stat.S_IMODE(os.stat("/dev/null").st_mode) == mode
    finally:
        os.chmod("/dev/null", mode)


def test_zombies_are_seen() -> None:
    with plain(init=["/bin/sh", "-c", "true & exec sleep infinity"]) as box:
        zombie = box.wait_for(lambda: [p for p in box.processes() if p.status() == psutil.STATUS_ZOMBIE])
        assert zombie[0].ppid() == box.pid1


def test_terminal() -> None:
    with plain(init=["/bin/sh", "-c", "tty; read line; echo got $line"], tty=True) as box:
        box.wait_for(lambda: "/dev/console" in box.console)
        box.type("hello\n")
        assert box.wait() == 0
        box.wait_for(lambda: "got hello" in box.console)


def test_first_process_that_does_not_exist() -> None:
    with pytest.raises(BoxError, match="No such file"), plain(init=["/nowhere"]):
        pass


def test_nothing_stays_behind_when_the_test_process_is_killed() -> None:
    code = (
        "from tests.box.test_harness import plain\n"
        "import time\n"
        "with plain(init=['/bin/sleep', '98765']) as box:\n"
        "    print(box.pid1, box._launcher.pid, flush=True)\n"
        "    time.sleep(100)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=rootfs.REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline, "the box survived the process that made it"
        time.sleep(0.01)
    scratch = str(rootfs.cache_directory() / "mount-point")
    assert scratch not in Path("/proc/self/mounts").read_text()


def test_mirror_is_the_one_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMCTL_REPLACEMENT_MIRROR", "http://mirror.example/debian")
    assert rootfs.machine_mirror() == "http://mirror.example/debian"


def test_layers_are_made_once() -> None:
    first = rootfs.layers(SYSTEMD_PACKAGES)
    assert rootfs.layers([*SYSTEMD_PACKAGES, "dbus"]) == first
    assert (first[0] / "usr/share/doc/systemd/copyright").exists()
    assert not (first[1] / "lib/systemd/systemd").exists()


def test_another_run_removes_the_same_installations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "ours-new"

    @contextlib.contextmanager
    def lock(name: str, blocking: bool = True) -> Iterator[bool]:
        (tmp_path / name).rmdir()
        yield True

    def make(name: str, make: object, description: object) -> Path:
        for number in range(rootfs.KEEP_INSTALLATIONS + 2):
            (tmp_path / f"ours-{number}").mkdir()
        target.mkdir()
        return target

    monkeypatch.setattr(rootfs, "cache_directory", lambda: tmp_path)
    monkeypatch.setattr(rootfs, "_lock", lock)
    monkeypatch.setattr(rootfs, "cached", make)
    assert rootfs._build_ours([]) == target
    assert len(list(tmp_path.glob("ours-*"))) == rootfs.KEEP_INSTALLATIONS
