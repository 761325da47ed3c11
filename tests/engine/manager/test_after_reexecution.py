"""What a manager was about to do before a re-execution is done afterwards."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from systemctl_replacement import wire
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.paths import Paths
from tests.engine.manager.engine import Engine, wait_for

# Changes to the program also hold after a re-execution.
STAY_CHANGED = "paths.self_command = lambda: [sys.executable, '-ISXutf8', sys.argv[0]]\n"
SHORT_LINGER = STAY_CHANGED + "from systemctl_replacement.manager import life\nlife.LINGER_USEC = 200_000\n"
REEXECUTE = 59  # SIGRTMIN+25
DEAF = "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; touch @ROOT@/deaf; while :; do sleep 1; done'\n"


@pytest.mark.parametrize("reexecuted", [False, True])
def test_an_on_demand_manager_leaves_when_its_last_service_ends(reexecuted: bool) -> None:
    """The service, which ends by itself, lasts longer than it stays without a client."""
    service = (
        "[Service]\nExecStart=/bin/sh -c 'until test -e @ROOT@/go; do sleep 0.02; done; sleep 1; touch @ROOT@/end'\n"
    )
    with Engine({"a.service": service}, boot=("--on-demand",), change=SHORT_LINGER) as e:
        assert e.run("start", "a.service") == "done"
        if reexecuted:
            e.reexecute()
        assert e.sub("a.service") == "running"
        e.forget()
        (e.root / "go").touch()
        assert e.process is not None
        assert e.process.wait(30) == 0
        assert (e.root / "end").exists(), "it has ended its service"


def test_a_request_is_finished_although_its_client_left() -> None:
    chain = {
        f"d{number}.service": f"[Unit]\nBefore=d{number + 1}.service\n[Service]\nExecStart=/bin/true\n"
        for number in range(800)
    }
    last = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
    with Engine({**chain, "last.service": last}, boot=("basic.target",)) as e:
        client = socket.socket(socket.AF_UNIX)
        client.connect(Paths(str(e.root)).socket_path())
        names = ["d0.service", "last.service"]
        parameters = {"operation": "start", "names": names, "mode": "replace", "wait": False}
        client.sendall(wire.dumps({"method": f"{MANAGER}.Enqueue", "parameters": parameters}) + b"\0")
        client.close()
        assert e.process is not None
        os.kill(e.process.pid, REEXECUTE)
        wait_for(lambda: "Reexecuted." in e.text(), "the re-execution")
        e.forget()
        wait_for(lambda: e.sub("last.service") == "exited", "the request to be carried out")


def test_a_socket_that_is_removed_meanwhile_is_made_anew() -> None:
    remove = """
real = reexec_state.execute
def execute(state, command):
    os.unlink(paths.Paths([word for word in sys.argv if word.startswith("--root=")][0][7:]).socket_path())
    real(state, command)
reexec_state.execute = execute
"""
    with Engine({}, boot=("basic.target",), change="import os\n" + remove) as e:
        path = Paths(str(e.root)).socket_path()
        before = os.stat(path).st_ino
        assert e.process is not None
        os.kill(e.process.pid, REEXECUTE)
        wait_for(lambda: os.path.exists(path) and os.stat(path).st_ino != before, "another socket")
        e.forget()
        assert e.call("SystemState")


def test_asked_again_to_halt_it_hurries() -> None:
    with Engine({"a.service": DEAF + "TimeoutStopSec=infinity\n"}, boot=("a.service",)) as e:
        wait_for((e.root / "deaf").exists, "the service to be deaf")
        assert e.process is not None
        os.kill(e.process.pid, signal.SIGTERM)
        wait_for(lambda: e.sub("a.service") == "stop-sigterm", "the halt")
        os.kill(e.process.pid, REEXECUTE)
        wait_for(lambda: "Reexecuted." in e.text(), "the re-execution")
        process = e.process

        def asked_again() -> bool:
            """The same signal only means something new after a second."""
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
            return process.poll() is not None

        wait_for(asked_again, "the end")
        assert process.returncode == 124


def test_the_end_leaves_no_socket() -> None:
    with Engine({}, boot=("basic.target",)) as e:
        path = Paths(str(e.root)).socket_path()
        assert e.halt() == 0
        assert not os.path.exists(path)
        assert "has been replaced" not in e.text()


def test_what_a_boot_skips_and_somebody_started_keeps_its_needs() -> None:
    units = {
        "systemd-logind.service": "[Unit]\nWants=w.service\n[Service]\nExecStart=/bin/sleep 100\n",
        "w.service": "[Service]\nExecStart=/bin/sleep 100\n",
    }
    with Engine(units, boot=("basic.target",)) as e:

        def is_linked() -> bool:
            units = e.call("Units", patterns=["w.service"])["units"]
            return bool(units) and e.show("w.service")["WantedBy"] == ["systemd-logind.service"]

        assert e.show("systemd-logind.service")["Wants"] == ["w.service"]  # what its file says
        assert not is_linked()
        assert e.run("start", "systemd-logind.service") == "done"
        assert is_linked()
        e.call("Reload")
        assert is_linked()
        e.reexecute()
        assert is_linked()

        assert e.show("systemd-logind.service")["Wants"] == ["w.service"]


def test_who_comes_while_it_leaves_is_still_served() -> None:
    come = """
import os, socket
from systemctl_replacement.manager import life, on_demand
real = on_demand.may_leave
go = "@ROOT@/go"
late = socket.socket(socket.AF_UNIX)
answers = []
def may_leave(places, listener):
    if not os.path.exists(go):
        return False  # the test has not been there yet
    if not answers:
        late.connect(places.socket_path())
        late.sendall(b'{"method":"io.systemctl-replacement.Manager.SystemState","parameters":{}}\\0')
        late.shutdown(socket.SHUT_WR)
        answers.append(real(places, listener))
        return answers[0]
    try:
        answer = late.recv(1000, socket.MSG_DONTWAIT).decode()
    except BlockingIOError:
        return real(places, listener)  # time flies: it has not been let in yet
    with open(places.root + "/notes", "w") as notes:
        notes.write(f"{answers[0]}\\n{answer}\\n")
    return real(places, listener)
on_demand.may_leave = may_leave
life.LINGER_USEC = 200_000
"""
    with Engine({}, boot=("--on-demand",), change=come) as e:
        e.forget()
        (e.root / "go").touch()
        assert e.process is not None
        assert e.process.wait(30) == 0
        stayed, answer = e.noted()
        assert stayed == "False" and "running" in answer
        assert not [name for name in os.listdir(e.root / "run/systemd") if "socket" in name]
        logs = "".join(path.read_text() for path in e.root.rglob("manager.journal.jsonl"))
        assert "Nothing to do, leaving." in logs and "has been replaced" not in logs
