"""The same container in every kind of place (docs/container.md): with few rights, little room, no output, not PID 1."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from typing import Optional

import psutil
import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled

PLACES = {
    "docker": "root with default capabilities, cgroup v2 read-only",
    "openshift": "arbitrary uid, no capabilities, no passwd entry",
    "rootless": "user namespace, cgroup v2 writable",
    "rootless-single": "user namespace of one user",
    "noexec": "read-only root, /run noexec, cgroup v1",
    "bare": "read-only root, /run not writable, no cgroup, stdin and stdout closed",
    "bare-user": "arbitrary uid, /run not writable, stdout full",
    "old-engine": "seccomp EPERM, stdout that nobody reads",
    "old-engine-user": "arbitrary uid, seccomp ENOSYS",
    "small": "64 MB of memory",
    "tini": "docker run --init",
    "pause": "shared process namespace",
    "host": "process namespace of a machine, arbitrary uid",
}
HEARD = ("pipe",)

READY = """\
import os, socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
os.execvp("sleep", ["sleep", "infinity"])
"""
# Each with its Type=, and what is started. Each is stopped before the one above it.
SERVICES = {
    "simple": "/bin/sh -c 'echo simple speaks; (sleep 0.01 &); exec sleep infinity'",
    "exec": "/bin/sleep infinity",
    "forking": "/bin/sh -c 'sleep infinity &'",
    "oneshot": "/bin/true",
    "notify": "/usr/bin/python3 /ready.py",
}
STOP_ORDER = "/dev/shm/stopped"
GENERATOR = """\
#!/bin/sh
mkdir $1/multi-user.target.wants
printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >$1/generated.service
ln -s ../generated.service $1/multi-user.target.wants
"""


def services() -> dict[str, str]:
    """One service of each type, one of another user, one that fails, and one that nobody has enabled."""
    files = {"/ready.py": READY, "/etc/systemd/system-generators/one": GENERATOR}
    before = ""
    for kind, command in SERVICES.items():
        text = f"""\
