"""The time for a halt, shortened: box tests have the real figures (tests/box/test_stop_time.py)."""

from __future__ import annotations

import os
import signal

import pytest

from tests.engine.manager.engine import PATIENCE, Engine, wait_for

# A guessed time that is nearly over one second after the stop signal.
GUESS = "import os; os.environ['container'] = 'docker'\n" + "\n".join(
    ["from systemctl_replacement.manager.halt import stop_time", "stop_time._DOCKER_USEC = 2_500_000"]
)
DEAF = (
    "[Unit]\nAfter=saves.service\n[Service]\nTimeoutStopSec=4\n"
    "ExecStart=/bin/sh -c 'trap \"\" TERM; echo up >>@ROOT@/notes; while :; do sleep 0.1; done'\n"
)
SAVES = (
    '[Service]\nExecStart=/bin/sh -c \'trap "echo saved >>@ROOT@/notes; exit" TERM; echo up >>@ROOT@/notes; '
    "while :; do sleep 0.05; done'\n"
)
LEFT = (
    "[Service]\nType=forking\nKillMode=process\nGuessMainPID=no\nExecStart=/bin/sh -c '/bin/sh @ROOT@/left & exit 0'\n"
)
LEFT_PROGRAM = "trap 'sleep 0.3; echo saved >>@NOTES@; exit' TERM; echo up >>@NOTES@\nwhile :; do sleep 0.05; done\n"
UNITS = {"deaf.service": DEAF, "saves.service": SAVES}


def up(engine: Engine) -> None:
    wait_for(lambda: engine.noted() == ["up", "up"], "both services to be at work")


def test_a_guess_counts_from_the_signal_not_from_what_a_client_asks() -> None:
    with Engine(UNITS, boot=tuple(UNITS), change=GUESS) as e:
        up(e)
        e.call("Halt", verb="poweroff", exit_status=None, force=0)
        assert e.process is not None
        assert e.process.wait(PATIENCE) == 0
        assert e.noted()[2:] == ["saved"]
        assert "Docker gives" not in e.text()
    with Engine(UNITS, boot=tuple(UNITS), change=GUESS) as e:
        up(e)
        e.call("Halt", verb="poweroff", exit_status=None, force=0)
        wait_for(lambda: "Halting" in e.text(), "the halt")
        assert e.halt(signal.SIGTERM) == 0
        assert "Stopping out of order: saves.service." in e.text()


def test_a_halt_that_was_told_its_time_goes_on_after_a_reexecution() -> None:
    with Engine(UNITS, boot=("--stop-timeout=6", *UNITS)) as e:
        up(e)
        assert e.process is not None
        os.kill(e.process.pid, signal.SIGTERM)
        wait_for(lambda: "Halting" in e.text(), "the halt")
        e.reexecute()
        assert e.process.wait(PATIENCE) == 0
        assert "out of order, so that they get their share of the time: saves.service." in e.text()
        assert e.noted()[2:] == ["saved"]


NO_PIDFD = """
import errno, os
from systemctl_replacement import syscalls
def open_pidfd(pid):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
syscalls.open_pidfd = open_pidfd
"""


@pytest.mark.parametrize("change", ["", NO_PIDFD], ids=["pidfd", "no pidfd"])
def test_what_was_left_behind_is_waited_for(change: str) -> None:
    with Engine({"left.service": LEFT}, change=change) as e:
        (e.root / "left").write_text(LEFT_PROGRAM.replace("@NOTES@", str(e.notes)))
        assert e.run("start", "left.service") == "done"
        wait_for(lambda: e.noted() == ["up"], "what is to be left behind")
        assert e.halt() == 0
        assert e.noted() == ["up", "saved"]


def test_asked_twice_nobody_is_killed_untold() -> None:
    with Engine({"left.service": LEFT, "deaf.service": DEAF}, boot=("deaf.service",)) as e:
        (e.root / "left").write_text(LEFT_PROGRAM.replace("@NOTES@", str(e.notes)))
        assert e.run("start", "left.service") == "done"
        up(e)
        assert e.process is not None
        os.kill(e.process.pid, signal.SIGTERM)
        wait_for(lambda: e.sub("left.service") == "dead", "the unit to be down")

        def again() -> bool:
            assert e.process is not None
            os.kill(e.process.pid, signal.SIGTERM)
            return "Halt requested again" in e.text()

        wait_for(again, "the manager to hurry")
        assert e.process.wait(PATIENCE) == 124
        assert e.noted()[2:] == ["saved"]
