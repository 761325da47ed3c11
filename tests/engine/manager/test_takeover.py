"""An init that finds a manager on demand takes over what it runs, or has it stopped. There are never two managers."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from systemctl_replacement import wire
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.paths import Paths
from tests.engine.manager import bus
from tests.engine.manager.engine import CHANGED, MAIN, Engine, alive, wait_for
from tests.engine.manager.test_notify import KEEPER, UNIT

SLEEPER = "[Service]\nExecStart=/bin/sleep 1000\n"
TRAPPING = (
    '[Service]\nExecStart=/bin/sh -c \'trap "echo told >> @ROOT@/notes; exit" TERM; echo up >> @ROOT@/notes;'
    " while :; do sleep 0.05; done'\n"
)
ONCE = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo once >> @ROOT@/notes'\n"


@contextmanager
def init(e: Engine, *arguments: str, change: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """An init below the engine's directory, beside the manager that exists."""
    main = str(MAIN)
    if change:
        main = str(e.root / "init.py")
        Path(main).write_text(CHANGED % (str(MAIN.parent.parent), change))
    with (e.root / "init-output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-ISXutf8", main, "init", f"--root={e.root}", *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield process
    finally:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        for one in below:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue


def told(e: Engine) -> str:
    """What the init has printed."""
    return (e.root / "init-output").read_text(errors="replace")


def on_demand(units: dict[str, str], change: str = "") -> Engine:
    target = "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=wanted.service\n"
    wanted = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo wanted >> @ROOT@/notes'\n"
    first = "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\nType=oneshot\n"
    first += "ExecStart=/bin/sh -c 'echo sysinit >> @ROOT@/notes'\n"
    files = {"default.target": target, "wanted.service": wanted, "first.service": first, **units}
    e = Engine(files, boot=("--on-demand",), change=change)
    (e.units / "sysinit.target.wants").mkdir()
    (e.units / "sysinit.target.wants/first.service").symlink_to(e.units / "first.service")
    return e


def test_what_runs_goes_on_running_and_the_boot_is_done() -> None:
    with on_demand({"a.service": SLEEPER, "once.service": ONCE}) as e:
        (e.units / "default.target.wants").mkdir()
        for name in ("a.service", "once.service"):
            (e.units / "default.target.wants" / name).symlink_to(e.units / name)
        assert e.run("start", "a.service") == "done"
        assert e.run("start", "once.service") == "done"
        e.call("SetEnvironment", assignments=["KEPT=yes"])
        main = e.show("a.service")["MainPID"]
        assert e.process is not None
        with init(e) as new:
            assert e.process.wait(20) == 0
            e.forget()
            assert e.call("SystemState", wait=True)["state"] == "running"
            e.forget()  # that connection may be older than the new manager's: the socket had the other's name
            after = e.show("a.service")
            assert e._client is not None and e._client.manager_pid == new.pid
            assert (after["ActiveState"], after["MainPID"], after["NRestarts"]) == ("active", main, 0)
            assert "KEPT=yes" in e.call("GetEnvironment")["environment"]
            assert e.noted() == ["once", "sysinit", "wanted"]
            assert e.sub("default.target") == "active"
            process = psutil.Process(main)
            assert e.run("stop", "a.service") == "done"
            assert not alive(process)
            os.kill(new.pid, signal.SIGTERM)
            assert new.wait(20) == 0


def test_supervisors_speak_for_the_new_manager() -> None:
    unit = f"{SLEEPER}EnvironmentFile=@ROOT@/environment\nExecReload=/bin/true\n"
    with on_demand({"a.service": unit}) as e:
        (e.root / "environment").touch()
        assert e.run("start", "a.service") == "done"
        (e.root / "environment").unlink()
        assert e.process is not None

        def reloaded() -> str:
            """Who says what the supervisor has to say."""
            assert e.run("reload", "a.service") == "failed"
            lines = (e.root / "var/log/systemctl-replacement/a.service.journal.jsonl").read_text().splitlines()
            said = [line for line in map(json.loads, lines) if "environment" in line["MESSAGE"]]
            assert {line["_SYSTEMD_UNIT"] for line in said} == {"init.scope"}
            return str(said[-1]["_PID"])

        assert reloaded() == str(e.process.pid)
        with init(e) as new:
            assert e.process.wait(20) == 0
            e.forget()
            assert e.call("SystemState", wait=True)
            e.forget()
            assert reloaded() == str(new.pid)


def test_a_manager_that_has_nothing_to_do_any_more_is_no_obstacle() -> None:
    with on_demand({"a.service": SLEEPER}) as e:
        assert e.run("start", "a.service") == "done"
        assert e.run("stop", "a.service") == "done"
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == 0
            e.forget()
            assert e.call("SystemState", wait=True)["state"] == "running"
            assert e.noted() == ["sysinit", "wanted"]


def test_who_waits_for_a_job_is_told_by_the_init() -> None:
    slow = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'until test -e @ROOT@/go; do sleep 0.02; done; exit 3'\n"
    with on_demand({"slow.service": slow}) as e, socket.socket(socket.AF_UNIX) as client:
        client.connect(Paths(str(e.root)).socket_path())
        parameters = {"operation": "start", "names": ["slow.service"], "mode": "replace", "wait": True}
        request = {"method": f"{MANAGER}.Enqueue", "parameters": parameters, "more": True}
        client.sendall(wire.dumps(request) + b"\0")
        client.settimeout(20)
        assert b'"id"' in client.recv(65536)
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == 0
            (e.root / "go").touch()
            assert b'"result":"failed"' in client.recv(65536).replace(b" ", b"")


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="there is no dbus-daemon")
def test_a_name_that_is_awaited() -> None:
    with on_demand({"dbus.service": bus.BUS, "a.service": bus.owner(take="take", drop="drop")}) as e:
        bus.write_files(e)
        bus.start_bus(e)
        watcher = e.titled("bus")
        e.enqueue("start", "a.service")
        wait_for(lambda: e.show("a.service")["MainPID"], "the main process")
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == 0
            e.forget()
            assert e.sub("a.service") == "start"
            (e.root / "take").touch()
            e.wait_sub("a.service", "running")
            assert alive(watcher)
            (e.root / "drop").touch()
            e.wait_sub("a.service", "dead")


