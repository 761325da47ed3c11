"""How much the manager says: status lines and log level, by signal and by option."""

from __future__ import annotations

import os

import pytest

from tests.engine.manager.engine import Engine, wait_for

UNITS = {"a.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n", "bad.service": "[Service]\nType=oneshot\n"
         "ExecStart=/bin/false\n", "skips.service": "[Service]\nType=oneshot\nExecStart=-/nowhere\n",
         "talk.service": "[Service]\nType=oneshot\nExecStart=/bin/echo heard\n"}  # fmt: skip
RTMIN = 34


def signal(engine: Engine, number: int) -> None:
    """Send a signal, which is handled before the next request."""
    assert engine.process
    os.kill(engine.process.pid, number)
    engine.call("SystemState")


def said(engine: Engine, unit: str) -> str:
    """What is shown of a start, up to the service's own line."""
    before = len(engine.text())
    engine.run("start", unit)
    heard = engine.text().count("heard")
    engine.run("start", "talk.service")
    wait_for(lambda: engine.text().count("heard") > heard, "the service's own line")
    return engine.text()[before:]


@pytest.mark.parametrize("reexecuted", [False, True])
def test_status_lines_are_shown_or_not(reexecuted: bool) -> None:
    with Engine(UNITS, boot=("basic.target",)) as e:
        assert "Finished a.service" in said(e, "a.service")
        signal(e, RTMIN + 21)
        if reexecuted:
            e.reexecute()
        assert "Finished a.service" not in said(e, "a.service")
        assert "Failed with result 'exit-code'" in said(e, "bad.service")
        signal(e, RTMIN + 20)
        assert "Finished a.service" in said(e, "a.service")
        logs = "".join(path.read_text() for path in e.root.rglob("manager.journal.jsonl"))
        assert logs.count("Finished a.service") == 3


def test_no_status_lines_from_the_beginning() -> None:
    with Engine(UNITS, boot=("basic.target", "--show-status=no")) as e:
        assert "Finished a.service" not in said(e, "a.service")
        assert "Startup finished" not in e.text()


def test_no_status_lines_by_configuration() -> None:
    e = Engine(UNITS, boot=("basic.target",))
    (e.root / "etc/systemd/system.conf").write_text("[Manager]\nShowStatus=no\n")
    with e:
        assert "Finished a.service" not in said(e, "a.service")


@pytest.mark.parametrize("level", ["info", "notice"])
def test_the_log_level_changes_and_comes_back(level: str) -> None:
    with Engine(UNITS, boot=("basic.target", f"--log-level={level}")) as e:
        signal(e, RTMIN + 22)
        assert e.call("Log")["level"] == "debug"
        e.reexecute()
        assert e.call("Log")["level"] == "debug"
        signal(e, RTMIN + 23)
        assert e.call("Log")["level"] == level


MISSING = "skips.service: Executable /nowhere missing, skipping"


def journal(engine: Engine, unit: str) -> str:
    return "".join(path.read_text() for path in engine.root.rglob(f"{unit}.journal.jsonl"))


def test_what_supervisors_say_is_shown_or_not() -> None:
    with Engine(UNITS, boot=("basic.target",)) as e:
        assert said(e, "skips.service").count(MISSING) == 1
        signal(e, RTMIN + 21)
        assert MISSING not in said(e, "skips.service")
        assert journal(e, "skips.service").count(MISSING) == 2
        signal(e, RTMIN + 20)
        assert said(e, "skips.service").count(MISSING) == 1


def test_the_log_level_is_that_of_supervisors_too() -> None:
    with Engine(UNITS, boot=("basic.target", "--log-level=notice")) as e:
        assert MISSING not in said(e, "skips.service") + journal(e, "skips.service")
        signal(e, RTMIN + 22)
        assert said(e, "skips.service").count(MISSING) == journal(e, "skips.service").count(MISSING) == 1
