"""In a batch, a failure of one item loses none of the others."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.loop import LINKS, READ, SIGNALS, Loop
from systemctl_replacement.manager import pid1
from systemctl_replacement.manager.life import Life
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.manager.unit_driver import Driver
from systemctl_replacement.observers import Observers
from systemctl_replacement.signals import SIGCHLD, SIGTERM
from systemctl_replacement.supervision.helpers import Helpers
from systemctl_replacement.supervision.reaper import Reaper
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.unitfile import load, loadpath
from systemctl_replacement.unitfile.manager_config import read_manager_config
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units import events
from systemctl_replacement.units.table import TYPES


class Failed(list[tuple[str, BaseException]]):
    def __call__(self, where: str, error: BaseException) -> None:
        self.append((where, error))

    @property
    def texts(self) -> list[str]:
        return [str(error) for _, error in self]


@pytest.fixture
def failed() -> Failed:
    return Failed()


@pytest.fixture
def loop(failed: Failed) -> Loop:
    return Loop(failed)


def test_a_signal_that_came_with_one_that_fails(loop: Loop, failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []

    def hear(number: int) -> None:
        seen.append(pid1.ACTIONS[number])
        if number == SIGCHLD:
            raise RuntimeError("a defect of reaping")

    monkeypatch.setattr(syscalls, "read_signalfd", lambda _fd: [(SIGCHLD, 1, 0, 0), (SIGTERM, 1, 0, 0)])
    life: Any = SimpleNamespace(_signal_fd=-1, _loop=loop, _hear=hear)
    Life._signals(life, READ)
    assert seen == [("reap", ""), ("halt", "poweroff")]
    assert failed.texts == ["a defect of reaping"]


def ends(monkeypatch: pytest.MonkeyPatch, *zombies: tuple[int, int]) -> list[tuple[int, int]]:
    """The children that have ended, as (pid, wait status). Who is reaped leaves the list."""
    left = list(zombies)
    monkeypatch.setattr(os, "waitid", lambda *_: SimpleNamespace(si_pid=left[0][0]) if left else None)
    monkeypatch.setattr(os, "waitpid", lambda _pid, _options: left.pop(0))
    return left


def test_a_child_that_ended_with_one_that_fails(loop: Loop, failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Tracking):
        def looking(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("a defect")

    ends(monkeypatch, (101, 0), (102, 9))
    trackings = {"a.service": Broken("a.service"), "b.service": Tracking("b.service")}
    trackings["a.service"].main, trackings["b.service"].main = 101, 102
    told: list[tuple[str, Any]] = []
    reaper = Reaper(loop, trackings, set, lambda unit, event: told.append((unit, event)), *[lambda _: None] * 2)
    reaper.reap()
    while loop.has_pending():
        loop._serve(LINKS)
    found = sorted((unit, event.pid, event.code, event.status) for unit, event in told)
    assert found == [("a.service", 101, "exited", 0), ("b.service", 102, "killed", 9)]
    assert failed.texts == ["a defect"]


def test_many_ends_at_once_are_not_waited_for_in_one_go(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    left = ends(monkeypatch, *((pid, 0) for pid in range(1000, 6000)))
    reaper = Reaper(loop, {}, set, lambda unit, event: None, *[lambda _: None] * 2)
    reaper.reap()
    assert 0 < len(left) < 5000
    reaper.reap()  # another signal while some are left
    while loop.has_pending():
        loop._serve(SIGNALS)
    assert not left


class Messages:
    """A link whose messages have arrived."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages
        self.wants_write = self.stalled = False

    def flush(self) -> list[Any]:
        return []

    def fileno(self) -> int:
        return -1

    def receive(self) -> list[tuple[dict[str, Any], list[int]]]:
        return [(message, []) for message in self.messages]


