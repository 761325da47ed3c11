"""Log lines about single processes of a unit."""

from __future__ import annotations

import re
import signal

import pytest

from systemctl_replacement.manager import each_process
from tests.engine.manager.engine import Engine, wait_for

LEFT = "[Service]\nKillMode=process\nExecStart=/bin/sh -c 'sleep 1000 & exec sleep 1001'\n"
MANY = "[Service]\nExecStart=/bin/sh -c 'for i in $(seq 60); do sleep 1000 & done; touch @ROOT@/all; wait'\n"
STUBBORN = (
    "[Service]\nTimeoutStopSec=200ms\n"
    "ExecStart=/bin/sh -c 'trap \"\" TERM; touch @ROOT@/deaf; while :; do sleep 1000; done'\n"
)


def lines(engine: Engine, unit: str) -> list[str]:
    """What is said about a unit, without pids."""
    said = re.findall(rf"systemd\[\d+\]: ({unit}: .*|This usually.*)", engine.text())
    return [re.sub(r"process \d+", "process N", line) for line in said]


def test_who_was_killed() -> None:
    with Engine({"a.service": STUBBORN}) as e:
        e.run("start", "a.service")
        wait_for((e.root / "deaf").exists, "the trap")
        e.run("stop", "a.service")
        wait_for(lambda: "a.service: Failed with result" in e.text(), "the end")
        assert lines(e, "a.service") == [
            "a.service: State 'stop-sigterm' timed out. Killing.",
            "a.service: Killing process N (sh) with signal SIGKILL.",
            "a.service: Killing process N (sleep) with signal SIGKILL.",
            "a.service: Main process exited, code=killed, status=9/KILL",
            "a.service: Failed with result 'timeout'.",
        ]


def test_who_is_left() -> None:
    with Engine({"a.service": LEFT}) as e:
        e.run("start", "a.service")
        wait_for(lambda: {("sleep", "1000"), ("sleep", "1001")} <= {tuple(p.cmdline()) for p in e.processes()}, "both")
        e.run("stop", "a.service")
        e.run("start", "a.service")
        e.call("Kill", name="a.service", whom="all", signal=signal.SIGKILL)
        e.wait_sub("a.service", "failed")
        wait_for(lambda: "a.service: Failed with result" in e.text(), "the end")
        found = [line for line in lines(e, "a.service") if "client request" not in line]
        assert found[:2] == [
            "a.service: Found left-over process N (sleep) in control group while starting unit. Ignoring.",
            "This usually indicates unclean termination of a previous run, or service implementation deficiencies.",
        ]


def test_whom_a_client_has_signalled() -> None:
    with Engine({"a.service": LEFT}) as e:
        e.run("start", "a.service")
        wait_for(lambda: {("sleep", "1000"), ("sleep", "1001")} <= {tuple(p.cmdline()) for p in e.processes()}, "both")
        e.call("Kill", name="a.service", whom="main", signal=signal.SIGCONT)
        e.call("Kill", name="a.service", whom="all", signal=signal.SIGCONT)
        wait_for(lambda: e.text().count("client request") == 3, "the lines")
        assert lines(e, "a.service") == [
            "a.service: Sent signal SIGCONT to main process N (sleep) on client request.",
            "a.service: Sent signal SIGCONT to main process N (sleep) on client request.",
            "a.service: Sending signal SIGCONT to process N (sleep) on client request.",
        ]


def test_not_more_are_named_than_there_may_be_lines() -> None:
    with Engine({"a.service": MANY}) as e:
        e.run("start", "a.service")
        wait_for((e.root / "all").exists, "the processes")
        e.call("Kill", name="a.service", whom="all", signal=signal.SIGCONT)
        e.call("Kill", name="a.service", whom="all", signal=signal.SIGCONT)
        e.run("stop", "a.service")
        wait_for(lambda: "Stopped a.service" in e.text(), "the last line")
        assert e.text().count("on client request") == 50


def test_not_more_are_looked_for_than_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def children(pid: int) -> list[int]:
        asked.append(pid)
        return [10 * pid + digit for digit in range(10)]

    monkeypatch.setattr(each_process, "children", children)
    tracking = type("Tracking", (), {"supervisor": 1, "lost": {}})()
    assert len(each_process.some_of(tracking)) == 51
    assert len(asked) == 6
