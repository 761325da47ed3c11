"""PID 1 runs as a user (`USER redis`), and somebody else comes with `docker exec`: they learn whose manager it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled

SERVICE = "[Service]\nExecStart=/bin/sleep infinity\n"
HINT = "PID 1 is the service manager of user www-data, and answers to that user only.\n"
ROOT, STRANGER = "0", "34:34"


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    profile = replace(PROFILES["docker"], user="33:33")
    with Box(profile=profile, files=enabled("a.service", SERVICE)) as box:
        box.wait_for(lambda: box.run("systemctl is-active a").stdout == "active\n")
        yield box


@pytest.mark.parametrize("user", [ROOT, STRANGER])
@pytest.mark.parametrize(
    "command",
    [
        "systemctl start a",
        "systemctl stop a",
        "systemctl restart a",
        "systemctl isolate basic.target",
        "systemctl set-environment A=b",
        "systemctl clean a",
        "systemctl daemon-reload",
        "systemctl poweroff",
        "systemctl -q stop a",
    ],
)
def test_changes_are_refused(box: Box, user: str, command: str) -> None:
    result = box.run(command, user=user)
    assert result.returncode == 1
    assert result.stderr.count(HINT) == 1 and "docker exec --user www-data" in result.stderr
    assert box.run("systemctl is-active a").stdout == "active\n"
    assert not box.find("--on-demand")
    box.sole("supervisor: a.service")


@pytest.mark.parametrize("user", [ROOT, STRANGER])
@pytest.mark.parametrize("command", ["systemctl status a", "systemctl status", "systemctl is-active a"])
def test_who_asks_is_told(box: Box, user: str, command: str) -> None:
    result = box.run(command, user=user)
    assert result.stderr.count(HINT) == 1
    assert result.returncode


def test_the_state_of_the_whole(box: Box) -> None:
    assert box.run("systemctl is-system-running", user=ROOT).stdout == "unknown\n"
    assert box.run("systemctl is-system-running").stdout in ("running\n", "degraded\n")
    assert box.run("systemctl -q is-active a", user=ROOT).stderr == ""


def test_root_can_do_as_it_is_told(box: Box) -> None:
    command = "setpriv --reuid=33 --regid=33 --clear-groups systemctl show -P ActiveState a"
    assert box.run(command, user=ROOT).stdout == "active\n"


def test_files_are_asked_all_the_same(box: Box) -> None:
    assert "ExecStart=/bin/sleep infinity" in box.run("systemctl cat a", user=ROOT).stdout
    assert box.run("systemctl is-enabled a", user=ROOT).stdout == "static\n"


@pytest.mark.parametrize(("first", "second"), [("33:33", "0:0"), ("0:0", "33:33"), ("33:33", "33:33")])
def test_a_second_init_is_refused(first: str, second: str) -> None:
    files = enabled("a.service", SERVICE)
    with Box(profile=replace(PROFILES["docker"], user=first), files=files) as box:
        box.wait_for(lambda: box.run("systemctl is-active a").stdout == "active\n")
        result = box.run("systemctl init", user=second)
        assert result.returncode == 1
        assert "PID 1 is the service manager of this container, as user " in result.stderr
        box.sole("supervisor: a.service")
        assert box.run("mkdir /tmp/r && systemctl init --root=/tmp/r nosuch", user=second).returncode == 5
