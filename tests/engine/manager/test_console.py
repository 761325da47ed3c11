"""The container's output is blocked or closed, and nobody waits for it."""

from __future__ import annotations

import os
import select
import signal

import pytest

from tests.engine.manager.engine import Engine, alive, wait_for

SLEEP = "[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'echo stopped >> @ROOT@/notes'\n"
FLOOD = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'yes $(printf %%0100d 0) | head -c 3000000'\n"
TARGETS = {f"{'x' * 200}-{number}.target": "[Unit]\n" for number in range(40)}
UNITS = {"a.service": SLEEP, "flood.service": FLOOD, **TARGETS}


def flood_ours(engine: Engine) -> None:
    """Make the manager log many lines: its state has one for each unit, with the unit's name."""
    assert engine.process
    for _ in range(200):
        os.kill(engine.process.pid, signal.SIGUSR2)
        engine.call("SystemState")


@pytest.mark.parametrize("reader", ["sleeps", "is gone"])
def test_an_output_that_nobody_reads(reader: str) -> None:
    read_end, write_end = os.pipe()
    try:
        with Engine(UNITS, boot=("a.service", *TARGETS), stdout=write_end) as e:
            os.close(write_end)
            if reader == "is gone":
                os.close(read_end)
            assert e.run("start", "flood.service") == "done"
            flood_ours(e)
            assert e.sub("a.service") == "running"
            assert e.run("restart", "a.service") == "done"
            assert e.halt() == 0
            assert e.noted() == ["stopped", "stopped"]
    finally:
        if reader == "sleeps":
            os.close(read_end)


def test_dropped_lines_are_counted() -> None:
    read_end, write_end = os.pipe()
    with Engine(UNITS, boot=("a.service", *TARGETS), stdout=write_end) as e:
        os.close(write_end)
        assert e.run("start", "flood.service") == "done"
        flood_ours(e)
        seen = bytearray()

        def read() -> bool:
            while select.select([read_end], [], [], 0)[0]:
                seen.extend(os.read(read_end, 1 << 16))
            return b"dropped, the console was blocked" in seen

        wait_for(read, "a count of what was dropped")
        os.close(read_end)
        assert e.halt() == 0


def test_what_a_killed_console_process_had_not_written_is_shown_by_the_next() -> None:
    with Engine(UNITS, boot=("a.service",)) as e:
        console = e.titled("console")
        console.suspend()
        assert e.run("start", "flood.service") == "done"
        assert "Starting flood.service..." not in e.text()
        console.kill()
        wait_for(lambda: "Finished flood.service." in e.text(), "the lines of the manager")
        assert e.text().count("Starting flood.service...") == 1


def test_what_is_said_before_there_is_a_console_process_is_shown() -> None:
    with Engine(UNITS, boot=("a.service",), change="import os; os.environ['SYSTEMCTL_STOP_TIMEOUT'] = 'soon'") as e:
        wait_for(lambda: "$SYSTEMCTL_STOP_TIMEOUT is no time between 0 and infinity" in e.text(), "the complaint")
        assert "dropped" not in e.text()


LAST_WORDS = """
import os, time
from systemctl_replacement.process.output import Output
def close(self, real=Output.close):
    while not os.path.exists("@ROOT@/go"):
        time.sleep(0.01)
    return real(self)[0] + b"my last words\\n", 0
Output.close = close
"""


def test_the_last_words_of_a_supervisor_whose_unit_is_started_again() -> None:
    """It hears that it is released, and the unit gets another one before it has said them."""
    with Engine({"x.service": "[Service]\nExecStart=/bin/sleep 1000\n"}, change=LAST_WORDS) as engine:
        assert engine.run("start", "x.service") == "done"
        before = engine.titled("supervisor: x.service")
        assert [engine.run(verb, "x.service") for verb in ("stop", "start")] == ["done", "done"]
        assert alive(before)
        assert "my last words" not in engine.text()
        (engine.root / "go").touch()
        engine.wait_said("my last words\n")
        wait_for(lambda: not alive(before), "its end")
        assert engine.text().count("my last words\n") == 1
