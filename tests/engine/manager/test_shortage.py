"""No descriptors, no memory, no room on the disk: what is there goes on, and can be stopped."""

from __future__ import annotations

import os

import psutil

from tests.engine.manager.engine import Engine, alive, wait_for
from tests.engine.manager.test_long_work import Asker

NUMBER = 30
SERVICE = "[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'echo %n >> @ROOT@/notes'\n"
MANY = {f"s{number}.service": SERVICE for number in range(NUMBER)}


def exhausted(engine: Engine) -> tuple[list[str], list[str]]:
    """Start services until there are no descriptors left: those that run, and those that could not be started."""
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
        # What that one needed is given back once its supervisor is gone.
        wait_for(lambda: e.run("start", failed[0]) == "done", "another service to start in its place")


def test_without_descriptors_the_halt_stops_everything() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        running, _failed = exhausted(e)
        assert e.halt() == 0
        assert sorted(e.noted()) == sorted(running)


def test_without_descriptors_clients_wait_for_each_other() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        exhausted(e)
        # More clients than there is any room for: those that are not served yet wait.
        clients = [Asker(e) for _ in range(40)]
        for client in clients:
            client.ask("SystemState")
            assert client.answer() == {"parameters": {"state": "degraded"}}
            client.socket.close()
        assert e.halt() == 0


def test_a_long_message_without_descriptors() -> None:
    with Engine(MANY, boot=("basic.target",), descriptors=64) as e:
        running, _failed = exhausted(e)
        # What does not fit into a message needs a descriptor, and the clients take those that are left.
        e.call("SetEnvironment", assignments=["LONG=" + "y" * 100_000])
        main = psutil.Process(e.show(running[0])["MainPID"])
        clients = [Asker(e) for _ in range(40)]
        assert e.process
        of_manager = f"/proc/{e.process.pid}/fd"
        wait_for(lambda: len(os.listdir(of_manager)) == 64, "the manager to have no descriptor left")
        assert e.run("stop", running[0]) == "done"
        assert not alive(main)
        assert e.noted() == []
        assert e.show(running[0])["Result"] == "resources"
        for client in clients:
            client.socket.close()
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
