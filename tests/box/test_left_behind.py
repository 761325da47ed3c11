"""Processes that are left when every unit is down are signalled, waited for, and killed, as by systemd-shutdown."""

from __future__ import annotations

import signal
from typing import Optional

import pytest

from tests.box.harness import Box
from tests.conformance.execute import without_reboot

DIRECTORY = "/etc/systemd/system"
LEAVES = "[Service]\nType=forking\nKillMode=process\nGuessMainPID=no\nExecStart=/bin/sh -c '/bin/%p & exit 0'\n"
SAVES = (
    "#!/bin/sh\ntrap 'echo bye; sleep 1; echo saved >>/var/saves; exit' TERM\ntouch /run/saves\n"
    "while :; do sleep .05; done\n"
)
DEAF = "#!/bin/sh\ntrap '' TERM\ntouch /run/deaf\nwhile :; do sleep .05; done\n"
# Its shell ignores SIGTERM, like interactive ones.
TERMINAL = """#!/usr/bin/python3
import os, pty, signal
if pty.fork()[0] == 0:
    def hang_up(*_):
        open("/var/terminal", "w").write("HUP")
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, hang_up)
    open("/run/terminal", "w")
    while True:
        signal.pause()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.wait()
"""


def box_with(
    *names: str, systemd: bool = False, init: Optional[list[str]] = None, config: str = "", boot: bool = True
) -> Box:
    files = {"/bin/saves": SAVES, "/bin/deaf": DEAF, "/bin/terminal": TERMINAL}
    files.update({f"{DIRECTORY}/{name}.service": LEAVES for name in names})
    files["/etc/systemd/system.conf"] = f"[Manager]\n{config}"
    return Box(files=files, boot=boot, systemd=systemd, init=init, profile=without_reboot() if systemd else None)


def started(box: Box, *names: str) -> None:
    box.wait_booted()
    box.run(["systemctl", "start", *names], check=True)
    for name in names:
        box.wait_for(lambda name=name: box.exists(f"/run/{name}"), what=name)  # type: ignore[misc]


@pytest.mark.parametrize("systemd", [True, False], ids=["systemd", "ours"])
def test_what_a_unit_left_behind_is_told_and_waited_for(systemd: bool) -> None:
    with box_with("saves", systemd=systemd) as box:
        started(box, "saves")
        box.run("systemctl --no-block poweroff")
        assert box.wait() == 0
        assert box.read("/var/saves") == "saved\n"
        if not systemd:
            box.wait_for(lambda: "sh[" in box.console and "]: bye\n" in box.console)


@pytest.mark.parametrize("systemd", [True, False], ids=["systemd", "ours"])
def test_who_has_a_terminal_is_hung_up(systemd: bool) -> None:
    with box_with("terminal", systemd=systemd) as box:
        started(box, "terminal")
        box.run("systemctl --no-block poweroff")
        assert box.wait() == 0
        assert box.read("/var/terminal") == "HUP"


def test_who_does_not_end_is_killed_and_the_status_says_so() -> None:
    with box_with("deaf", "saves", config="DefaultTimeoutStopSec=2\n") as box:
        started(box, "deaf", "saves")
        box.signal(15)
        assert box.wait() == 124
        assert box.read("/var/saves") == "saved\n"
        assert "Sending SIGKILL to remaining processes..." in box.console


def test_a_time_that_was_told_bounds_it() -> None:
    with box_with("deaf", init=["/usr/bin/systemctl", "init", "--stop-timeout=3"]) as box:
        started(box, "deaf")
        box.signal(15)
        assert box.wait(10) == 124


def test_a_session_from_outside_is_told_too() -> None:
    with box_with() as box:
        box.wait_booted()
        session = box.popen(
            "trap 'echo saved >/var/session; exit' TERM; touch /run/session; while :; do sleep .05; done"
        )
        try:
            box.wait_for(lambda: box.exists("/run/session"))
            box.signal(15)
            assert box.wait() == 0
            assert box.read("/var/session") == "saved\n"
        finally:
            session.terminate()
            session.wait()


