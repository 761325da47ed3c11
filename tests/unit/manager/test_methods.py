"""The handlers of the manager's methods, asked in a way that knows no sockets: what a D-Bus facade would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Optional, cast

import pytest

from systemctl_replacement.control.interface import parse
from systemctl_replacement.control.request import ANYBODY, NOBODY, OWNER, Caller, Method
from systemctl_replacement.control.server import description
from systemctl_replacement.loop import Loop
from systemctl_replacement.manager.boot_progress import BootProgress
from systemctl_replacement.manager.core import Core
from systemctl_replacement.manager.jobs.job_start import JobStarter
from systemctl_replacement.manager.jobs.table import JobTable
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.methods import Methods
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.unit_driver import Driver
from systemctl_replacement.observers import Observers
from systemctl_replacement.supervision.log_limits import LogLimits
from systemctl_replacement.unitfile import load, loadpath
from systemctl_replacement.unitfile.manager_config import read_manager_config
from systemctl_replacement.unitfile.specifiers import Host


class Asked:
    """A request of somebody in this process: its replies are plain data."""

    def __init__(self, /, **parameters: Any) -> None:
        self.parameters = parameters
        self.caller = Caller(1, 0, 0)
        self.cancelled = False
        self.on_cancel: Optional[Callable[[], object]] = None
        self.resume_as: Optional[Callable[[], tuple[str, dict[str, Any]]]] = None
        self.replies: list[dict[str, Any]] = []
        self.failure: Optional[tuple[str, str]] = None

    def work(self, steps: Iterator[object]) -> None:
        for _ in steps:
            continue

    def reply(self, **parameters: Any) -> None:
        self.replies.append(parameters)
        self.cancelled = True

    def reply_more(self, **parameters: Any) -> None:
        self.replies.append(parameters)

    def prepare(self, item: Any) -> Any:
        return item

    def reply_list(self, name: str, items: Sequence[Any]) -> None:
        self.reply(**{name: list(items)})

    def fail(self, dbus_name: str, message: str) -> None:
        self.failure = dbus_name, message
        self.cancelled = True


class World:
    """A manager without processes and without clients."""

    def __init__(self, root: Path) -> None:
        self.units = root / "etc/systemd/system"
        self.units.mkdir(parents=True)
        host = Host.current(str(root), "0" * 32)
        self.failed: list[tuple[str, BaseException]] = []
        self.loop = Loop(self._failed)
        log: Any = SimpleNamespace(maximum=6, **dict.fromkeys(("manager", "unit", "about"), lambda *_, **__: None))
        config = read_manager_config(str(root), host)

        def read(name: str) -> load.Unit:
            return load.load(name, loadpath.Index([str(self.units)], str(root)), host)

        registry = Registry(read, config, dict, lambda unit, asked_for: None, self._failed, self.loop.call_soon)
        core = Core(self.loop, log, LogLimits(self.loop), cast("Any", SimpleNamespace(config=config)), registry)
        execution: Any = SimpleNamespace(
            root="", environment={"LANG": "C.UTF-8"}, ignored_identity=lambda unit: (), ignored_owners=lambda unit: ()
        )
        processes: Any = SimpleNamespace(trackings={})
        conditions: Any = SimpleNamespace(hold=lambda unit, kind: (True, ()))
        self.halt: Any = SimpleNamespace(under_way=False, begun=Observers(self.loop.guard))
        driver = Driver(core, processes, execution, cast("Any", None), (0, 0))
        jobs = JobTable(core, JobStarter(core, driver, conditions, execution).begin)
        driver.unit_changed.add(jobs.unit_changed)
        self.boot = BootProgress({"id": "0" * 32}, self.loop.guard)
        none: Any = None
        halt: Any = self.halt
        manager = Manager(core, self.boot, execution, none, conditions, processes, driver, jobs, halt, none, none)
        upkeep = SimpleNamespace(synchronize=None, rotate=None, flush=None, relinquish=None)
        reload: Any = SimpleNamespace(look_for_new=lambda: None, described=())
        self.table = Methods(manager, reload, none, cast("Any", upkeep)).table()

    def _failed(self, where: str, error: BaseException) -> None:
        self.failed.append((where, error))

    def ask(self, name: str, /, **parameters: Any) -> Asked:
        request = Asked(**parameters)
        self.table[name].handler(request)
        return request

    def go_on(self) -> None:
        while self.loop.has_pending():
            self.loop._run_soon()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    (world.units / "a.target").write_text("[Unit]\nDescription=The target\nWants=b.target\n")
    (world.units / "b.target").write_text("[Unit]\n")
    yield world
    assert not world.failed


def enqueue(world: World, operation: str, *names: str, wait: bool = True) -> Asked:
    return world.ask(
        "Enqueue", operation=operation, names=list(names), mode="replace", wait=wait, show_transaction=None
    )


def states(world: World, *names: str) -> dict[str, str]:
    [reply] = world.ask("States", names=list(names)).replies
    return {state["name"]: state["active_state"] for state in reply["states"]}


def test_jobs_are_queued_and_waited_for(world: World) -> None:
    request = enqueue(world, "start", "a.target", "no.such.target")
    [queued] = request.replies
    assert [outcome["job_type"] for outcome in queued["jobs"]] == ["start", ""]
    assert queued["jobs"][1]["error"]["dbus_name"] == "org.freedesktop.systemd1.NoSuchUnit"
    assert request.resume_as is not None
    assert request.resume_as()[0] == "GoOnWaiting"
    world.go_on()
    assert [outcome["result"] for outcome in request.replies[-1]["jobs"]] == ["done", None]
    assert states(world, "a.target", "b.target") == {"a.target": "active", "b.target": "active"}


def test_a_wait_for_units_to_go_down(world: World) -> None:
    enqueue(world, "start", "a.target")
    world.go_on()
    waiting = world.ask("WaitInactive", names=["a.target"])
    gone = world.ask("WaitInactive", names=["a.target"])
    assert gone.on_cancel is not None
    gone.on_cancel()
    enqueue(world, "stop", "a.target")
    world.go_on()
    [reply] = waiting.replies
    assert reply["states"][0]["active_state"] == "inactive"
    assert gone.replies == []


def test_lists_are_plain_data(world: World) -> None:
    enqueue(world, "start", "a.target")
    world.go_on()
    [reply] = world.ask("Units", patterns=["a.*"]).replies
    assert [(unit["id"], unit["description"]) for unit in reply["units"]] == [("a.target", "The target")]


@pytest.mark.parametrize(
    ("name", "parameters", "failure"),
    [
        ("Kill", {"name": "x.service", "whom": "all", "signal": 15}, "org.freedesktop.systemd1.NoSuchUnit"),
        ("CancelJobs", {"ids": [7]}, "org.freedesktop.systemd1.NoSuchJob"),
        ("SetEnvironment", {"assignments": ["1=2"]}, "org.freedesktop.DBus.Error.InvalidArgs"),
        ("Log", {"level": "loud", "target": None}, "org.freedesktop.DBus.Error.InvalidArgs"),
    ],
)
def test_failures_carry_systemds_names(world: World, name: str, parameters: dict[str, Any], failure: str) -> None:
    request = world.ask(name, **parameters)
    assert request.failure is not None
    assert request.failure[0] == failure


def test_a_wait_for_the_end_of_the_boot(world: World) -> None:
    waiting = world.ask("SystemState", wait=True)
    assert waiting.replies == []
    world.boot.end()
    assert waiting.replies == [{"state": "running"}]


def test_a_halt_ends_the_wait_for_a_boot(world: World) -> None:
    waiting = world.ask("SystemState", wait=True)
    world.halt.under_way = True
    world.halt.begun.tell("poweroff")
    world.boot.end()
    assert waiting.replies == [{"state": "stopping"}]
    assert world.ask("SystemState", wait=True).replies == [{"state": "stopping"}]


def test_who_may_call_stands_in_the_table(world: World) -> None:
    described = parse(description("io.systemctl-replacement.Manager")).methods
    assert {name for name, row in world.table.items() if row.access != NOBODY} == described.keys() - {"HandOver"}
    assert {name for name, row in world.table.items() if row.access == ANYBODY} == {
        "GetEnvironment", "Jobs", "Processes", "Show", "States", "SystemState", "UnitByPID", "Units", "WaitInactive",
    }  # fmt: skip


def test_the_log_level_may_be_asked_for_by_anybody(world: World) -> None:
    assert world.table["Log"].is_question({"level": None, "target": None})
    assert not world.table["Log"].is_question({"level": "debug", "target": None})
    assert not Method(print, OWNER).is_question({})
