"""list-timers, list-sockets, list-paths and list-automounts, and the lines of `status` that only such units have.

The expected texts were taken from a running systemd 252 (list-paths: from systemctl(1) of 254).
"""

from __future__ import annotations

import json
import time

import pytest

from systemctl_replacement.cli.timestamps import next_elapse
from systemctl_replacement.unitfile.infinity import INFINITY
from tests.unit.cli.conftest import FakeManager

YEAR_2099 = 4_070_908_800_000_000
PASS_ALL = "Pass --all to see loaded but inactive {}s, too.\n"


@pytest.fixture(autouse=True)
def units(manager: FakeManager) -> FakeManager:
    manager.add(
        "c.timer", SubState="waiting", Triggers=["c.service"], NextElapseUSecRealtime=YEAR_2099, LastTriggerUSec=0
    )
    manager.add(
        "b.timer", SubState="elapsed", Triggers=["c.service"], NextElapseUSecRealtime=INFINITY, LastTriggerUSec=1
    )
    manager.add("off.timer", ActiveState="inactive", SubState="dead", Triggers=["off.service"])
    manager.add(
        "a.socket", SubState="running", Triggers=["a.service"], Listen=[["Stream", "/run/a"], ["Datagram", "[::]:7"]]
    )
    manager.add(
        "i.socket", SubState="listening", Accept=True, Listen=[["Stream", "/run/b"]], NAccepted=3, NConnections=1
    )
    manager.add(
        "p.path", SubState="waiting", Triggers=["c.service"], Paths=[["PathExists", "/b-c"], ["PathChanged", "/b/c"]]
    )
    manager.add("srv.automount", SubState="waiting", Where="/srv", TimeoutIdleUSec=90_000_000, Triggers=["srv.mount"])
    manager.add("opt.automount", SubState="waiting", Where="/opt", Triggers=["opt.mount"])
    manager.add("srv.mount", SubState="mounted", Where="/srv", What="tmpfs", TriggeredBy=["srv.automount"])
    manager.add("c.service", TriggeredBy=["c.timer", "off.timer", "gone.socket"])
    manager.add("gone.socket", ActiveState="failed", SubState="failed")
    return manager


def shown(manager: FakeManager, *arguments: str) -> str:
    done = manager.run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_sockets(manager: FakeManager) -> None:
    assert shown(manager, "list-sockets") == (
        "LISTEN UNIT     ACTIVATES\n"
        "/run/a a.socket a.service\n"
        "/run/b i.socket -\n"
        "[::]:7 a.socket a.service\n"
        "\n"
        "3 sockets listed.\n" + PASS_ALL.format("socket")
    )
    assert shown(manager, "list-sockets", "--show-types", "--no-legend", "a", "c.service") == (
        "/run/a Stream   a.socket a.service\n[::]:7 Datagram a.socket a.service\n"
    )
    assert shown(manager, "list-sockets", "--all", "nothing*") == "LISTEN UNIT ACTIVATES\n\n0 sockets listed.\n"
    assert json.loads(shown(manager, "list-sockets", "-o", "json", "--show-types", "i.*", "-q")) == [
        {"listen": "/run/b", "type": "Stream", "unit": "i.socket", "activates": None}
    ]


def test_a_socket_with_several_connections(manager: FakeManager) -> None:
    manager.units["i.socket"]["Triggers"] = ["i@1-5-0.service", "i@0-5-0.service"]
    manager.units["i.socket"]["Listen"].append(["FIFO", "/run/c"])
    assert shown(manager, "list-sockets", "--no-legend", "--show-types", "i") == (
        "/run/b Stream i.socket i@1-5-0.service\n"
        "                       i@0-5-0.service\n"
        "/run/c FIFO   i.socket i@1-5-0.service\n"
        "                       i@0-5-0.service\n"
    )
    found = json.loads(shown(manager, "list-sockets", "-o", "json", "i"))
    assert [entry["activates"] for entry in found] == [["i@1-5-0.service", "i@0-5-0.service"]] * 2


def test_timers(manager: FakeManager) -> None:
    lines = shown(manager, "list-timers").splitlines()
    assert lines[0].split() == ["NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES"]
    assert lines[1].startswith("Thu 2099-01-01 00:00:00 UTC ")
    assert lines[1].split()[-4:] == ["-", "-", "c.timer", "c.service"]
    assert lines[2].startswith("-  ") and lines[2].endswith(" ago b.timer c.service")
    assert "Thu 1970-01-01 00:00:00 UTC" in lines[2]
    assert lines[3:] == ["", "2 timers listed.", PASS_ALL.format("timer").rstrip("\n")]
    assert json.loads(shown(manager, "list-timers", "--all", "--no-legend", "-o", "json")) == [
        {"next": at, "left": at, "last": last, "passed": last, "unit": unit, "activates": activates}
        for at, last, unit, activates in (
            (YEAR_2099, 0, "c.timer", "c.service"),
            (None, 1, "b.timer", "c.service"),
            (None, 0, "off.timer", "off.service"),
        )
    ]
    assert "off" not in shown(manager, "list-timers", "--state=waiting", "*.timer")