@pytest.mark.parametrize("systemd", [True, False], ids=["systemd", "ours"])
@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("kill -s 48 1", 0),  # SIGRTMIN+14
        ("systemctl poweroff --force", 0),
        ("systemctl exit 7 --force", 7),
        ("systemctl exit 7 --force --force", 7),
        ("systemctl start fails", 3),
    ],
)
def test_by_force_no_unit_is_stopped_and_nobody_is_killed_untold(how: str, status: int, systemd: bool) -> None:
    """Nothing is started again either."""
    unit = (
        "[Service]\nRestart=always\nExecStop=/bin/sh -c 'echo stop >>/var/x'\nExecStart=/bin/sh -c 'echo up >>/var/x; "
        'trap "sleep 1; echo saved >>/var/x; exit 0" TERM; touch /run/x; while :; do sleep .05; done\'\n'
    )
    fails = "[Unit]\nFailureAction=exit-force\n[Service]\nExecStart=/bin/sh -c 'exit 3'\n"
    with box_with(systemd=systemd, boot=False) as box:
        box.write(f"{DIRECTORY}/x.service", unit)
        box.write(f"{DIRECTORY}/fails.service", fails)
        box.boot()
        started(box, "x")
        command = box.popen(how)
        try:
            assert box.wait() == status
            assert box.read("/var/x") == "up\nsaved\n"
        finally:
            command.terminate()
            command.wait()


CROWD = """import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(200):
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
        os._exit(0)
"""
# Each lives for a moment, and so does its child: a look at /proc finds them dead, and never their successors.
RELAY = """import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            if os.fork():
                os._exit(0)
"""


@pytest.mark.parametrize("program", [CROWD, RELAY], ids=["more than descriptors", "self-replacing"])
def test_what_does_not_listen_is_killed_and_ends_the_halt(program: str) -> None:
    unit = "[Service]\nType=forking\nKillMode=process\nGuessMainPID=no\nExecStart=/usr/bin/python3 /leaves.py\n"
    files = {
        "/leaves.py": program,
        f"{DIRECTORY}/leaves.service": unit,
        "/etc/systemd/system.conf": "[Manager]\nDefaultTimeoutStopSec=2\n",
    }
    with Box(files=files, limits={"NOFILE": (128, 128)}) as box:
        box.wait_booted()
        box.run("systemctl start leaves", check=True)
        box.signal(signal.SIGTERM)
        assert box.wait(30) == 124
        assert "Sending SIGTERM to remaining processes..." in box.console
        kills = "Sending SIGKILL to remaining processes...", "Cannot catch remaining processes: "
        assert any(line in box.console for line in kills)
        assert "Traceback" not in box.console


TAKES_DESCRIPTORS = """#!/usr/bin/python3
import resource, sys, time
resource.prlimit(1, resource.RLIMIT_NOFILE, (0, int(sys.argv[1])))
open("/run/taken", "w")
time.sleep(1000)
"""


@pytest.mark.parametrize("hard", [0, 4096])
def test_a_halt_without_descriptors_tells_everybody_and_ends(hard: int) -> None:
    taker = f"[Service]\nExecStart=/bin/takes {hard}\n"
    files = {"/bin/takes": TAKES_DESCRIPTORS, f"{DIRECTORY}/takes.service": taker, "/bin/saves": SAVES}
    files[f"{DIRECTORY}/saves.service"] = LEAVES
    with Box(files=files, init=None) as box:
        started(box, "saves")
        box.run("systemctl --no-block start takes")
        box.wait_for(lambda: box.exists("/run/taken"), what="the descriptors to be taken")
        box.signal(signal.SIGTERM)
        assert box.wait(30) == 0
        assert box.read("/var/saves") == "saved\n"
        assert ("Cannot look at processes" in box.console) == (hard == 0)
        assert "Internal error" not in box.console
