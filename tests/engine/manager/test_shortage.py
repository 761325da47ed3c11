"""No descriptors, no memory, no space on the disk: what runs goes on, and can be stopped."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from systemctl_replacement.control.listener import listen
from systemctl_replacement.paths import Paths
from tests.engine.manager.engine import Engine, alive, wait_for
from tests.engine.manager.test_long_work import Asker

NUMBER = 30
SERVICE = (
    "[Unit]\nStartLimitIntervalSec=0\n"
    "[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'echo %n >> @ROOT@/notes'\n"
)
MANY = {f"s{number}.service": SERVICE for number in range(NUMBER)}


def exhausted(engine: Engine) -> tuple[list[str], list[str]]:
    """Start services until there are no descriptors left. Returns those that run and those that failed."""
    for name in MANY:
        engine.enqueue("start", name)
    engine.wait_idle()
    subs = {name: engine.sub(name) for name in MANY}
    assert set(subs.values()) == {"running", "failed"}, subs
    return [name for name in MANY if subs[name] == "running"], [name for name in MANY if subs[name] == "failed"]


def test_without_descriptors_units_fail_and_can_be_stopped() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        running, failed = exhausted(e)
        assert all(e.show(name)["Result"] == "resources" for name in failed)
        e.forget()
        assert e.run("stop", running[0]) == "done"
        assert e.sub(running[0]) == "dead"
        assert e.noted() == [running[0]]
        # Its descriptors are free again once its supervisor is gone.
        wait_for(lambda: e.run("start", failed[0]) == "done", "another service to start in its place")


def test_without_descriptors_the_halt_stops_everything() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        running, _failed = exhausted(e)
        assert e.halt() == 0
        assert sorted(e.noted()) == sorted(running)


def test_without_descriptors_clients_wait_for_each_other() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        exhausted(e)
        # More clients than there is room for: those that are not served yet wait.
        clients = [Asker(e) for _ in range(40)]
        for client in clients:
            client.ask("SystemState")
            assert client.answer() == {"parameters": {"state": "degraded"}}
            client.socket.close()
        assert e.halt() == 0


def test_a_long_message_without_descriptors() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        running, _failed = exhausted(e)
        # A message that is too long for one datagram needs no descriptor, even if the clients use up all that are left.
        e.call("SetEnvironment", assignments=["LONG=" + "y" * 100_000])
        main = psutil.Process(e.show(running[0])["MainPID"])
        assert e.process
        of_manager = f"/proc/{e.process.pid}/fd"
        before = len(os.listdir(of_manager))
        clients = [Asker(e) for _ in range(40)]
        wait_for(lambda: len(os.listdir(of_manager)) == 64, "the manager to have no descriptor left")
        assert e.run("stop", running[0]) == "done"
        assert not alive(main)
        assert e.noted() == [running[0]]
        assert e.show(running[0])["Result"] == "success"
        for client in clients:
            client.socket.close()
        wait_for(lambda: len(os.listdir(of_manager)) <= before, "the manager to have closed its ends")
        wait_for(lambda: e.run("start", running[0]) == "done", "the service to start again")
        assert e.halt() == 0


def test_killed_helpers_without_descriptors() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        running, _failed = exhausted(e)
        e.titled(f"supervisor: {running[0]}").kill()
        e.titled("forkserver").kill()
        main = psutil.Process(e.show(running[0])["MainPID"])
        assert e.run("stop", running[1]) == "done"
        assert e.run("stop", running[0]) == "done"
        wait_for(lambda: not alive(main), "the end of the main process")
        wait_for(lambda: e.titled("forkserver"), "another forkserver")
        assert e.run("start", running[0]) == "done"
        assert e.halt() == 0
        assert os.listdir(e.root)


@pytest.mark.parametrize("reexecuted", [False, True])
def test_a_runtime_directory_that_is_removed_is_made_anew(reexecuted: bool) -> None:
    with Engine({"a.service": SERVICE}, boot=("a.service",)) as e:
        if reexecuted:
            e.reexecute()
        socket = Path(Paths(str(e.root)).socket_path())
        connected = Asker(e)
        for _ in range(2):
            before = socket.stat().st_ino
            shutil.rmtree(socket.parent, ignore_errors=True)
            wait_for(lambda before=before: socket.exists() and socket.stat().st_ino != before, "another socket")  # type: ignore[misc]
            e.forget()
            assert e.sub("a.service") == "running"
        connected.ask("SystemState")
        assert connected.answer() == {"parameters": {"state": "running"}}
        assert e.run("restart", "a.service") == "done"
        e.wait_said("The control socket was removed")
        # Another manager's socket is left alone, and ours comes back when that one is gone.
        shutil.rmtree(socket.parent)
        socket.parent.mkdir(parents=True)
        other = listen(str(socket))
        wait_for(lambda: "cannot be replaced" in e.text(), "a complaint")
        other.close()
        socket.unlink()
        assert e.process
        os.kill(e.process.pid, signal.SIGHUP)
        wait_for(socket.exists, "our socket")
        e.forget()
        assert e.sub("a.service") == "running"
        assert e.halt() == 0


def test_a_request_that_needs_too_much_memory_ends_alone() -> None:
    change = """
from systemctl_replacement.control import connection
from systemctl_replacement.manager import show_manager
def greedy(*arguments):
    raise MemoryError
show_manager.of_manager = greedy
real = connection.wire
class Greedy:
    loads = lambda data: greedy() if b"too long" in data else real.loads(data)
    dumps = lambda message: greedy() if "environment" in message.get("parameters", ()) else real.dumps(message)
connection.wire = Greedy
"""
    with Engine({"a.service": SERVICE}, boot=("a.service",), change=change) as e:
        asker = Asker(e)
        asker.ask("Show", names=[], properties=None)
        answer = asker.answer()
        assert answer and answer["parameters"]["message"].startswith("Internal error: MemoryError")
        asker.ask("GetEnvironment")
        assert asker.answer() is None
        asker = Asker(e)
        asker.ask("States", names=["too long"])
        assert asker.answer() is None
        assert e.sub("a.service") == "running"
        assert e.halt() == 0


def test_the_state_is_dumped_on_request() -> None:
    with Engine({"a.service": SERVICE}, boot=("a.service",)) as e:
        assert e.process
        os.kill(e.process.pid, signal.SIGUSR2)
        dumped = ("a.service", "running")
        wait_for(lambda: all(word in e.text().partition("Startup finished")[2] for word in dumped), "the state")


@pytest.mark.parametrize("what", ["a file", "nothing to write on"])
def test_a_log_directory_that_cannot_be_used(what: str) -> None:
    e = Engine({"a.service": SERVICE, "b.service": "[Service]\nType=oneshot\nExecStart=/bin/echo heard\n"})
    logs = Path(Paths(str(e.root)).log_directory())
    logs.parent.mkdir(parents=True, exist_ok=True)
    if what == "a file":
        if logs.exists():
            shutil.rmtree(logs)
        logs.write_text("")
    else:
        logs.mkdir(exist_ok=True)
        for name in ("manager", "a.service", "b.service"):
            (logs / f"{name}.journal.jsonl").symlink_to("/dev/full")
    with e:
        assert e.run("start", "a.service") == "done"
        assert e.run("start", "b.service") == "done"
        wait_for(lambda: "heard" in e.text(), "what the service printed")
        assert e.halt() == 0
