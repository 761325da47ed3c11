"""Ports, by a kind of units that is made up: what a machine has asked for survives a re-execution and a takeover."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Optional

import pytest

from tests.engine.manager import test_takeover
from tests.engine.manager.engine import Engine, wait_for
from tests.engine.manager.test_after_reexecution import STAY_CHANGED

# Units of the type "path" ask for everything when they start, and write down what they are told.
KIND = (
    STAY_CHANGED
    + """
import time
from systemctl_replacement.records import replace
from systemctl_replacement.units import table
from systemctl_replacement.units.events import *
from systemctl_replacement.units.listen_on import ListenOn
from systemctl_replacement.units.simple import SimpleKind
ROOT = "@ROOT@"
class MadeUp(SimpleKind):
    on = "waiting"
    def step(self, config, state, event, context):
        asked = ()
        if isinstance(event, Start):
            asked = (
                Listen("socket", ListenOn("Stream", "/run/x.socket")), WatchPort("socket"),
                WatchPath("exists", "/deep/down/file", EXISTS), WatchPath("changed", "/changed", CHANGED),
                SetClock("soon", MONOTONIC, context.now + 2_500_000),
                SetClock("calendar", REALTIME, context.realtime + 2_500_000), SetClock("stepped", REALTIME, None),
                Listen("broken", ListenOn("Stream", "256.1.1.1:80")),
            )
        elif isinstance(event, PortReady):
            asked = (Accept("socket", "connection"),)
        elif isinstance(event, Accepted):
            asked = (ClosePort("connection"), WatchPort("socket"))
        if not isinstance(event, (Start, Stop)):
            asked = (Log(6, repr(event)), *asked)
        after, changed = super().step(config, state, event, context)
        return after, (*changed, *asked)
KIND = MadeUp()
table.TYPES["path"] = replace(
    table.TYPES["path"], kind=__name__, startable=True, prominent=True, keeps_manager=True
)
"""
)
UNIT = {"x.path": "[Path]\nPathExists=/nowhere\n"}


def told(engine: Engine, text: str, times: int = 1) -> None:
    wait_for(lambda: engine.text().count(text) >= times, text)


def connected(engine: Engine) -> Optional[bytes]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(engine.root / "run/x.socket"))
        try:
            return client.recv(1)
        except ConnectionResetError:
            return b""


def descriptors(engine: Engine) -> set[str]:
    assert engine.process is not None
    directory = Path(f"/proc/{engine.process.pid}/fd")
    links = set()
    for name in os.listdir(directory):
        try:
            links.add(os.readlink(directory / name))
        except FileNotFoundError:
            continue
    return links


@pytest.mark.parametrize("again", [False, True], ids=["at-once", "after-reexecution"])
def test_a_machine_is_told_of_its_ports(again: bool) -> None:
    with Engine(UNIT, change=KIND) as e:
        begun = time.monotonic()
        assert e.run("start", "x.path") == "done"
        told(e, "PortFailed(port='broken'")
        told(e, "PathChanged(port='exists', holds=False")
        if again:
            e.reexecute()
        assert e.sub("x.path") == "waiting"
        # A connection that comes, is taken and is closed by the machine; and another one.
        for times in (1, 2):
            assert connected(e) == b""
            told(e, "Accepted(port='socket', connection='connection', peer=Peer(instance=", times)
        (e.root / "deep/down").mkdir(parents=True)
        (e.root / "deep/down/file").touch()
        told(e, "PathChanged(port='exists', holds=True")
        (e.root / "deep/down/file").unlink()
        (e.root / "deep/down/file").touch()
        told(e, "PathChanged(port='exists', holds=True", 2)
        (e.root / "changed").write_text("new")
        told(e, "PathChanged(port='changed', holds=True")
        for port in ("soon", "calendar"):
            told(e, f"ClockElapsed(port='{port}')")
        assert time.monotonic() - begun >= 2.5
        assert "ClockStepped" not in e.text()
        assert any("inotify" in link for link in descriptors(e))
        before = descriptors(e)
        assert e.run("stop", "x.path") == "done"
        wait_for(lambda: not any("timerfd" in link for link in descriptors(e)), "the clocks to be closed")
        left = descriptors(e)
        assert len([link for link in before if link.startswith("socket:")]) > len(
            [link for link in left if link.startswith("socket:")]
        )
        with pytest.raises(ConnectionRefusedError):
            connected(e)


def test_an_init_takes_them_over() -> None:
    with test_takeover.on_demand(UNIT, change=KIND) as e:
        assert e.run("start", "x.path") == "done"
        assert e.process is not None
        with test_takeover.init(e, change=KIND.replace("@ROOT@", str(e.root))):
            assert e.process.wait(20) == 0
            e.forget()
            assert e.sub("x.path") == "waiting"
            assert connected(e) == b""
            (e.root / "deep/down").mkdir(parents=True)
            (e.root / "deep/down/file").touch()
            for text in ("Accepted(port='socket'", "PathChanged(port='exists', holds=True"):
                wait_for(lambda text=text: text in test_takeover.told(e), text)  # type: ignore[misc]


def test_nobody_wakes_an_idle_manager() -> None:
    with Engine(UNIT, change=KIND) as e:
        assert e.run("start", "x.path") == "done"
        for port in ("soon", "calendar"):
            told(e, f"ClockElapsed(port='{port}')")
        with socket.socket(socket.AF_UNIX) as client:  # which is taken at once
            client.connect(str(e.root / "run/x.socket"))
            told(e, "Accepted")
        e.wait_idle()
        e.forget()
        assert e.process is not None
        status = Path(f"/proc/{e.process.pid}/status")

        def switches() -> str:
            return next(line for line in status.read_text().split("\n") if line.startswith("voluntary"))

        last = [""]

        def settled() -> bool:
            before, last[0] = last[0], switches()
            time.sleep(0.5)  # the time in which nothing may happen
            return before == last[0] == switches()

        wait_for(settled, "the manager to sleep")
