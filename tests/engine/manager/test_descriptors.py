"""A shortage of descriptors, at every step of what needs one, leaks none and costs no unit that has what it needs."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.manager.engine import MAIN, PATIENCE, Engine, alive, wait_for

HEALTHY = "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/true\n"
PLAIN = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 1000\n"
TALKING = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo said; exit 3'\n"
NOTIFYING = PLAIN + "NotifyAccess=all\n"
UNITS = {
    "healthy.service": HEALTHY,
    "plain.service": PLAIN,
    "talking.service": TALKING,
    "notifying.service": NOTIFYING,
    "dynamic.service": PLAIN + "DynamicUser=yes\n",
    "forking.service": PLAIN + "Type=forking\nPIDFile=@ROOT@/deep/down/pid\nTimeoutStartSec=200ms\n",
}


FAILING = ("talking.service", "forking.service")  # whatever they have


def held(process: psutil.Process) -> list[str]:
    """What a process has open, whatever the numbers; its journal, which it opens when it is needed, aside."""
    found = []
    for link in os.scandir(f"/proc/{process.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(link.path).split(":")[0])
    return sorted(name for name in found if not name.endswith(".journal.jsonl"))


def wait_held(before: dict[psutil.Process, list[str]]) -> None:
    """The processes have open what they had before."""
    now: dict[psutil.Process, list[str]] = {}

    def same() -> bool:
        now.update({process: held(process) for process in before})
        return now == before

    try:
        wait_for(same, "what is open to be what it was")
    except AssertionError:
        for process, names in before.items():
            assert now[process] == names


def limits(process: psutil.Process) -> Iterator[int]:
    """Limits with which a process has no descriptor free, one, two …, until it is asked no further."""
    numbers = [int(name) for name in os.listdir(f"/proc/{process.pid}/fd")]
    for number in range(100):
        if number not in numbers:
            hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[1]
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (number, hard))
            yield number


def unlimited(process: psutil.Process) -> None:
    hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (hard, hard))


def settled(e: Engine, unit: str) -> None:
    """The unit is down, and its supervisor gone."""
    e.wait_sub(unit, "dead", "failed")
    wait_for(lambda: not [p for p in e.processes() if f"supervisor: {unit}" in " ".join(cmdline(p))], "its end")


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize("unit", [name for name in UNITS if name != "healthy.service"])
@pytest.mark.parametrize("short", ["manager", "forkserver", "console"])
def test_a_start_that_fails_for_want_of_descriptors_leaks_none(unit: str, short: str) -> None:
    if "dynamic" in unit and os.geteuid():
        pytest.skip("needs root")
    with Engine(UNITS, boot=("healthy.service",)) as e:
        e.wait_sub("healthy.service", "running")
        assert e.process
        manager, forkserver, console = psutil.Process(e.process.pid), e.titled("forkserver"), e.titled("console")
        main = e.show("healthy.service")["MainPID"]
        e.call("SystemState", wait=True)
        before = {process: held(process) for process in (manager, forkserver)}
        results: list[str | None] = []
        enough = 0  # how often it got all that it needs
        starved = {"manager": manager, "forkserver": forkserver, "console": console}[short]
        for _ in limits(starved):
            for _ in range(2):
                reply = e.call("Enqueue", operation="start", names=[unit], mode="replace", wait=True)
                result = reply["jobs"][0]["result"]
                results.append(result)
                if result == "done":
                    enough += 1
                    assert e.run("stop", unit) == "done"
                elif result and e.show(unit)["Result"] != "resources":
                    enough += 1
                    assert unit in FAILING
                settled(e, unit)
                wait_held(before)
            if enough >= 4 or len(results) > 30:
                break
        unlimited(starved)
        assert e.show("healthy.service")["MainPID"] == main
        assert e.run("reload", "healthy.service") == "done"
        assert e.titled("forkserver").pid == forkserver.pid and e.titled("console").pid == console.pid
        assert "Traceback" not in e.text() and "Internal error" not in e.text()
        if unit not in FAILING:
            # With none at all not even the unit's file can be read.
            expected = {"manager": {None, "failed", "done"}, "forkserver": {"failed", "done"}, "console": {"done"}}
            assert set(results) == expected[short]


def test_a_command_that_fails_for_want_of_descriptors_of_its_supervisor_leaks_none() -> None:
    with Engine(UNITS, boot=("healthy.service",)) as e:
        e.wait_sub("healthy.service", "running")
        main = e.show("healthy.service")["MainPID"]
        assert e.run("reload", "healthy.service") == "done"
        supervisor = e.titled("supervisor: healthy.service")
        before = {supervisor: held(supervisor)}
        results: list[str] = []
        for _ in limits(supervisor):
            results.append(e.run("reload", "healthy.service"))
            wait_held(before)
            if results.count("done") == 2:
                break
        unlimited(supervisor)
        assert set(results) == {"failed", "done"}
        assert results == sorted(results, reverse=True)  # nothing is worse with more of them
        shown = e.show("healthy.service")
        assert (shown["SubState"], shown["MainPID"]) == ("running", main)
        assert alive(supervisor)
        assert "Internal error" not in e.text() and "cannot handle" not in e.text()
        assert e.run("stop", "healthy.service") == "done"


def test_a_signal_reaches_who_can_only_be_seen_with_the_last_descriptor() -> None:
    """Whoever looks into /proc needs one: that there is none must not look as if nobody were there."""
    deaf = "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; sleep 1000 & wait; wait'\nTimeoutStopSec=1\n"
    with Engine({"x.service": deaf}, boot=("x.service",)) as e:
        e.wait_sub("x.service", "running")
        main = psutil.Process(e.show("x.service")["MainPID"])
        wait_for(main.children, "its child")
        processes = [main, *main.children()]
        supervisor = e.titled("supervisor: x.service")
        next(limits(supervisor))
        e.run("stop", "x.service")
        assert e.show("x.service")["Result"] == "timeout"
        assert not any(alive(process) for process in processes)


def test_a_supervisor_killed_when_there_are_no_descriptors_is_replaced_later() -> None:
    service = (
        "[Service]\nExecStart=/bin/sh -c 'until test -e @ROOT@/go; do sleep 0.05; done; echo heard; exec sleep 1000'\n"
    )
    with Engine({"x.service": service}, boot=("x.service",)) as e:
        e.wait_sub("x.service", "running")
        main = e.show("x.service")["MainPID"]
        assert e.process
        manager = psutil.Process(e.process.pid)
        supervisor = e.titled("supervisor: x.service")
        journal = e.root / "var/log/systemctl-replacement/manager.journal.jsonl"
        next(limits(manager))
        supervisor.kill()
        wait_for(lambda: "Cannot start a new supervisor" in journal.read_text(), "the failure to be told")
        (e.root / "go").touch()
        assert e.show("x.service")["MainPID"] == main and e.sub("x.service") == "running"
        unlimited(manager)
        assert e.titled("supervisor: x.service").pid != supervisor.pid
        wait_for(lambda: "heard" in e.text(), "what it printed meanwhile")
        assert e.run("stop", "x.service") == "done"


def test_a_console_killed_when_there_are_no_descriptors_is_replaced_later() -> None:
    talk = "[Service]\nType=oneshot\nExecStart=/bin/echo heard\n"
    with Engine({**UNITS, "talk.service": talk}, boot=("healthy.service",)) as e:
        e.wait_sub("healthy.service", "running")
        assert e.process
        manager = psutil.Process(e.process.pid)
        console = e.titled("console")
        journal = e.root / "var/log/systemctl-replacement/manager.journal.jsonl"
        next(limits(manager))
        before = held(manager)
        console.kill()
        wait_for(lambda: "Cannot start the console process" in journal.read_text(), "the failure to be told")
        assert len(held(manager)) <= len(before)
        unlimited(manager)
        assert e.titled("console").pid != console.pid
        assert e.run("start", "talk.service") == "done"
        wait_for(lambda: "heard" in e.text(), "output through the new console")


# Has the kernel refuse to send messages that hold a text: a number of times, and only once they have had to wait.
REFUSED = """
import os
from systemctl_replacement.process.link import Link
real, seen = Link._send_now, {}
def send(self, data, fds):
    if b%(text)r in data:
        count = seen[data] = seen.get(data, 0) + 1
        if count <= %(waits)d:
            return False
        if count <= %(waits)d + %(times)d:
            raise OSError(%(errno)d, os.strerror(%(errno)d))
    return real(self, data, fds)