def test_descriptors_and_output_are_taken_over() -> None:
    talker = "[Service]\nExecStart=/bin/sh -c 'while :; do echo here; sleep 0.05; done'\n"
    with on_demand({"talker.service": talker}) as e:
        assert e.run("start", "talker.service") == "done"
        supervisor = e.titled("supervisor: talker.service")
        with init(e):
            wait_for(lambda: "]: here\n" in told(e), "its output")
            assert alive(supervisor)


def test_what_notifies_and_stores_descriptors_goes_on() -> None:
    late = "\nwhile not os.path.exists(sys.argv[1] + '.go'): time.sleep(0.02)\n"
    text = KEEPER.replace('talk.send(b"READY=1")', late + 'talk.send(b"READY=1")')
    with on_demand({"x.service": UNIT.replace("@PYTHON@", sys.executable)}) as e:
        (e.root / "keeper.py").write_text(text)
        e.enqueue("start", "x.service")
        wait_for(lambda: "stored" in e.noted(), "the service")
        wait_for(lambda: e.show("x.service")["NFileDescriptorStore"] == 2, "the descriptors")
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == 0
            e.forget()
            assert e.sub("x.service") == "start"
            (e.root / "notes.go").touch()
            e.wait_sub("x.service", "running")
            assert e.run("restart", "x.service") == "done"
            assert [line for line in e.noted() if line.startswith("got")] == ["got 2 stored,memory kept"]


# An older version does not know this.
OLDER = """
from systemctl_replacement.control import server
real = server.Server.handle
def handle(self, connection, message):
    message["method"] = message["method"].replace("HandOver", "NoSuchMethod")
    real(self, connection, message)
server.Server.handle = handle
"""
UNREADABLE = """
real = reexec_state.snapshot
def snapshot(*arguments):
    return {**real(*arguments), "boot": None}
reexec_state.snapshot = snapshot
"""
DYING_EARLY = """
import os
from systemctl_replacement.manager.reexec import bequest
real = bequest.Link.send
def send(self, message, fds=()):
    if "state" in message:
        os.kill(os.getpid(), 9)
    real(self, message, fds)
bequest.Link.send = send
"""
DYING_LATE = """
import os
from systemctl_replacement.manager.reexec import bequest
def is_taken(link):
    link.flush()
    os.kill(os.getpid(), 9)
bequest._is_taken = is_taken
"""
DYING_INIT = """
import os
def check(state):
    os.kill(os.getpid(), 9)
reexec_state.check = check
"""


