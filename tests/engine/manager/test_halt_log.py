"""What the log says of the time of a halt: before, at its end, and the last lines of those who are killed."""

from __future__ import annotations

import contextlib
import os
import re

from tests.engine.manager.engine import PATIENCE, Engine, alive, wait_for
from tests.engine.manager.test_halt import GUESS as SHORT_GUESS

SLEEPS = "[Service]\nExecStart=/bin/sleep 1000\n"
# Deaf, and it says something as long as it lives.
DEAF = (
    "[Service]\nTimeoutStopSec=20\n"
    'ExecStart=/bin/sh -c \'trap "" TERM; n=0; while :; do n=$((n+1)); echo line $n; echo $n >>@ROOT@/notes; '
    "sleep 0.02; done'\n"
)
BUDGET = {
    "db.service": f"{SLEEPS}TimeoutStopSec=7\n",
    "app.service": f"[Unit]\nAfter=middle.target\n{SLEEPS}TimeoutStopSec=4\n",
    "middle.target": "[Unit]\nAfter=db.service\n",
    "beside.service": f"{SLEEPS}TimeoutStopSec=8\n",
}
WARNING = "Stopping units in order may take 11s: app.service (4s), db.service (7s). The halt has 9s. To give it more: "


def test_stops_that_do_not_fit_are_said_at_boot_and_after_a_reload_that_changes_them() -> None:
    with Engine(BUDGET, boot=("--stop-timeout=10", *BUDGET)) as e:
        wait_for(lambda: WARNING in e.text(), "the warning")
        e.call("Reload")
        e.reexecute()
        e.call("Reload")
        e.write("db.service", f"{SLEEPS}TimeoutStopSec=5\n")
        e.call("Reload")
        e.write("app.service", f"[Unit]\nAfter=middle.target\n{SLEEPS}TimeoutStopSec=14\n")
        e.call("Reload")
        wait_for(lambda: "may take 19s" in e.text(), "another warning")
        assert e.halt() == 0
        assert e.text().count("Stopping units in order may take") == 2
        assert "The halt took" not in e.text()  # nothing took long


def test_who_is_killed_is_named_and_its_last_lines_are_shown() -> None:
    with Engine({"deaf.service": DEAF}, boot=("--stop-timeout=2", "deaf.service")) as e:
        wait_for(e.noted, "the service to be at work")
        assert e.halt() == 124
        text = e.text()
        assert "Stop timeout reached, killing remaining processes: deaf.service\n" in text
        assert re.search(r"\]: The halt took [\d.]+m?s\. Killed: deaf\.service \(after [\d.]+m?s\)\.\n", text)
        assert f"]: line {e.noted()[-1]}\n" in text


GUESS = "import os; os.environ['container'] = 'docker'\n"


def test_a_guess_warns_only_of_what_somebody_has_set_and_can_be_granted() -> None:
    units = {
        "app.service": f"[Unit]\nAfter=db.service\n{SLEEPS}",
        "db.service": f"{SLEEPS}TimeoutStopSec=infinity\n",
        "slow.service": f"[Unit]\nAfter=db.service\n{SLEEPS}TimeoutStopSec=20\n",
    }
    with Engine(units, boot=("app.service",), change=GUESS) as e:
        e.call("Reload")
        assert "Stopping units in order" not in e.text()
        assert e.run("start", "slow.service") == "done"
        e.call("Reload")
        text = "Stopping units in order may take 20s: slow.service (20s). The halt has 9s, as Docker does by default."
        wait_for(lambda: text in e.text(), "the warning")


def test_an_end_by_force_counts_from_its_request() -> None:
    with Engine({"deaf.service": DEAF}, boot=("--stop-timeout=2", "deaf.service")) as e:
        wait_for(e.noted, "the service to be at work")
        e.call("Halt", verb="poweroff", exit_status=None, force=1)
        assert e.process is not None
        assert e.process.wait(PATIENCE) == 124
        assert re.search(r"The halt took [\d.]+m?s\. Killed: deaf\.service \(after [\d.]+m?s\)\.\n", e.text())


def test_nobody_is_left_who_writes_to_a_blocked_output() -> None:
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        with Engine({"deaf.service": DEAF}, boot=("--stop-timeout=1", "deaf.service"), stdout=writer) as e:
            wait_for(e.noted, "the service to be at work")
            console = e.titled("console")
            assert e.halt() == 124
            assert not alive(console)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_stop_that_takes_long_is_named() -> None:
    slow = 'trap "sleep 0.6; exit 0" TERM; echo up >>@ROOT@/notes; sleep 1000 & wait'
    units = {"slow.service": f"[Service]\nExecStart=/bin/sh -c '{slow}'\n"}
    with Engine(units, boot=("slow.service",), change=SHORT_GUESS) as e:
        wait_for(lambda: e.noted() == ["up"], "the service to be at work")
        assert e.halt() == 0
        assert re.search(r"The halt took [\d.]+m?s\. Slow to stop: slow\.service \([\d.]+m?s\)\.\n", e.text())
