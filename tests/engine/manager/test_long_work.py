"""Long work in the manager makes nobody else wait."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from typing import Any, Optional

import pytest

from systemctl_replacement.paths import Paths
from tests.engine.manager.engine import PATIENCE, Engine, wait_for

LENGTH = 800


def chain(kind: str) -> dict[str, str]:
    """A chain of units, each of which requires the next one."""
    units = {}
    for number in range(LENGTH):
        below = f"c{number + 1}.{kind}"
        lines = f"Requires={below}\nAfter={below}\n" if number + 1 < LENGTH else ""
        units[f"c{number}.{kind}"] = f"[Unit]\n{lines}" + ("[Service]\nExecStart=/bin/true\n" * (kind == "service"))
    return units


class Asker:
    """A connection with one question at a time, without waiting for the answer."""

    def __init__(self, engine: Engine) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE * 3)
        self.socket.connect(Paths(str(engine.root)).socket_path())
        self._received = b""

    def ask(self, method: str, **parameters: Any) -> None:
        request = {"method": f"io.systemctl-replacement.Manager.{method}", "parameters": parameters, "more": True}
        self.socket.sendall(json.dumps(request).encode() + b"\0")

    def answered(self) -> bool:
        return bool(select.select([self.socket], [], [], 0)[0])

    def answer(self) -> Optional[dict[str, Any]]:
        """The answer to the question, None if the manager closed the connection."""
        while b"\0" not in self._received:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._received += data
        answer, _, self._received = self._received.partition(b"\0")
        found: dict[str, Any] = json.loads(answer)
        return found


def both_at_once(engine: Engine, first: Asker, method: str, second: Asker, **parameters: Any) -> None:
    """Let the manager find two questions at once, of which the second is SystemState."""
    assert engine.process is not None
    os.kill(engine.process.pid, signal.SIGSTOP)
    try:
        first.ask(method, **parameters)
        second.ask("SystemState")
    finally:
        os.kill(engine.process.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("States", {"names": ["c0.service"]}),
        ("Processes", {"name": "c0.service"}),
        ("Show", {"names": ["c0.service"], "properties": ["Id"]}),
        ("Units", {"patterns": ["*q*", *["x"] * 1000, "*"]}),
        ("WaitInactive", {"names": ["c0.service"]}),
        ("Enqueue", {"operation": "stop", "names": ["c0.service"], "mode": "replace", "wait": True}),
    ],
)
def test_loading_a_chain_of_units(method: str, parameters: dict[str, Any]) -> None:
    with Engine(chain("service")) as e:
        slow, quick = Asker(e), Asker(e)
        both_at_once(e, slow, method, quick, **parameters)
        assert quick.answer() == {"parameters": {"state": "running"}}
        assert not slow.answered()
        answer = slow.answer()
        assert answer and "error" not in answer, answer
        assert "c1.service" in e.show("c0.service")["Requires"]


def test_running_a_chain_of_jobs() -> None:
    with Engine(chain("target")) as e:
        slow, quick = Asker(e), Asker(e)
        # All starts of the chain follow each other, with nothing to wait for in between.
        slow.ask("Enqueue", operation="start", names=["c0.target"], mode="replace", wait=True)
        first = slow.answer()
        assert first and first["continues"], first
        quick.ask("Jobs")
        installed = quick.answer()
        assert installed and installed["parameters"]["jobs"], "the jobs ran without a pause"
        last = slow.answer()
        assert last and last["parameters"]["jobs"][0]["result"] == "done"
        assert e.sub("c0.target") == "active"


def test_a_reload_while_a_chain_is_being_loaded() -> None:
    with Engine(chain("service")) as e:
        slow, reload = Asker(e), Asker(e)
        slow.ask("States", names=["c0.service"])
        reload.ask("Reload")
        assert reload.answer() == {"parameters": {}}
        answer = slow.answer()
        assert answer and answer["parameters"]["states"][0]["load_state"] == "loaded"
        assert e.run("start", f"c{LENGTH - 1}.service") == "done"
        assert "Internal error" not in e.text()


def test_a_client_that_goes_away_while_its_units_are_being_loaded() -> None:
    with Engine(chain("service")) as e:
        slow = Asker(e)
        slow.ask("States", names=["c0.service", "c1.service"])
        slow.socket.close()
        wait_for(lambda: e.sub(f"c{LENGTH - 1}.service") == "dead", "an answer")
        assert e.show("c0.service")["Requires"]
        assert "Internal error" not in e.text()
