"""What the collector of the log is told of units, over re-executions."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.manager.engine import Engine, wait_for
from tests.engine.manager.test_after_reexecution import STAY_CHANGED

WRITTEN = (
    STAY_CHANGED
    + """
import json
from systemctl_replacement.supervision.collector import Collector
tell = Collector.tell
def tell_and_write(self, message, fds=()):
    with open("@ROOT@/told", "a") as told:
        told.write(json.dumps({**message, "collector": self.pid}) + "\\n")
    tell(self, message, fds)
Collector.tell = tell_and_write
"""
)
SERVICE = "[Service]\nExecStart=/bin/sleep 100\n"


def told(e: Engine, *operations: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (e.root / "told").read_text().splitlines()]
    return [message for message in found if message["op"] in operations]


def test_it_is_told_again_of_every_unit_and_of_the_end_of_each() -> None:
    with Engine({"a.service": SERVICE}, boot=("basic.target",), change=WRITTEN) as e:
        assert e.run("start", "a.service") == "done"
        (before,) = told(e, "unit")
        e.reexecute()
        (_, after) = told(e, "unit")
        assert {**after, "collector": 0} == {**before, "collector": 0} and before["invocation"]
        assert told(e, "all")[-1]["pids"] == [before["supervisor"]]
        assert [message["op"] for message in told(e, "unit", "all")][-2:] == ["unit", "all"]
        assert not told(e, "gone")
        assert e.run("stop", "a.service") == "done"
        wait_for(lambda: told(e, "gone"), "the end of the supervisor")
        assert [message["pid"] for message in told(e, "gone")] == [before["supervisor"]]
