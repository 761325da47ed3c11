"""A re-execution that goes wrong: the manager stays, and a broken state of one unit does not affect the others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from systemctl_replacement.control.client import CallError, Disconnected
from systemctl_replacement.manager.reexec import reexec_state
from tests.engine.manager.engine import DAMAGE, MAIN, Engine, alive, wait_for

SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n"
UNITS = {"a.service": SLEEP, "b.service": SLEEP, "own.target": "[Unit]\nWants=a.service b.service\n"}

BEFORE_EXEC = """
execute = reexec_state.execute
def changed(state, command):
    %s
    execute(state, command)
reexec_state.execute = changed
"""


def main_pids(engine: Engine) -> list[int]:
    return [engine.show(f"{name}.service")["MainPID"] for name in "ab"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("paths.self_command = lambda: ['/nonexistent/python3']", "No such file or directory"),
        ("paths.self_command = lambda: ['/bin/false']", "the program does not start"),
        (BEFORE_EXEC % "command = ['/nonexistent/python3']", "No such file or directory"),
        (DAMAGE % "state['units'].append(b'')", "bytes cannot be written"),
    ],
)
def test_without_a_program_to_execute_everything_stays(change: str, problem: str) -> None:
    with Engine(UNITS, boot=("a.service", "b.service"), change=change) as e:
        before = main_pids(e)
        descriptors = len(os.listdir(f"/proc/{e.process.pid}/fd")) if e.process else 0
        for _ in range(2):
            with pytest.raises(CallError) as caught:
                e.call("Reexecute")
            assert "Cannot reexecute: " in caught.value.message
            assert problem in caught.value.message
        assert main_pids(e) == before
        assert e.process and len(os.listdir(f"/proc/{e.process.pid}/fd")) == descriptors
        wait_for(lambda: problem in e.text(), "the line in the log")
        assert e.run("stop", "a.service") == "done"
        assert e.halt() == 0


@pytest.mark.parametrize(
    "change",
    [
        "del state['units'][i]['state']",
        "state['units'][i] = {'id': 'a.service'}",
        "state['units'][i]['state']['$'] = 'Nonsense'",
        "state['units'][i]['state'] = {'$': 'SimpleState', 'sub': 'active'}",
        "state['units'][i]['fd_store'] = [{'$': 'Stored', 'fd': 999, 'name': 'x', 'poll': True}]",
        "state['trackings'][t]['link'] = 'x'",
        "state['trackings'][t]['notify'] = 998",
        "del state['trackings'][t]['children']",
        "state['trackings'][t] = {'unit': 'a.service', 'link': state['trackings'][t]['link']}",
    ],
)
def test_a_unit_whose_state_is_damaged_is_lost_alone(change: str) -> None:
    find = (
        "i = [unit['id'] for unit in state['units']].index('a.service');"
        "t = [tracking['unit'] for tracking in state['trackings']].index('a.service');"
    )
    with Engine(UNITS, boot=("a.service", "b.service"), change=DAMAGE % (find + change)) as e:
        a, b = main_pids(e)
        e.reexecute()
        wait_for(lambda: "Cannot restore a.service: " in e.text(), "the line in the log")
        assert main_pids(e)[1] == b
        assert e.sub("a.service") == "dead"
        wait_for(lambda: not os.path.exists(f"/proc/{a}"), "the end of what ran in the unit")
        assert e.run("start", "a.service") == "done"
        assert e.halt() == 0


@pytest.mark.parametrize(
    "change", ["state['jobs'] = [{}, 5]", "state['halt'] = None", "state['environment'] = 7", "state['units'] += [5]"]
)
def test_other_damage_costs_no_unit(change: str) -> None:
    with Engine(UNITS, boot=("a.service", "b.service"), change=DAMAGE % change) as e:
        before = main_pids(e)
        e.reexecute()
        wait_for(lambda: "Cannot restore " in e.text(), "the line in the log")
        assert main_pids(e) == before
        assert e.run("restart", "a.service") == "done"
        assert e.halt() == 0


@pytest.mark.parametrize("change", ["state.clear()", "state['listener'] = 'x'", "state['console']['stdout'] = 999"])
def test_a_state_that_cannot_be_read_starts_everything_anew(change: str) -> None:
    with Engine({**UNITS, "default.target": UNITS["own.target"]}, change=DAMAGE % change) as e:
        before = main_pids(e)
        left = e.processes()
        with pytest.raises(Disconnected):
            e.call("Reexecute")
        wait_for(lambda: not any(alive(process) for process in left), "the end of all that ran")
        e.forget()
        wait_for(lambda: all(e.sub(f"{name}.service") == "running" for name in "ab"), "another boot")
        assert not set(before).intersection(main_pids(e))
        wait_for(lambda: "Cannot read the state of the previous manager" in e.text(), "the line in the log")
        assert e.halt() == 0


@pytest.mark.parametrize("data", [b"", b"\0", b"[]", b"{}", b'{"boot": 5}', b"[" * 100000, b"\xff" * 1000])
def test_what_is_no_state_is_unreadable(data: bytes) -> None:
    memfd = os.memfd_create("state")
    os.write(memfd, data)
    os.lseek(memfd, 0, os.SEEK_SET)
    with pytest.raises(reexec_state.Unreadable):
        reexec_state.read(memfd)


def test_a_descriptor_that_is_none_is_unreadable() -> None:
    with pytest.raises(reexec_state.Unreadable):
        reexec_state.read(999)


def test_the_probe_answers() -> None:
    answer = subprocess.run([sys.executable, "-IS", str(MAIN), "--probe"], stdout=subprocess.PIPE, check=True).stdout
    assert answer == b"READY\n"
