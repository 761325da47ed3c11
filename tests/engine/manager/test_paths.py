"""Path units: what happens while the manager executes itself, or another one takes over."""

from __future__ import annotations

import pytest

from tests.engine.manager import test_takeover
from tests.engine.manager.engine import Engine, wait_for

UNITS = {
    "a.path": "[Path]\nPathChanged=/watched/file\n",
    "b.path": "[Path]\nPathExists=/watched/there\n",
    "c.path": "[Path]\nPathExists=/watched/file/below\n",
    "a.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n[Unit]\nStartLimitIntervalSec=0\n",
    "b.service": "[Service]\nExecStart=/bin/sleep 1000\n",
    "c.service": "[Service]\nExecStart=/bin/sleep 1000\n",
}


def triggered(engine: Engine) -> int:
    return int(engine.show("a.service")["ExecMainPID"])


def is_triggered_after(engine: Engine, before: int) -> None:
    wait_for(lambda: triggered(engine) != before and engine.sub("a.path") == "waiting", "a.path to trigger")


def test_reexecution_in_each_state() -> None:
    """What is written just before, and just after; what waits, runs and has failed stays so."""
    with Engine(UNITS) as e:
        file = e.root / "watched/file"
        file.parent.mkdir()
        file.touch()
        (e.root / "watched/there").touch()
        assert e.run("start", "a.path") == "done"
        assert e.run("start", "b.path") == "done"
        assert e.run("start", "c.path") == "failed"
        for again in range(2):
            before = triggered(e)
            file.write_text(str(again))
            e.reexecute()
            is_triggered_after(e, before)
            before = triggered(e)
            file.write_text("after")
            is_triggered_after(e, before)
        assert (e.sub("b.path"), e.sub("b.service")) == ("running", "running")
        assert (e.sub("c.path"), e.show("c.path")["Result"]) == ("failed", "resources")
        (e.root / "watched/there").unlink()
        assert e.run("stop", "b.service") == "done"
        wait_for(lambda: e.sub("b.path") == "waiting", "b.path to wait")
        e.reexecute()
        (e.root / "watched/there").touch()
        wait_for(lambda: e.sub("b.service") == "running", "b.service to start")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_an_init_takes_over(before: bool) -> None:
    with test_takeover.on_demand(UNITS) as e:
        (e.root / "watched").mkdir()
        assert e.run("start", "b.path") == "done"
        assert e.run("start", "a.path") == "done"
        assert e.process is not None
        if before:
            (e.root / "watched/there").touch()
        with test_takeover.init(e):
            assert e.process.wait(20) == 0
            e.forget()
            if not before:
                assert e.sub("b.path") == "waiting"
                (e.root / "watched/there").touch()
            wait_for(lambda: e.sub("b.service") == "running", "b.service to start")
            assert e.sub("a.path") == "waiting"