[Unit]
After={before}
[Service]
Type={kind}
RemainAfterExit={"yes" if kind == "oneshot" else "no"}
ExecStart={command}
ExecStop=/bin/sh -c 'echo {kind} >>{STOP_ORDER}'
"""
        files.update(enabled(f"{kind}.service", text))
        before = f"{kind}.service"
    files.update(
        enabled("broken.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo it is broken; exit 3'\n")
    )
    files.update(enabled("user.service", "[Service]\nType=exec\nUser=daemon\nExecStart=/bin/sleep infinity\n"))
    files["/etc/systemd/system/extra.service"] = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n"
    return files


def _command_lines(box: Box, text: str) -> list[list[str]]:
    found = []
    for process in box.find(text):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(process.cmdline())
    return sorted(found)


class Place:
    """A box with an init in it that is PID 1, its child, or started beside it."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.others: list[int] = []
        self.init: Optional[subprocess.Popen[str]] = None
        if box.profile.host:
            # (A shell that is about to make them has both in its command line.)
            sleeps = [["sleep", number] for number in ("98764", "98765")]
            box.wait_for(lambda: _command_lines(box, "sleep 9876") == sleeps, what="the processes of the host")
            self.others = sorted(process.pid for process in box.processes())
            self.init = box.popen(["/usr/bin/systemctl", "init"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def halt(self) -> int:
        """SIGTERM to the init, or to what passes it on. Returns its exit status."""
        if self.init is None:
            self.box.signal(signal.SIGTERM)
            return self.box.wait()
        (init,) = [one for one in self.box.find("systemctl") if "init" in one.cmdline()]
        os.kill(init.pid, signal.SIGTERM)
        return self.init.wait(30)

    def assert_only_others_are_left(self) -> None:
        """Nothing of ours runs any more, and nobody else was touched."""
        self.box.wait_for(
            lambda: sorted(process.pid for process in self.box.processes()) == self.others, what="all to be reaped"
        )
        assert "got signal" not in self.box.console


@contextlib.contextmanager
def place(name: str, files: dict[str, str], packages: Sequence[str] = ()) -> Iterator[Place]:
    with Box(name, packages, files=files) as box:
        yield Place(box)


@pytest.mark.parametrize("name", PLACES, ids=[f"{name}: {what}" for name, what in PLACES.items()])
def test_the_main_job_is_done_in_every_place(name: str) -> None:
    with place(name, services()) as here:
        box = here.box
        assert box.wait_booted() == "degraded", box.run("systemctl status --failed").stdout
        (forkserver,) = box.find("forkserver")
        forkserver.kill()
        units = " ".join(SERVICES)
        report = box.run(
            f"systemctl is-active {units}; systemctl is-failed broken; systemctl --failed --plain --no-legend;"
            "systemctl status broken; echo $?; systemctl status simple; echo $?"
        ).stdout
        assert report.startswith("active\n" * len(SERVICES) + "failed\nbroken.service "), report
        assert "it is broken" in report and "status=3/NOTIMPLEMENTED" in report and "\n3\n" in report, report
        assert "Active: active (running)" in report and "simple speaks" in report and report.endswith("\n0\n"), report

        answers = box.run(
            f"systemctl stop exec; echo $?; systemctl is-active {units}; systemctl start {units}; echo $?;"
            f"systemctl is-active {units}; systemctl restart notify; echo $?; systemctl is-active notify generated;"
            "systemctl daemon-reexec; echo $?; systemctl is-active simple;"
            "for i in 1 2 3 4 5; do (sleep 0.0$i &); done"
        ).stdout.split()
        assert answers == [
            "0", "active", "inactive", *["active"] * 3, "0", *["active"] * 5, "0", "active", "active", "0", "active",
        ]  # fmt: skip
        user = box.run("systemctl is-active user; systemctl show -P ExecMainStatus user").stdout.split()
        has_users = box.profile.user == "0" and len(box.profile.ids) != 1
        assert user == (["active", "0"] if has_users else ["failed", "216"])
        enable = box.run("systemctl enable extra; systemctl is-enabled extra; systemctl disable extra")
        if box.profile.user == "0" and not box.profile.read_only_root:
            assert enable.stdout == "enabled\n", enable
        else:
            assert enable.stdout == "disabled\n" and "/etc/systemd/system/default.target.wants" in enable.stderr, enable

        box.wait_for(lambda: not box.find("sleep 0.0") and not zombies(box), what="a box without orphans")
        box.run(f"rm {STOP_ORDER}", check=True)
        assert here.halt() == 0
        assert box.read(STOP_ORDER).split() == list(reversed(SERVICES))
        if box.profile.stdout in HEARD and here.init is None:
            box.wait_for(lambda: "simple speaks" in box.console and "it is broken" in box.console)
            assert "SIGKILL" not in box.console
        here.assert_only_others_are_left()


def zombies(box: Box) -> list[psutil.Process]:
    found = []
    for process in box.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_who_takes_all_the_memory_is_killed_and_nobody_else() -> None:
    hungry = "[Service]\nExecStart=/usr/bin/python3 -c 'bytearray(200 << 20)'\n"
    with Box("small", files={**services(), **enabled("hungry.service", hungry)}) as box:
        box.wait_booted()
        box.wait_for(lambda: box.run("systemctl is-failed hungry").stdout == "failed\n", what="its end")
        assert box.run("systemctl show -P Result hungry").stdout == "signal\n"
        assert box.run(["systemctl", "is-active", *SERVICES]).stdout == "active\n" * len(SERVICES)
        box.signal(signal.SIGTERM)
        assert box.wait() == 0


def test_where_no_process_can_be_made_a_unit_fails_and_the_next_one_starts() -> None:
    names = [f"one-of-many@{number}" for number in range(12)]
    folder = "/etc/systemd/system"
    files = {
        f"{folder}/one-of-many@.service": "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n",
        **{f"{folder}/multi-user.target.d/{name}.conf": f"[Unit]\nWants={name}.service\n" for name in names},
    }
    with Box("few-processes", files=files) as box:
        assert box.wait_booted() == "degraded"
        states = dict(zip(names, box.run(["systemctl", "is-active", *names]).stdout.split()))
        running = [name for name, state in states.items() if state == "active"]
        failed = [name for name, state in states.items() if state == "failed"]
        assert running and failed and sorted(running + failed) == sorted(names), states
        results = box.run(["systemctl", "show", "-P", "Result", *failed]).stdout.split()
        assert set(results) == {"resources"}
        box.wait_said("Failed to fork: Resource temporarily unavailable")
        again = box.run(["systemctl", "start", *names])
        assert again.returncode == 1 and "Job for one-of-many@" in again.stderr
        # There is room again.
        box.run(["systemctl", "stop", *names[3:]], check=True)
        box.run(["systemctl", "start", *names[:3]], check=True)
        box.run(["systemctl", "reset-failed"], check=True)
        assert box.run(["systemctl", "is-active", *names]).stdout == "active\n" * 3 + "inactive\n" * 9
        box.wait_for(lambda: len(box.processes()) == 4 + 2 * 3, what="as many processes as are needed")
        # There is not even room for the process that others are made from.
        box.limit_processes(1)
        (forkserver,) = box.find("forkserver")
        forkserver.kill()
        box.wait_for(lambda: "Cannot start a forkserver" in box.console)
        refused = box.run(["systemctl", "start", names[3]])
        assert refused.returncode == 1 and "because of unavailable resources" in refused.stderr
        box.limit_processes(20)
        box.wait_for(lambda: box.find("forkserver"))
        box.run(["systemctl", "start", names[3]], check=True)
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
