"""The container's output as a person reads it: `docker logs`, `docker run -t`."""

from __future__ import annotations

import re

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box
from tests.box.test_main_job import SERVERS, enabled

SAY = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo one; echo two; echo x > /proc/1/fd/1'\n"


@pytest.mark.parametrize("packages", [(), SYSTEMD_PACKAGES], ids=["alone", "with systemd"])
def test_what_becomes_of_services_is_all_there_is_to_read(packages: tuple[str, ...]) -> None:
    fail = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"
    with Box(packages=[*SERVERS, *packages], files=enabled("fails.service", fail)) as box:
        box.wait_booted()
        box.run("systemctl restart redis-server; systemctl daemon-reload")
        box.signal(15)
        assert box.wait() == 0
        # Nothing is printed twice, and only starts, stops and failures of services and a summary of the rest.
        for name, times in (("nginx", 1), ("redis-server", 2)):
            assert len(re.findall(rf"\]: Started {name}\.service - ", box.console)) == times
        assert "fails.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED" in box.console
        assert "fails.service: Failed with result 'exit-code'." in box.console
        assert len(re.findall(r"\d+ units were skipped in a container", box.console)) == 1
        for noise in (
            "Reached target",
            "Stopped target",
            " skipped because",
            "Cannot add",
            "Deactivated",
            "Reloading.",
        ):
            assert noise not in box.console
        journal = box.read("/var/log/systemctl-replacement/manager.journal.jsonl")
        assert "Reached target multi-user.target" in journal and "Reloading." in journal
        assert "nginx.service: Deactivated successfully." in journal


def test_what_only_debugging_wants_is_not_said() -> None:
    adjusts = "[Service]\nType=oneshot\nOOMScoreAdjust=-500\nExecStart=/bin/true\n"
    with Box(files={"/etc/systemd/system/adjusts.service": adjusts}) as box:
        box.wait_booted()
        box.run("systemctl start adjusts", check=True)
        box.signal(34 + 22)
        box.wait_for(lambda: box.run("systemctl show -P LogLevel").stdout == "debug\n")
        box.run("systemctl start adjusts", check=True)
        journal = box.read("/var/log/systemctl-replacement/adjusts.service.journal.jsonl")
        assert journal.count("assuming containerized execution") == 1
        assert "assuming containerized execution" not in box.console


def test_all_of_it_is_shown_when_asked_for() -> None:
    with Box(packages=SYSTEMD_PACKAGES, init=["systemctl", "init", "--show-status=full"]) as box:
        box.wait_booted()
        box.wait_said("Startup finished")
        assert "Reached target multi-user.target" in box.console
        reasons = re.findall(r" is skipped in a container \((.*)\)\.", box.console)
        assert len(reasons) > 10
        assert not [reason for reason in reasons if "a name of" in reason or "likewise" in reason]


def test_a_service_that_ends_by_itself_is_told() -> None:
    with Box(files=enabled("short.service", "[Service]\nExecStart=/bin/true\n")) as box:
        box.wait_for(lambda: "short.service: Deactivated successfully." in box.console)


def test_lines_on_a_terminal_return_once() -> None:
    with Box(tty=True, files=enabled("say.service", SAY)) as box:
        box.wait_booted()
        box.wait_for(lambda: "Startup finished" in box.console)
        assert "]: one\r\n" in box.console
        assert "\r\r" not in box.console
        assert not re.search(r"(?<!\r)\n", box.console)


@pytest.mark.parametrize("tty", [False, True])
def test_what_is_written_to_pid_1s_descriptors_reaches_the_output(tty: bool) -> None:
    with Box(tty=tty, files=enabled("say.service", SAY)) as box:
        box.wait_booted()
        box.wait_for(lambda: re.search(r"^x\r?$", box.console, re.MULTILINE))
        for number in (1, 2):
            box.run(f"echo to {number} >/proc/1/fd/{number}", check=True)
            assert re.search(rf"^to {number}\r?$", box.console, re.MULTILINE)
        box.run("systemctl daemon-reexec", check=True)
        box.run("echo afterwards >/proc/1/fd/1", check=True)
        assert re.search(r"^afterwards\r?$", box.console, re.MULTILINE)
        assert box.run("readlink /proc/1/fd/0").stdout == "/dev/null\n"
        if tty:  # which is still PID 1's
            box.type("\x03")
            assert box.wait() == 0


def test_a_service_of_the_same_user_writes_there_too() -> None:
    with Box("openshift", files=enabled("say.service", SAY)) as box:
        box.wait_booted()
        box.wait_for(lambda: re.search(r"^x$", box.console, re.MULTILINE))
