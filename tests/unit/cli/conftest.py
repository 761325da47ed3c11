"""Running our systemctl as a separate process, and a manager with canned answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from systemctl_replacement.control.connection import Call
from systemctl_replacement.paths import Paths
from systemctl_replacement.unitfile.properties.kinds import complete
from tests.unit.control.loop import ServerThread

MAIN = Path(__file__).parents[3] / "systemctl_replacement/__main__.py"


class Run(Protocol):
    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]: ...


def run_systemctl(arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.path.insert(0, {str(MAIN.parents[1])!r}); sys.argv[0] = 'systemctl'\n"
        "from systemctl_replacement.cli.main import main\n"
        "sys.exit(main(sys.argv))"
    )
    return subprocess.run(
        [sys.executable, "-ISXutf8", "-c", code, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", **environment},
        timeout=60,
    )


@pytest.fixture
def run() -> Run:
    """systemctl without a root, for verbs that ask no manager."""
    return lambda *arguments, **environment: run_systemctl(arguments, environment)


class FakeManager:
    """Gives canned answers: units by name, results of jobs. It records the calls that changed something."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.units: dict[str, dict[str, Any]] = {}
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.processes: dict[str, list[int]] = {}
        self.jobs: list[dict[str, Any]] = []
        self.failures: dict[str, tuple[str, str]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.state = "running"

    def add(self, name: str, **properties: Any) -> None:
        self.units[name] = {
            "Id": name,
            "Names": [name],
            "Description": name,
            "LoadState": "loaded",
            "ActiveState": "active",
            "SubState": "running",
            **properties,
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """systemctl with this manager."""
        return run_systemctl((f"--root={self.root}", *arguments), environment)

    def table(self) -> dict[str, Any]:
        return {
            "States": self._states,
            "Units": self._units,
            "Show": self._show,
            "Enqueue": self._enqueue,
            "WaitInactive": lambda call: call.reply(states=[self._state(name) for name in call.parameters["names"]]),
            "Processes": self._processes,
            "UnitByPID": self._changed,
            "Kill": self._changed,
            "ResetFailed": self._changed,
            "Reload": self._changed,
            "CancelJobs": self._changed,
            "SetEnvironment": self._changed,
            "UnsetEnvironment": self._changed,
            "Halt": self._changed,
            "Jobs": lambda call: call.reply(jobs=self.jobs),
            "GetEnvironment": lambda call: call.reply(environment=["A=1", "B=x y", "C=it's"]),
            "SystemState": lambda call: call.reply(state=self.state),
            "Log": lambda call: call.reply(level="info", target="console"),
        }

    def _state(self, name: str) -> dict[str, str]:
        unit = self.units.get(name, {})
        return {
            "name": name,
            "id": unit.get("Id", name),
            "load_state": unit.get("LoadState", "not-found"),
            "active_state": unit.get("ActiveState", "inactive"),
            "sub_state": unit.get("SubState", "dead"),
        }

    def _states(self, call: Call) -> None:
        call.reply(states=[self._state(name) for name in call.parameters["names"]])

    def _units(self, call: Call) -> None:
        job_of = {job["unit"]: job for job in self.jobs}
        call.reply(
            units=[
                {
                    "id": name,
                    "names": unit["Names"],
                    "description": unit["Description"],
                    "load_state": unit["LoadState"],
                    "active_state": unit["ActiveState"],
                    "sub_state": unit["SubState"],
                    "following": "",
                    "job_id": job_of.get(name, {}).get("id", 0),
                    "job_type": job_of.get(name, {}).get("job_type", ""),
                }
                for name, unit in self.units.items()
            ]
        )

    def _show(self, call: Call) -> None:
        found = []
        for name in call.parameters["names"]:
            if name in self.failures:
                call.fail(*self.failures[name])
                return
            unit = self.units.get(name, {"Id": name, "Names": [name], "LoadState": "not-found"})
            wanted = call.parameters["properties"]
            chosen = unit if wanted is None else {key: value for key, value in unit.items() if key in wanted}
            found.append({"name": name, "id": unit["Id"], "properties": dict(chosen)})
        if not call.parameters["names"]:
            found.append({"name": "", "id": "", "properties": {"Version": "252", "SystemState": self.state}})
        if call.parameters["kinds"]:
            for shown in found:
                shown["kinds"] = complete(shown["name"].rpartition(".")[2], shown["properties"])
        call.reply(units=found)

    def _enqueue(self, call: Call) -> None:
        self.calls.append((call.name, call.parameters))
        queued, ended = [], []
        for number, name in enumerate(call.parameters["names"], 1):
            outcome = {
                "name": name,
                "unit": name,
                "id": number,
                "job_type": call.parameters["operation"],
                "result": None,
            }
            outcome.update(self.outcomes.get(name, {"result": "done"}))
            queued.append({**outcome, "result": None})
            ended.append(outcome)
        call.reply_more(jobs=queued)
        call.reply(jobs=ended)

    def _processes(self, call: Call) -> None:
        call.reply(
            supervisor=0, main=0, control=0, degraded=False, pids=self.processes.get(call.parameters["name"], [])
        )

    def _changed(self, call: Call) -> None:
        self.calls.append((call.name, call.parameters))
        name = call.parameters.get("name") or "".join(call.parameters.get("names") or [])
        if name in self.failures:
            call.fail(*self.failures[name])
        else:
            call.reply(**({"name": "a.service"} if call.name == "UnitByPID" else {}))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[FakeManager]:
    (tmp_path / "run/systemd").mkdir(parents=True)
    fake = FakeManager(tmp_path)
    with ServerThread(Paths(str(tmp_path)).socket_path(), fake.table()) as server:
        yield fake
    assert server.exceptions == []