@pytest.mark.parametrize("change", [OLDER, UNREADABLE], ids=["older", "unreadable"])
def test_one_that_cannot_hand_over_is_ended_in_order(change: str) -> None:
    with on_demand({"a.service": TRAPPING}, change) as e:
        assert e.run("start", "a.service") == "done"
        wait_for(lambda: e.noted() == ["up"], "the service")
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == 0
            e.forget()
            assert e.call("SystemState", wait=True)["state"] == "running"
            assert e.noted() == ["up", "told", "sysinit", "wanted"]
            assert e.sub("a.service") == "dead"
            assert "Could not take over" in told(e)


def test_one_that_dies_in_the_middle_costs_its_units_and_no_more() -> None:
    with on_demand({"a.service": TRAPPING}, DYING_EARLY) as e:
        assert e.run("start", "a.service") == "done"
        wait_for(lambda: e.noted() == ["up"], "the service")
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == -9
            e.forget()
            assert e.call("SystemState", wait=True)["state"] == "running"
            wait_for(lambda: "told" in e.noted(), "the service to be stopped by its supervisor")
            assert e.sub("a.service") == "dead"


def test_one_that_is_killed_after_it_has_handed_over_is_missed_by_nobody() -> None:
    with on_demand({"a.service": SLEEPER}, DYING_LATE) as e:
        assert e.run("start", "a.service") == "done"
        main = e.show("a.service")["MainPID"]
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == -9
            e.forget()
            assert e.call("SystemState", wait=True)["state"] == "running"
            assert e.show("a.service")["MainPID"] == main


def test_the_manager_goes_on_if_the_init_does_not_take_what_it_asked_for() -> None:
    with on_demand({"a.service": SLEEPER}) as e:
        assert e.run("start", "a.service") == "done"
        main = e.show("a.service")["MainPID"]
        with init(e, change=DYING_INIT) as new:
            assert new.wait(20) == -9
            assert e.show("a.service")["MainPID"] == main
            assert e.run("stop", "a.service") == "done"


def test_an_init_told_to_halt_meanwhile_halts() -> None:
    with on_demand({"a.service": TRAPPING}) as e:
        assert e.run("start", "a.service") == "done"
        wait_for(lambda: e.noted() == ["up"], "the service")
        assert e.process is not None
        e.process.send_signal(signal.SIGSTOP)
        with init(e) as new:
            wait_for(lambda: psutil.Process(new.pid).children(), "its forkserver")
            os.kill(new.pid, signal.SIGTERM)
            assert new.wait(20) == 0
            assert e.process.wait(20) == 0
            assert e.noted()[:2] == ["up", "told"], told(e)


def test_another_init_is_left_alone() -> None:
    with Engine({"a.service": SLEEPER}, boot=("basic.target",)) as e:
        with init(e) as new:
            assert new.wait(20) == 1
            assert "Another manager is running" in told(e)
        assert e.call("SystemState")["state"] == "running"


def test_an_init_that_waits_for_the_lock_hears_that_it_is_to_halt() -> None:
    for_ever = "from systemctl_replacement.manager import startup\nstartup._LOCK_PATIENCE_USEC = 3_600_000_000\n"
    with on_demand({"a.service": TRAPPING}) as e, open(Paths(str(e.root)).start_lock(), "w") as lock:
        assert e.run("start", "a.service") == "done"
        wait_for(lambda: e.noted() == ["up"], "the service")
        fcntl.flock(lock, fcntl.LOCK_EX)
        with init(e, change=for_ever) as new:
            wait_for(lambda: psutil.Process(new.pid).children(), "its forkserver")
            os.kill(new.pid, signal.SIGTERM)
            assert new.wait(20) == 0
            assert e.noted()[:2] == ["up", "told"], told(e)