Link._send_now = send
"""
TOO_LONG = {"errno": errno.EMSGSIZE, "waits": 0, "times": 1}


@pytest.mark.parametrize("waits", [0, 1])
@pytest.mark.parametrize("text", ['"op":"identity"', '"op":"signal"', '"op":"settings"'])
def test_an_order_that_cannot_be_sent_costs_only_itself(text: str, waits: int) -> None:
    change = REFUSED % {**TOO_LONG, "text": text, "waits": waits}
    with Engine(
        {**UNITS, "x.service": HEALTHY + "ExecStop=/bin/kill $MAINPID\n"}, boot=("x.service",), change=change
    ) as e:
        e.wait_sub("x.service", "running")
        supervisor = e.titled("supervisor: x.service").pid
        assert e.run("reload", "x.service") == "done"
        if "signal" in text:
            e.call("Kill", name="x.service", whom="main", signal=18)
            wait_for(lambda: "Cannot send 'signal'" in e.text(), "the loss to be told")
        assert e.sub("x.service") == "running"
        assert e.titled("supervisor: x.service").pid == supervisor
        assert "Supervisor died" not in e.text()
        assert e.run("stop", "x.service") == "done"


@pytest.mark.parametrize("waits", [0, 1])
def test_a_command_that_cannot_be_sent_fails_alone(waits: int) -> None:
    change = REFUSED % {**TOO_LONG, "text": "ExecReload-that-is-refused", "waits": waits}
    unit = "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/true ExecReload-that-is-refused\n"
    with Engine({"x.service": unit}, boot=("x.service",), change=change) as e:
        e.wait_sub("x.service", "running")
        main = e.show("x.service")["MainPID"]
        assert e.run("reload", "x.service") == "failed"
        shown = e.show("x.service")
        assert (shown["SubState"], shown["MainPID"]) == ("running", main)
        assert "Supervisor died" not in e.text()


@pytest.mark.parametrize("waits", [0, 1])
@pytest.mark.parametrize("text", ['"ev":"exited"', '"ev":"forked"', '"ev":"empty"'])
def test_a_report_that_cannot_be_sent_is_sent_later(text: str, waits: int) -> None:
    change = REFUSED % {**TOO_LONG, "text": text, "waits": waits, "times": 3}
    units = {"x.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 7'\n"}
    with Engine(units, boot=("basic.target",), change=change) as e:
        assert e.run("start", "x.service") == "failed"
        shown = e.show("x.service")
        assert (shown["Result"], shown["ExecMainStatus"]) == ("exit-code", 7)
        assert "Supervisor died" not in e.text()


STORE = """
import array, os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(8)]
s.sendmsg([b"READY=1\\nFDSTORE=1\\nFDNAME=x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
os.execv("/bin/sleep", ["sleep", "1000"])
"""


def test_descriptors_of_a_notification_that_the_manager_has_no_room_for() -> None:
    """The message counts, and what is lost is told."""
    wait = "until test -e @ROOT@/go; do sleep 0.05; done"
    unit = (
        "[Service]\nType=notify\nNotifyAccess=all\nFileDescriptorStoreMax=20\n"
        f"ExecStart=/bin/sh -c '{wait}; exec {sys.executable} -IS @ROOT@/store.py'\n"
    )
    with Engine({"x.service": unit}, boot=("basic.target",)) as e:
        (e.root / "store.py").write_text(STORE)
        assert e.process
        manager = psutil.Process(e.process.pid)
        e.enqueue("start", "x.service")
        wait_for(lambda: e.show("x.service")["MainPID"], "the process")
        before = held(manager)
        next(limits(manager))
        (e.root / "go").touch()
        e.wait_sub("x.service", "running")
        unlimited(manager)
        assert e.show("x.service")["NFileDescriptorStore"] == 0
        e.wait_said("x.service: Failed to receive descriptors: Too many open files")
        assert held(manager) == before
        assert e.run("stop", "x.service") == "done"


def start(*arguments: str, descriptors: int = 0) -> subprocess.CompletedProcess[str]:
    """What an init says that is expected not to start."""
    limit = [f"--nofile={descriptors}:{descriptors}"] if descriptors else []
    command = ["prlimit", *limit, sys.executable, "-ISXutf8", str(MAIN), "init", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)


# 3 is too few for Python itself; from 23 on it starts.
@pytest.mark.parametrize("descriptors", range(4, 20))
def test_an_init_that_has_too_few_descriptors_says_so_in_a_line(descriptors: int, tmp_path: Path) -> None:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    result = start(f"--root={tmp_path}", descriptors=descriptors)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Cannot start the manager: ")
    assert result.stderr.endswith(": Too many open files\n")
    assert result.stderr.count("\n") == 1


def test_a_file_name_in_the_reason_drives_no_terminal(tmp_path: Path) -> None:
    root = tmp_path / "a\x1b[31m\nb"
    root.mkdir()
    (root / "run").write_text("")
    result = start(f"--root={root}")
    assert result.returncode == 1
    assert result.stderr.startswith(f"Cannot start the manager: {tmp_path}/a?[31m?b/run/systemd: Not a directory")
    assert result.stderr.count("\n") == 1


def test_a_supervisor_that_may_have_no_more_descriptors_goes_on_with_those_it_has() -> None:
    """Who has its user id may lower its limit below what it has open."""
    with Engine(UNITS, boot=("healthy.service",)) as e:
        e.wait_sub("healthy.service", "running")
        supervisor = e.titled("supervisor: healthy.service")
        resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, (0, 0))
        assert e.run("reload", "healthy.service") == "failed"
        main = psutil.Process(e.show("healthy.service")["MainPID"])
        main.kill()
        e.wait_sub("healthy.service", "failed")
        assert e.show("healthy.service")["ExecMainStatus"] == 9
        assert "Supervisor ends" not in e.text() and "Supervisor died" not in e.text()