def test_the_next_time_is_the_earlier_one() -> None:
    now, ahead = time.time_ns() // 1000, time.monotonic_ns() // 1000 + 60_000_000
    assert next_elapse({}) == next_elapse({"NextElapseUSecRealtime": 0}) == INFINITY
    assert next_elapse({"NextElapseUSecRealtime": now, "NextElapseUSecMonotonic": ahead}) == now
    later = next_elapse({"NextElapseUSecRealtime": YEAR_2099, "NextElapseUSecMonotonic": ahead})
    assert 0 <= later - now - 60_000_000 < 30_000_000
    assert next_elapse({"NextElapseUSecMonotonic": 1}) < now


def test_paths(manager: FakeManager) -> None:
    assert shown(manager, "list-paths", "p") == (
        "PATH CONDITION   UNIT   ACTIVATES\n"
        "/b/c PathChanged p.path c.service\n"
        "/b-c PathExists  p.path c.service\n"
        "\n"
        "2 paths listed.\n" + PASS_ALL.format("path")
    )
    assert json.loads(shown(manager, "list-paths", "--no-legend", "-o", "json"))[0] == {
        "path": "/b/c", "condition": "PathChanged", "unit": "p.path", "activates": "c.service",
    }  # fmt: skip


def test_automounts(manager: FakeManager) -> None:
    assert shown(manager, "list-automounts", "--all") == (
        "WHAT  WHERE MOUNTED IDLE TIMEOUT UNIT\n"
        "      /opt  no      0            opt.automount\n"
        "tmpfs /srv  yes     1min 30s     srv.automount\n"
        "\n"
        "2 automounts listed.\n"
    )
    assert json.loads(shown(manager, "list-automounts", "-o", "json", "--no-legend", "srv")) == [
        {"what": "tmpfs", "where": "/srv", "mounted": True, "idle_timeout": 90_000_000, "unit": "srv.automount"}
    ]


def test_without_a_manager_there_is_nothing_to_list(manager: FakeManager) -> None:
    manager.units.clear()
    assert shown(manager, "list-timers", "-q") == ""


def test_status(manager: FakeManager) -> None:
    assert shown(manager, "status", "i.socket").splitlines()[3:] == [
        "     Listen: /run/b (Stream)",
        "   Accepted: 3; Connected: 1;",
    ]
    manager.units["i.socket"]["NRefused"] = 2
    assert "   Accepted: 3; Connected: 1;   Refused: 2\n" in shown(manager, "status", "i.socket")
    assert shown(manager, "status", "a.socket").splitlines()[3:] == [
        "   Triggers: ● a.service",
        "     Listen: /run/a (Stream)",
        "             [::]:7 (Datagram)",
    ]
    assert shown(manager, "status", "c.service").splitlines()[3:] == [
        "TriggeredBy: ● c.timer",
        "             ○ off.timer",
        "             × gone.socket",
    ]
    assert shown(manager, "status", "b.timer").splitlines()[3:] == [
        "    Trigger: n/a",
        "   Triggers: ● c.service",
    ]
    assert "    Trigger: Thu 2099-01-01 00:00:00 UTC; " in shown(manager, "status", "c.timer")
    assert shown(manager, "status", "srv.mount").splitlines()[3:] == [
        "TriggeredBy: ● srv.automount",
        "      Where: /srv",
        "       What: tmpfs",
    ]
    manager.add("dev-x.device", SysFSPath="/sys/x", Following="dev-y.device", SubState="plugged")
    assert shown(manager, "status", "dev-x.device").splitlines() == [
        "● dev-x.device",
        "    Follows: unit currently follows state of dev-y.device",
        "     Loaded: loaded",
        "     Active: active (plugged)",
        "     Device: /sys/x",
    ]


def test_only_of_a_service_systemctl_says_why_its_job_failed(manager: FakeManager) -> None:
    manager.outcomes["a.socket"] = {"result": "failed", "service_result": ""}
    done = manager.run("restart", "a.socket")
    assert (done.stderr, done.returncode) == ('Job failed. See "journalctl -xe" for details.\n', 1)
