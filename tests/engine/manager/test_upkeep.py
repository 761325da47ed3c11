"""What journalctl asks the manager for: rotation, and that everything is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

from systemctl_replacement.journal.names import RECEIVED, parse_name
from tests.engine.manager.engine import Engine, wait_for

SAYS = "[Service]\nExecStart=/bin/sh -c 'echo first; while ! [ -e @ROOT@/go ]; do sleep 0.05; done; echo second; \
exec sleep 1000'\n"
ONCE = "[Service]\nType=oneshot\nExecStart=/bin/echo once\n"


def messages(path: Path) -> list[str]:
    return [json.loads(line)["MESSAGE"] for line in path.read_text().splitlines()]


def written(path: Path) -> list[str]:
    """The first messages in a file, once there are any."""
    found: list[str] = wait_for(lambda: path.exists() and messages(path), f"a message in {path.name}")
    return found


def live_and_archives(engine: Engine) -> tuple[set[str], dict[str, list[str]]]:
    logs = engine.root / "var/log/systemctl-replacement"
    live, archives = set(), {}
    for name in set(os.listdir(logs)) - {RECEIVED}:
        said = parse_name(name)
        assert said is not None
        unit = said[0].partition(".journal")[0]
        if said[1] < 0:
            live.add(unit)
        else:
            archives[unit] = messages(logs / name)
    return live, archives


def test_new_files_begin_on_request() -> None:
    with Engine({"says.service": SAYS, "once.service": ONCE}) as engine:
        assert engine.run("start", "once.service") == "done"
        assert engine.run("start", "says.service") == "done"
        logs = engine.root / "var/log/systemctl-replacement"
        assert written(logs / "says.service.journal.jsonl") == ["first"]
        engine.call("Rotate")
        live, archives = live_and_archives(engine)
        assert not live - {"manager"}
        assert archives["says.service"] == ["first"] and "once" in archives["once.service"]
        assert archives["manager"]
        (engine.root / "go").touch()
        assert written(logs / "says.service.journal.jsonl") == ["second"]
        engine.reexecute()
        engine.call("Rotate")
        engine.call("Rotate")
        live, archives = live_and_archives(engine)
        assert not live - {"manager"}


FLOOD = "[Service]\nExecStart=/bin/sh -c 'echo begun; seq 20000; touch @ROOT@/said; exec sleep 1000'\n"


def test_everything_is_written_that_has_arrived() -> None:
    with Engine({"flood.service": FLOOD}) as engine:
        assert engine.run("start", "flood.service") == "done"
        wait_for((engine.root / "said").exists, "the last line")
        engine.call("Synchronize")
        assert messages(engine.root / "var/log/systemctl-replacement/flood.service.journal.jsonl")[-1] == "20000"
