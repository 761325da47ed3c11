"""What the collector of the log is told of units, over re-executions."""

from __future__ import annotations

import json
import socket
from typing import Any

from systemctl_replacement.paths import LOG_DIRECTORY
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
PRINTS = "[Service]\nExecStart=/bin/sh -c 'echo before; until test -e @ROOT@/go; do sleep .02; done; echo after'\n"
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


def test_it_stores_where_a_manager_that_is_executed_again_would_have_it_store() -> None:
    with Engine({"a.service": PRINTS}, boot=("a.service",)) as e:
        places = {"auto": e.root / LOG_DIRECTORY[1:], "volatile": e.root / "run/systemd/log"}

        def stored(name: str, which: str = "received/other") -> list[str]:
            file = places[name] / f"{which}.journal.jsonl"
            lines = file.read_text().splitlines() if file.exists() else []
            return [json.loads(line)["MESSAGE"] for line in lines]

        def log(name: str) -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(f"<30>{name}".encode(), f"{e.root}/run/systemd/journal/dev-log")
            wait_for(lambda: stored(name) == [name], f"what is stored with Storage={name}")

        log("auto")
        wait_for(lambda: stored("auto", "a.service") == ["before"], "what the unit has printed")
        (e.root / "etc/systemd/journald.conf").write_text("[Journal]\nStorage=volatile\n")
        e.reexecute()
        e.call("Synchronize")  # the collector has heard of it
        log("volatile")
        (e.root / "go").touch()
        wait_for(lambda: stored("volatile", "a.service") == ["after"], "what the unit prints")
        assert (stored("auto"), stored("auto", "a.service")) == (["auto"], ["before"])
