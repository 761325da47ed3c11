"""Clients that are connected during a re-execution do not notice it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from systemctl_replacement import wire
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.control.client import Client, connect
from systemctl_replacement.paths import Paths
from tests.engine.manager.engine import Engine, wait_for

HOLD = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'while ! test -e @ROOT@/go{}; do sleep 0.02; done; exit {}'\n"
UNITS = {"good.service": HOLD.format(1, 0), "bad.service": HOLD.format(2, 3)}
TIMES = pytest.mark.parametrize("times", [1, 2])


def client_of(engine: Engine) -> Client:
    client = connect(Paths(str(engine.root)))
    assert client is not None
    return client


class Waiting(threading.Thread):
    """Make a call that takes a while, and return its answer."""

    def __init__(self, client: Client, method: str, **parameters: Any) -> None:
        super().__init__(daemon=True)
        self.answer: Any = None
        self._call = client, method, parameters
        self.start()

    def run(self) -> None:
        client, method, parameters = self._call
        try:
            self.answer = list(client.call_more(method, **parameters))
        except Exception as error:
            self.answer = error

    def result(self) -> Any:
        self.join(20)
        assert not self.is_alive(), "nobody answers"
        return self.answer


def start(engine: Engine, *names: str) -> Waiting:
    waiting = Waiting(client_of(engine), "Enqueue", operation="start", names=list(names), mode="replace", wait=True)
    for name in names:
        if name in UNITS:
            engine.wait_sub(name, "start")
    return waiting


@TIMES
def test_a_client_goes_on_waiting_for_its_jobs(times: int) -> None:
    with Engine(UNITS, boot=("basic.target",)) as engine:
        waiting = start(engine, "good.service", "bad.service", "unknown.service")
        (engine.root / "go1").touch()
        wait_for(lambda: len(engine.call("Jobs")["jobs"]) == 1, "the end of the first job")
        for _ in range(times):
            engine.reexecute()
        (engine.root / "go2").touch()
        _, last = waiting.result()
        found = [(job["name"], job["result"], job["service_result"], job["error"] is None) for job in last["jobs"]]
        assert found == [
            ("good.service", "done", "success", True),
            ("bad.service", "failed", "exit-code", True),
            ("unknown.service", None, None, False),
        ]


@TIMES
def test_a_cancelled_job_is_told_after_a_reexecution(times: int) -> None:
    with Engine(UNITS, boot=("basic.target",)) as engine:
        waiting = start(engine, "good.service")
        for _ in range(times):
            engine.reexecute()
        engine.call("CancelJobs", ids=[])
        assert waiting.result()[-1]["jobs"][0]["result"] == "canceled"


def test_questions_that_wait_are_asked_again() -> None:
    with Engine(UNITS, boot=("basic.target",)) as engine:
        engine.enqueue("start", "good.service")
        engine.wait_sub("good.service", "start")
        waiting = Waiting(client_of(engine), "WaitInactive", names=["good.service"])
        engine.call("SystemState")
        engine.reexecute()
        (engine.root / "go1").touch()
        assert waiting.result()[0]["states"][0]["sub_state"] == "dead"


def test_what_was_sent_ahead_and_half_of_a_request_are_not_lost() -> None:
    with Engine(UNITS, boot=("basic.target",)) as engine, socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        paths = Paths(str(engine.root))
        raw.connect(next(path for path in map(paths.socket_path, paths.trusted_runtimes()) if Path(path).exists()))
        wait = {"method": f"{MANAGER}.WaitInactive", "parameters": {"names": ["good.service"]}}
        engine.enqueue("start", "good.service")
        ask = wire.dumps({"method": f"{MANAGER}.SystemState", "parameters": {}}) + b"\0"
        raw.sendall(wire.dumps(wait) + b"\0" + ask + ask[:20])
        engine.call("SystemState")
        engine.reexecute()
        (engine.root / "go1").touch()
        raw.sendall(ask[20:])
        received = b""
        while received.count(b"\0") < 3:
            received += raw.recv(65536)
        assert [sorted(wire.loads(one)["parameters"]) for one in received.split(b"\0")[:3]] == [
            ["states"], ["state"], ["state"]
        ]  # fmt: skip


def test_nothing_of_clients_is_left_open() -> None:
    with Engine(UNITS, boot=("basic.target",)) as engine:
        assert engine.process is not None
        engine.reexecute()
        manager = psutil.Process(engine.process.pid)
        before = manager.num_fds()
        clients = [client_of(engine) for _ in range(3)]
        for client in clients:
            client.call("SystemState")
        engine.reexecute()
        for client in clients:
            assert client.call("SystemState")["state"]
            client.close()
        wait_for(lambda: manager.num_fds() == before, "the clients' sockets to be closed")
