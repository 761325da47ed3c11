"""A second life of a container with the same /run (docs/container.md) is like one with systemd's fresh /run."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import pytest

from tests.box.harness import PROFILES, Box, Profile
from tests.box.test_main_job import enabled

SERVER = """\
import fcntl, os, socket, sys, time
os.makedirs("/run/s2/deep", exist_ok=True); open("/run/s2/deep/lock", "x")
listener = socket.socket(socket.AF_UNIX); listener.bind("/run/s2/s2.sock")
open("/run/s2/lock", "x").write(str(os.getpid()))
open("/run/s2.d/of-nobody", "a")
open("/run/s2.d/main", "x").write(str(os.getpid()))
open("/run/s2/up", "x").write(os.environ["INVOCATION_ID"])
os.execvp("sleep", ["sleep", "infinity"])
"""
UNIT = """\
[Service]
ExecStart=/usr/bin/python3 /server.py
RuntimeDirectory=s2
RuntimeDirectoryPreserve=yes
PIDFile=/var/run/s2.d/main
"""
FILES = {**enabled("s2.service", UNIT), "/server.py": SERVER, "/etc/tmpfiles.d/s2.conf": ""}
# Each life has other process ids than those before it.
OTHER_IDS = "echo life >>/lives; for life in $(cat /lives); do (:); (:); (:); done; "
ENTRY = OTHER_IDS + "mkdir -p /run/s2/fresh /run/s2.d; echo $$ >>/run/s2/entry; echo 1 >/run/entry.pid; "
ON_OVERLAY = replace(PROFILES["docker"], tmpfs=(("/tmp", "1777"),))


def is_up(box: Box) -> bool:
    invocation = box.run("systemctl show -P InvocationID s2").stdout.strip()
    return box.run("cat /run/s2/up").stdout == invocation


def wait_a_moment(box: Box) -> None:
    """Wait until what was written is older than what starts now, by the clock of the start times of processes."""
    begun = time.monotonic()
    box.wait_for(lambda: time.monotonic() - begun > 0.05)


@pytest.mark.parametrize(
    ("profile", "entry"),
    [
        (PROFILES["docker"], ENTRY + "exec systemctl init"),
        (ON_OVERLAY, ENTRY + "exec systemctl init"),
        (PROFILES["docker"], ENTRY + "systemctl start s2; exec systemctl init"),
        (PROFILES["docker"], ENTRY + "systemctl init & wait"),
    ],
    ids=["tmpfs", "overlay", "started on demand", "not PID 1"],
)
def test_a_container_starts_again_after_kills_and_halts(profile: Profile, entry: str) -> None:
    with Box(profile, init=["/bin/sh", "-c", entry], files=FILES) as box:
        for life in range(3):
            assert box.wait_booted() == "running", box.run("systemctl status s2").stdout
            box.wait_for(partial(is_up, box), what=box.run("systemctl status s2").stdout)
            # What the entry point has just written is kept, what it wrote long ago is not.
            assert box.read("/run/s2/entry").count("\n") == 1 + life, "written to again: it is young"
            assert box.exists("/run/s2/fresh") and box.exists("/run/entry.pid") and box.exists("/run/s2.d/of-nobody")
            wait_a_moment(box)
            halts = life == 1 and "&" not in entry  # a shell that is PID 1 does not
            box.signal(15 if halts else 9)
            assert box.wait() == (0 if halts else -9)
            box.boot()


def test_nothing_of_this_life_is_cleared() -> None:
    with Box(init=["/bin/sh", "-c", ENTRY + "exec systemctl init"], files=FILES) as box:
        box.wait_booted()
        box.wait_for(partial(is_up, box))
        box.write("/run/s2/kept", "")
        box.run("systemctl daemon-reexec", check=True)
        # Nor after a restart, although the file says to be older than all of this.
        box.run(
            "rm -r /run/s2/deep /run/s2/lock /run/s2/s2.sock /run/s2/up /run/s2.d/main; systemctl restart s2",
            check=True,
        )
        box.wait_for(partial(is_up, box))
        assert box.exists("/run/s2/kept")


def test_links_and_mounts_are_left_alone() -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\nRuntimeDirectory=vol here\nPIDFile=/run/link/pid\n"
    profile = replace(
        PROFILES["docker"], tmpfs=(*PROFILES["docker"].tmpfs, ("/run/vol", "0755"), ("/run/here/vol", "0755"))
    )
    files = {
        **enabled("a.service", unit),
        # It fails, because the link's target is not its own. Nor is the target cleared.
        **enabled("b.service", "[Service]\nExecStart=/bin/sleep infinity\nRuntimeDirectory=link\n"),
        "/data/mine": "",
        "/data/pid": "1",
        "/run/vol/theirs": "",
        "/run/here/vol/theirs": "",
        "/run/here/stale": "",
    }
    with Box(profile, files=files, boot=False) as box:
        box.symlink("/data", "/run/link")
        box.symlink("/data/mine", "/run/here/link")
        wait_a_moment(box)
        box.boot()
        box.wait_booted()
        kept = ("/data/mine", "/data/pid", "/run/vol/theirs", "/run/here/vol/theirs")
        assert [path for path in kept if not box.exists(path)] == []
        assert not box.exists("/run/here/stale") and not box.exists("/run/here/link")


@pytest.mark.parametrize("fifo", [False, True], ids=["before the process is made", "in the process"])
def test_a_first_start_that_fails_leaves_nothing_for_the_second(fifo: bool) -> None:
    unit = (
        "[Service]\nEnvironmentFile=/etc/first\nRuntimeDirectory=s2\nRuntimeDirectoryPreserve=yes\n"
        "ExecStart=/bin/sh -c 'test ! -e /run/s2/stale || exit 1; exec sleep infinity'\n"
    )
    with Box(files={"/etc/systemd/system/s2.service": unit, "/run/s2/stale": ""}, boot=False) as box:
        wait_a_moment(box)
        box.boot()
        box.wait_booted()
        if fifo:
            box.run("mkfifo /etc/first", check=True)  # nobody writes to it
        box.run("systemctl start s2; systemctl stop s2")
        box.run("rm -f /etc/first; touch /etc/first", check=True)
        assert box.run("systemctl start s2; systemctl is-active s2").stdout == "active\n"