def test_a_message_that_came_with_one_that_fails(loop: Loop, failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "modify", lambda *_: None)
    told: list[Any] = []
    processes: Any = Processes.__new__(Processes)
    processes.loop = loop
    processes.trackings = {}
    processes.events = Observers(loop.guard)
    processes.events.add(lambda news: told.append(news.event))
    processes._log_unit = lambda *_: None
    processes._patience = SimpleNamespace(answered=lambda _who: None)
    processes._is_changing = lambda _unit: False
    tracking: Any = Tracking("a.service")
    tracking.link = link = Messages({"ev": "notify"}, {"no": "event"}, {"ev": "executed", "token": 3})
    processes._link_ready(tracking, link)
    assert told == [events.Executed(3)]
    assert failed.texts == ["'pid'", "'ev'"]
    tracking.link = None


def test_an_answer_of_the_forkserver_that_came_with_one_that_fails(loop: Loop, failed: Failed) -> None:
    helpers: Any = Helpers.__new__(Helpers)
    made: list[tuple[str, int]] = []
    helpers._asked = {Tracking("a.service")}
    helpers.asked = {}
    helpers._loop = loop
    helpers._flush_link = lambda: None
    helpers._on_made = lambda tracking, pid, _problem: made.append((tracking.unit, pid))
    answers = [{"pid": 1}, {"pid": 4711, "tag": "a.service"}]
    helpers.forkserver = SimpleNamespace(receive=lambda: answers)
    helpers._ready(READ)
    assert made == [("a.service", 4711)]
    assert failed.texts == ["'tag'"]


def test_an_action_that_comes_after_one_that_fails(failed: Failed) -> None:
    done: list[str] = []

    def signal(*_: object) -> None:
        raise OSError("no descriptors")

    def log(_unit: str, _level: int, message: str, *_rest: object) -> None:
        done.append(message)
        if message == "second":
            raise RuntimeError("a defect")

    core: Any = SimpleNamespace(
        log_unit=log,
        report_exception=failed,
        loop=Loop(failed),
    )
    processes: Any = SimpleNamespace(signal=signal)
    kind = TYPES["target"].load()
    unit: Any = SimpleNamespace(
        id="a.target", kind=kind, state=kind.up(), job=None, active_state="active", tracking=None
    )
    actions: Any = (
        events.Log(6, "first"),
        events.Signal((1,), SIGTERM, False, False),
        events.Log(6, "second"),
        SimpleNamespace(),
        events.Log(6, "third"),
    )
    with pytest.raises(OSError, match="no descriptors"):
        driver = Driver(core, processes, cast("Any", SimpleNamespace(root="")), cast("Any", None), (0, 0))
        driver._do_all(unit, unit.active_state, actions, [])
    assert done == ["first", "second", "third"]
    assert len(failed) == 2


def test_a_unit_that_is_loaded_again_with_one_that_fails(tmp_path: Path, failed: Failed) -> None:
    directory = tmp_path / "etc/systemd/system"
    directory.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (directory / f"{name}.service").write_text("[Unit]\nDescription=old\n[Service]\nExecStart=/bin/true\n")
    host, broken = Host.current(str(tmp_path), "0" * 32), False

    def read(name: str) -> load.Unit:
        if broken and name == "b.service":
            raise RuntimeError("a defect")
        return load.load(name, loadpath.Index([str(directory)], str(tmp_path)), host)

    config = read_manager_config(str(tmp_path), host)
    registry = Registry(read, config, dict, lambda unit, asked_for: None, failed, Loop(failed).call_soon)
    units = [registry.get(f"{name}.service") for name in ("a", "b", "c")]
    for unit in units:
        unit.tracking = Tracking(unit.id)  # so that it is not forgotten
        path = directory / unit.id
        path.write_text(path.read_text().replace("old", "new"))
    broken = True
    registry.reload(read, config)
    assert [registry.get(unit.id) for unit in units] == units
    assert [unit.description for unit in units] == ["new", "old", "new"]
    assert failed.texts == ["a defect"]
