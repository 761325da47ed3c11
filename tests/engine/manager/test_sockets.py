"""What sockets survive in every sub-state: a reload, the manager's re-execution, and the death of their supervisors.

Afterwards each goes where it would have gone, and whoever connects is served.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.engine.manager.engine import Engine, wait_for

GO = "while ! test -e @ROOT@/go; do sleep 0.02; done"
HOLD = f"/bin/sh -c '{GO}'"
# Ends only when it is released, whatever signal comes.
HARD = f"/bin/sh -c 'trap \"\" TERM USR1; touch @ROOT@/%s; {GO}'"
LEFT_HARD = (
    f'/bin/sh -c \'(trap "" TERM USR1; touch @ROOT@/%s; {GO}) & '
    "while ! test -e @ROOT@/%s; do sleep 0.02; done; exit 1'"
)
KILLED_HARD = "FinalKillSignal=SIGUSR1\nTimeoutSec=10min"  # see CHANGE

# Sub-state -> (what its socket has, how to get there, the next sub-state when it is released).
STATES: dict[str, tuple[str, str, str]] = {
    "start-pre": (f"ExecStartPre={HOLD}", "start", "listening"),
    "start-chown": ("SocketUser=root", "start", "listening"),
    "start-post": (f"ExecStartPost={HOLD}", "start", "listening"),
    "listening": ("", "start", "listening"),
    "running": ("", "start connect", "running"),
    "stop-pre": (f"ExecStopPre={HOLD}", "start stop", "dead"),
    "stop-pre-sigterm": (f"ExecStartPost={HARD % 'deaf1'}\nFinalKillSignal=SIGUSR1", "start stop", "dead"),
    "stop-pre-sigkill": (f"ExecStartPost={HARD % 'deaf2'}\n{KILLED_HARD}", "start stop", "failed"),
    "stop-post": (f"ExecStopPost={HOLD}", "start stop", "dead"),
    "final-sigterm": (f"ExecStartPre={LEFT_HARD % ('left1', 'left1')}", "start", "failed"),
    "final-sigkill": (f"ExecStartPre={LEFT_HARD % ('left2', 'left2')}\n{KILLED_HARD}", "start", "failed"),
    "failed": ("ExecStartPre=/bin/false", "start", "failed"),
}
UNITS = {f"{sub}.socket": f"[Socket]\nListenStream=/run/{sub}\n{text}\n" for sub, (text, _, _) in STATES.items()}
EACH = {
    "each.socket": "[Socket]\nListenStream=/run/each\nAccept=yes\nMaxConnections=3\n",
    "each@.service": "[Service]\nStandardInput=socket\nExecStart=/bin/cat\n",
}
# Looking a user up takes as long as the test wants, and of ten minutes the first signals get a tenth of a second.
CHANGE = """
import os, time
from systemctl_replacement.process import accounts
from systemctl_replacement.units.socket import flow
def look_up(name, real=accounts.look_up_user):
    while not os.path.exists("@ROOT@/go"):
        time.sleep(0.02)
    return real(name)
accounts.look_up_user = look_up
def time_to_end(self, rung, real=flow.SocketFlow.time_to_end):
    usec = real(self, rung)
    return 100000 if rung.harder and usec == 600000000 else usec
flow.SocketFlow.time_to_end = time_to_end
"""
PROGRAM = """
import socket
listening = socket.socket(fileno=3)
listening.setblocking(True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"served")
    connection.close()
