"""A type of units is one folder of modules and one row in the table: one that is made up is loaded, started, shown and
stopped, and nothing else is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.manager.engine import MAIN, Engine, wait_for

# What would be units/toy/, and the row.
FOLDER = {
    "__init__.py": "",
    "directives.py": """
from systemctl_replacement.unitfile.directives.directive import Directive
from systemctl_replacement.unitfile.directives.honoured import FULL
from systemctl_replacement.unitfile.parsers import common as parsers
TOY = (Directive("Noise", parse=parsers.choice(("squeak", "rattle"), "noise"), default="squeak", honoured=FULL),)
PROPERTIES = ("Noise", ("Plays", "integer"), ("Result", "string", "success"))
""",
    "kind.py": """
from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.units import simple
from systemctl_replacement.units.events import Log, Start
@dataclass(frozen=True)
class ToyState(simple.SimpleState):
    plays: int = 0
class ToyKind(simple.SimpleKind):
    records = (ToyState,)
    on = "playing"
    messages = {("start", "done"): "Playing with {}.", ("stop", "done"): "Put {} away."}
    def configure(self, file, manager, sees_all):
        return file.get("Toy", "Noise")
    def initial_state(self):
        return ToyState()
    def step(self, config, state, event, context):
        after, actions = super().step(config, state, event, context)
        if isinstance(event, Start):
            after, actions = replace(after, plays=after.plays + 1), (*actions, Log(6, f"It goes {config}."))
        return after, actions
    def properties(self, file, config, state):
        return {**super().properties(file, config, state), "Plays": state.plays}
KIND = ToyKind()
""",
}
ROW = """
from systemctl_replacement.units.table import TYPES, Traits
TYPES["toy"] = Traits(
    "toy.kind", section="Toy", directives=("toy.directives.TOY",), properties=("toy.directives.PROPERTIES", "UNIT"),
    startable=True, stopped_by_isolate=True, prominent=True,
)
"""
PROGRAM = f"""
import sys
sys.path[:0] = [@ROOT@, {str(MAIN.parent.parent)!r}]
{ROW}
from systemctl_replacement.@MODULE@ import main
sys.exit(main(@ARGUMENTS@))
"""
UNITS = {
    "duck.toy": "[Unit]\nDescription=A duck\n[Toy]\nNoise=rattle\n",
    "bear.toy": "[Toy]\nNoise=roar\nColor=red\n",
    "room.target": "[Unit]\nWants=bear.toy\nAfter=bear.toy\n",
}


def program(root: Path, module: str, arguments: str) -> str:
    text = PROGRAM.replace("@ROOT@", repr(str(root))).replace("@MODULE@", module)
    return text.replace("@ARGUMENTS@", arguments)


@pytest.fixture
def engine() -> Engine:
    made = Engine(UNITS)
    (made.root / "toy").mkdir()
    for name, text in FOLDER.items():
        (made.root / "toy" / name).write_text(text)
    made.main = made.root / "main.py"
    made.main.write_text(program(made.root, "__main__", ""))
    return made


def systemctl(engine: Engine, *words: str) -> str:
    code = program(engine.root, "cli.main", "sys.argv")
    command = [sys.executable, "-ISXutf8", "-c", code, f"--root={engine.root}", *words]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30).stdout


def test_it_lives(engine: Engine) -> None:
    assert systemctl(engine, "show", "-p", "Noise,Plays,SubState,CanStart", "duck.toy").splitlines() == [
        "Noise=rattle", "Plays=0", "SubState=dead", "CanStart=yes",
    ]  # fmt: skip
    with engine as e:
        assert e.run("start", "duck.toy") == "done"
        assert e.run("start", "room.target") == "done"
        assert e.sub("duck.toy") == e.sub("bear.toy") == "playing"
        assert systemctl(e, "show", "-p", "Noise,Plays,Result,Id,ActiveState", "duck.toy").splitlines() == [
            "Noise=rattle", "Plays=1", "Result=success", "Id=duck.toy", "ActiveState=active",
        ]  # fmt: skip
        assert systemctl(e, "show", "-P", "Noise", "bear.toy") == "squeak\n"
        assert systemctl(e, "status", "-n0", "duck.toy").splitlines()[0] == "● duck.toy - A duck"
        assert "  duck.toy loaded active playing A duck\n" in systemctl(e, "list-units", "--type=toy")
        assert e.run("stop", "duck.toy") == "done"
        assert e.sub("duck.toy") == "dead"
        wait_for(lambda: "Put duck.toy - A duck away." in e.text(), "the last line")
        log = e.text()
    for line in (
        "Playing with duck.toy - A duck.",
        "duck.toy: It goes rattle.",
        "bear.toy: It goes squeak.",
        "bear.toy:2: Failed to parse noise, ignoring: roar",
        "bear.toy:3: Unknown key 'Color' in section [Toy], ignoring.",
        "Put duck.toy - A duck away.",
    ):
        assert line in log
