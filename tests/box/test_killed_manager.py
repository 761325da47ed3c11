"""A manager that was killed: its supervisors stop what it ran, and none of it is started again before that."""

from __future__ import annotations

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled
from tests.box.test_takeover import booted

# It reports when it is up and down, and its stop lasts until it is released.
STORE = """\
#!/usr/bin/python3
import os, signal, time
def note(what):
    with open("/notes", "a") as file:
        file.write(what + "\\n")
def stop(*_):
    note("stopping")
    while not os.path.exists("/go"):
        time.sleep(0.02)
    note("down")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
note("up")
while True:
    signal.pause()
"""
FILES = {**enabled("store.service", "[Service]\nExecStart=/usr/bin/python3 /store.py\n"), "/store.py": STORE}
KILLED = (
    "systemctl start store; until test -e /notes; do sleep 0.02; done;"
    " kill -9 $(pgrep -f -- --on-deman[d]); until grep -q stopping /notes; do sleep 0.02; done"
)
IN_ORDER = "up\nstopping\ndown\nup\n"


def wait_queued(box: Box) -> None:
    """Wait for the next manager, which has a job that cannot begin yet."""
    box.wait_for(lambda: box.exists("/notes") and "stopping" in box.read("/notes"))
    box.wait_for(lambda: "store.service" in box.run("systemctl list-jobs").stdout)


@pytest.mark.parametrize(
    "then", ["exec systemctl init", "systemctl init & wait"], ids=["PID 1 comes", "an init comes that is not PID 1"]
)
def test_an_init_boots_when_it_is_down(then: str) -> None:
    with Box(init=["sh", "-c", f"{KILLED}; {then}"], files=FILES) as box:
        wait_queued(box)
        # A client's job does not begin either, and everybody is answered.
        client = box.popen("systemctl start store", stdout=-1, stderr=-1)
        assert box.run("systemctl is-active store").stdout == "inactive\n"
        assert box.read("/notes") == "up\nstopping\n"
        box.write("/go", "")
        assert client.communicate(timeout=30) == ("", "")
        assert box.wait_booted() == "running"
        box.wait_for(lambda: box.read("/notes").count("up") == 2)
        assert box.read("/notes") == IN_ORDER
        box.wait_said("Waiting for store.service to stop, left running by a manager that is gone.")


def test_the_next_manager_on_demand_starts_nothing_before_it_is_down() -> None:
    with Box(init=["sleep", "infinity"], files=FILES) as box:
        box.run(KILLED, check=True)
        client = box.popen("systemctl start store", stdout=-1, stderr=-1)
        wait_queued(box)
        assert box.read("/notes") == "up\nstopping\n"
        box.write("/go", "")
        assert client.communicate(timeout=30) == ("", "")
        box.wait_for(lambda: box.read("/notes").count("up") == 2)
        assert box.read("/notes") == IN_ORDER


def test_a_halt_does_not_wait_for_a_turn_that_never_comes() -> None:
    with Box(init=["sh", "-c", f"{KILLED}; exec systemctl init"], files=FILES) as box:
        wait_queued(box)
        box.signal(15)
        box.write("/go", "")
        assert box.wait() == 0
        assert box.read("/notes").endswith("stopping\ndown\n")


def test_a_supervisor_that_somebody_has_stopped_goes_on() -> None:
    stopped = KILLED.replace("kill -9", "kill -STOP $(pgrep -f '^supervisor: '); kill -9").partition("; until grep")[0]
    with Box(init=["sh", "-c", f"touch /go; {stopped}; exec systemctl init"], files=FILES) as box:
        assert booted(box) == "running"
        box.wait_for(lambda: box.read("/notes").count("up") == 2)
        assert box.read("/notes") == IN_ORDER
