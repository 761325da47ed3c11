"""Units that start others, by a kind that is made up: it is told what becomes of them, and of what it hands over."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.engine.manager.engine import Engine, wait_for
from tests.engine.manager.test_after_reexecution import STAY_CHANGED

# A unit of the type "path" starts the service that Unit= names for each connection, which the service gets.
KIND = (
    STAY_CHANGED
    + """
from systemctl_replacement.records import replace
from systemctl_replacement.units import table
from systemctl_replacement.units.events import *
from systemctl_replacement.units.listen_on import ListenOn
from systemctl_replacement.units.simple import SimpleKind
class MadeUp(SimpleKind):
    on = "waiting"
    def configure(self, file, manager, sees_all):
        return file.get("Path", "Unit")
    def step(self, config, state, event, context):
        asked = ()
        if isinstance(event, Start):
            asked = (Listen("socket", ListenOn("Stream", "/run/x.socket")), WatchPort("socket"))
        elif isinstance(event, PortReady):
            asked = (Accept("socket", "connection"),)
        elif isinstance(event, Accepted):
            asked = (Trigger(config, "connection"), WatchPort("socket"))
        if isinstance(event, TriggeredChanged):
            one = context.triggered[event.unit]
            asked = (Log(6, f"{event.unit} is {one.active} ({one.sub}), its job {one.job or None}"),)
        elif not isinstance(event, (Start, Stop)):
            asked = (Log(6, repr(event)), *asked)
        after, changed = super().step(config, state, event, context)
        return after, (*asked, *changed)
KIND = MadeUp()
table.TYPES["path"] = replace(
    table.TYPES["path"], kind=__name__, startable=True, triggers=True, prominent=True, keeps_manager=True
)
"""
)
UNITS = {
    "x.path": "[Path]\nPathExists=/nowhere\nUnit=a.service\n",
    "a.service": "[Service]\nExecStart=/bin/sleep 1000\n",
}
CLOSED = "ConnectionClosed(unit='a.service', connection='connection')"


def told(engine: Engine, text: str, times: int = 1) -> None:
    wait_for(lambda: engine.text().count(text) >= times, text)


def connect(engine: Engine) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(str(engine.root / "run/x.socket"))
    return client


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(UNITS, change=KIND) as e:
        assert e.run("start", "x.path") == "done"
        yield e


@pytest.mark.parametrize("again", [False, True], ids=["at-once", "after-reexecution"])
def test_a_connection_goes_over_to_the_service(engine: Engine, again: bool) -> None:
    with connect(engine) as client:
        told(engine, "a.service is active (running), its job None")
        if again:
            engine.reexecute()
            told(engine, "Reloaded()")
        engine.forget()
        assert engine.run("stop", "a.service") == "done"
        assert client.recv(1) == b"", "nobody has the connection any more"
        told(engine, CLOSED)
        told(engine, "a.service is inactive (dead), its job None")


def test_a_start_that_comes_to_nothing_closes_the_connection(engine: Engine) -> None:
    engine.write("a.service", "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/true\n")
    engine.call("Reload")
    told(engine, "Reloaded()")
    with connect(engine) as client:
        assert client.recv(1) == b""
        told(engine, CLOSED)


def test_a_trigger_may_be_refused(engine: Engine) -> None:
    (engine.units / "a.service").unlink()
    engine.call("Reload")
    with connect(engine) as client:
        assert client.recv(1) == b""
        told(engine, "TriggerRefused(unit='a.service', message='Invalid argument')")
        told(engine, CLOSED)
