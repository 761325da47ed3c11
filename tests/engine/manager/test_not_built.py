"""Units of types that cannot be run yet: whoever wants one is told so, and the state is degraded."""

from __future__ import annotations

from typing import Any

import pytest

from systemctl_replacement.control.client import connect
from systemctl_replacement.paths import Paths
from tests.engine.manager.engine import Engine, wait_for

TIMER = "[Timer]\nOnCalendar=daily\n[Unit]\nDescription=My job\n"
MAIN = "[Service]\nExecStart=/bin/sleep 1000\n"
WANTS_TIMER = "[Unit]\nDefaultDependencies=no\nWants=job.timer\n"


def request(engine: Engine, operation: str, unit: str) -> dict[str, Any]:
    """The outcome of a request after its job has ended."""
    parameters: dict[str, Any] = {"operation": operation, "names": [unit], "mode": "replace", "wait": True}
    engine.call("SystemState")  # it is up
    client = connect(Paths(str(engine.root)))
    assert client is not None
    outcome: dict[str, Any] = list(client.call_more("Enqueue", **parameters))[-1]["jobs"][0]
    client.close()
    return outcome


@pytest.mark.parametrize(("kind", "text"), [("timer", TIMER)])
def test_one_asked_for_by_name_fails_with_the_reason(kind: str, text: str) -> None:
    with Engine({f"job.{kind}": text, "job.service": MAIN}, boot=("basic.target",)) as e:
        assert e.show(f"job.{kind}")["NotBuilt"]
        outcome = request(e, "start", f"job.{kind}")
        assert outcome["result"] == "unsupported"
        assert outcome["extra"] == e.show(f"job.{kind}")["NotBuilt"]
        shown = e.show(f"job.{kind}")
        assert (shown["ActiveState"], shown["SubState"], shown["Result"]) == ("failed", "failed", "resources")
        assert e.call("SystemState")["state"] == "degraded"
        e.reexecute()
        assert e.sub(f"job.{kind}") == "failed"
        assert e.run("stop", f"job.{kind}") == "done"
        e.call("ResetFailed", names=[f"job.{kind}"])
        assert e.call("SystemState")["state"] == "running"


def test_a_boot_that_wants_one_says_so_once_and_ends_degraded() -> None:
    units = {"job.timer": TIMER, "job.service": MAIN, "my.target": WANTS_TIMER}
    with Engine(units, boot=("my.target",)) as e:
        assert e.call("SystemState", wait=True)["state"] == "degraded"
        assert [unit["id"] for unit in e.call("Units", patterns=["*.timer"])["units"]] == ["job.timer"]
        assert e.sub("my.target") == "active"
        wait_for(lambda: "Startup finished" in e.text(), "the last line of the boot")
        (line,) = [line for line in e.text().splitlines() if "job.timer" in line]
        reason = e.show("job.timer")["NotBuilt"]
        assert line.endswith(f": Starting of job.timer - My job unsupported: {reason}.")


@pytest.mark.parametrize("kind", ["Requires", "BindsTo", "Requisite"])
def test_what_cannot_do_without_one_names_it(kind: str) -> None:
    units = {
        "a.service": f"[Unit]\n{kind}=b.service\nAfter=b.service\n{MAIN}",
        "b.service": f"[Unit]\n{kind}=job.timer\nAfter=job.timer\n{MAIN}",
        "job.timer": TIMER,
        "job.service": MAIN,
    }
    with Engine(units, boot=("basic.target",)) as e:
        outcome = request(e, "start", "a.service")
        assert outcome["result"] == "dependency"
        reason = e.show("job.timer")["NotBuilt"]
        assert outcome["extra"] == f"job.timer cannot be started: {reason}"
        assert e.sub("a.service") == "dead"
        line = f"Dependency failed for a.service: job.timer cannot be started: {reason}."
        wait_for(lambda: line in e.text(), line)


@pytest.mark.parametrize("kind", ["Wants", "PartOf", "After", "Upholds", "OnFailure"])
def test_what_can_do_without_one_starts(kind: str) -> None:
    units = {"a.service": f"[Unit]\n{kind}=job.timer\n{MAIN}", "job.timer": TIMER, "job.service": MAIN}
    with Engine(units, boot=("basic.target",)) as e:
        outcome = request(e, "start", "a.service")
        assert (outcome["result"], outcome["extra"]) == ("done", None)
        e.wait_idle()
        assert e.sub("a.service") == "running"
        assert e.sub("job.timer") == ("failed" if kind in ("Wants", "Upholds") else "dead")


def test_a_failed_dependency_of_another_reason_is_not_explained() -> None:
    units = {
        "a.service": f"[Unit]\nRequires=b.service\nAfter=b.service\n{MAIN}",
        "b.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    }
    with Engine(units, boot=("basic.target",)) as e:
        outcome = request(e, "start", "a.service")
        assert (outcome["result"], outcome["extra"]) == ("dependency", None)


def test_a_halt_says_nothing_of_what_never_ran() -> None:
    units = {"job.timer": TIMER, "job.service": MAIN, "my.target": WANTS_TIMER}
    with Engine(units, boot=("my.target",)) as e:
        e.call("SystemState", wait=True)
        e.show("job.timer")
        before = len(e.text())
        assert e.halt() == 0
        halted = e.text()[before:]
    assert "ignoring" not in halted
    assert "job." not in halted