"""


def connect(engine: Engine, name: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(str(engine.root / "run" / name))
    return client


def reach(engine: Engine, sub: str) -> None:
    """Bring the socket of a sub-state there."""
    unit = f"{sub}.socket"
    for way in STATES[sub][1].split():
        if way == "connect":
            engine.wait_sub(unit, "listening")
            with connect(engine, sub) as client:
                assert client.recv(10) == b"served"
        else:
            if way == "stop":
                engine.wait_sub(unit, "listening", "start-post")
                deaf = re.search("deaf.", STATES[sub][0])
                if deaf:
                    wait_for((engine.root / deaf[0]).exists, "a deaf process")
            engine.enqueue(way, unit)
    engine.wait_sub(unit, sub)
    if STATES[sub][0] and sub not in ("failed", "final-sigterm", "final-sigkill"):
        wait_for(lambda: engine.show(unit)["ControlPID"], "the process of the state")


def kill_supervisors(engine: Engine) -> None:
    units = [f"{sub}.socket" for sub, (text, _, _) in STATES.items() if text and sub != "failed"]
    for unit in units:
        engine.titled(f"supervisor: {unit}").kill()
    for unit in units:
        wait_for(partial(_is_degraded, engine, unit), "the death to be noticed")


def _is_degraded(engine: Engine, unit: str) -> bool:
    return bool(engine.call("Processes", name=unit)["degraded"])


DISTURBANCES: dict[str, Callable[[Engine], object]] = {
    "reload": lambda engine: engine.call("Reload"),
    "reexecution": Engine.reexecute,
    "supervisors-killed": kill_supervisors,
}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine({**UNITS, **EACH}, boot=("basic.target",), change=CHANGE) as e:
        (e.root / "serve.py").write_text(PROGRAM)
        for sub in STATES:
            e.write(f"{sub}.service", f"[Service]\nExecStart=/usr/bin/env python3 -IS {e.root}/serve.py\n")
        yield e


@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_every_sub_state_survives(engine: Engine, disturbance: str) -> None:
    assert engine.run("start", "each.socket") == "done"
    held = connect(engine, "each")
    held.sendall(b"x")
    assert held.recv(1) == b"x"
    for sub in STATES:
        reach(engine, sub)
    DISTURBANCES[disturbance](engine)
    assert {sub: engine.sub(f"{sub}.socket") for sub in STATES} == {sub: sub for sub in STATES}
    (engine.root / "go").touch()
    for sub, (_, _, end) in STATES.items():
        engine.wait_sub(f"{sub}.socket", *((end, "failed") if sub == "stop-pre-sigterm" else (end,)))
        if end in ("listening", "running"):
            with connect(engine, sub) as client:
                assert client.recv(10) == b"served", sub
    shown = engine.show("each.socket")
    assert (shown["NConnections"], shown["NAccepted"]) == (1, 1)
    held.close()
    wait_for(lambda: not engine.show("each.socket")["NConnections"], "the end of the connection to be noticed")


def test_a_flood_costs_what_is_allowed(engine: Engine) -> None:
    """No more instances than MaxConnections=, and in the end no descriptor more than before."""
    assert engine.run("start", "each.socket") == "done"
    assert engine.process is not None
    descriptors = f"/proc/{engine.process.pid}/fd"
    before = len(os.listdir(descriptors))
    clients = [connect(engine, "each") for _ in range(60)]
    wait_for(lambda: engine.show("each.socket")["NRefused"] == 57, "those that are too many to be refused")
    shown = engine.show("each.socket")
    assert (shown["NConnections"], shown["NAccepted"]) == (3, 3)
    for client in clients:
        client.close()
    wait_for(lambda: not engine.show("each.socket")["NConnections"], "all connections to be gone")
    wait_for(lambda: len(os.listdir(descriptors)) <= before, "all descriptors to be closed")
    with connect(engine, "each") as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"


# The step of a socket's machine ends after each port beyond the first few, so that everything else has its turn.
SHORT_SLICE = """
from systemctl_replacement.manager import unit_driver
unit_driver.SLICE_USEC = -1
"""


def test_many_ports_are_opened_bit_by_bit() -> None:
    names = [f"many{number}" for number in range(200)]
    units = {
        "many.socket": "[Socket]\nRemoveOnStop=yes\n" + "".join(f"ListenStream=/run/{name}\n" for name in names),
        "many.service": "[Service]\nExecStart=/usr/bin/env python3 -IS @ROOT@/serve.py\n",
    }
    with Engine(units, boot=("basic.target",), change=SHORT_SLICE) as engine:
        (engine.root / "serve.py").write_text(PROGRAM)

        def there() -> list[str]:
            return [name for name in names if (engine.root / "run" / name).exists()]

        for _ in range(2):
            engine.enqueue("start", "many.socket")
            engine.enqueue("stop", "many.socket")
            engine.wait_sub("many.socket", "dead")
            assert not there()
            assert engine.run("start", "many.socket") == "done"
            assert there() == names
            assert engine.run("stop", "many.socket") == "done"
        assert engine.run("start", "many.socket") == "done"
        with connect(engine, names[0]) as client:
            assert client.recv(10) == b"served"


def test_few_ports_are_opened_at_once_however_busy_the_machine_is() -> None:
    """A start that takes no time is said to have begun on no machine."""
    text = "[Socket]\nListenStream=/run/a\nListenDatagram=/run/b\nListenFIFO=/run/c\n"
    units = {"few.socket": text, "few.service": "[Service]\nExecStart=/bin/sleep 1000\n"}
    with Engine(units, boot=("basic.target",), change=SHORT_SLICE) as engine:
        assert engine.run("start", "few.socket") == "done"
        engine.wait_said("Listening on few.socket.")
        assert "Starting few.socket" not in engine.text()


def test_a_connection_does_not_cost_a_look_at_all_others() -> None:
    change = "from systemctl_replacement.manager import unit_driver\nunit_driver._as_other = None"
    with Engine(EACH, boot=("basic.target",), change=change) as engine:
        assert engine.run("start", "each.socket") == "done"
        with connect(engine, "each") as first, connect(engine, "each") as second:
            for client in (first, second):
                client.sendall(b"x")
                assert client.recv(1) == b"x"
        wait_for(lambda: not engine.show("each.socket")["NConnections"], "the end of the connections to be noticed")
        assert "Traceback" not in engine.text()
