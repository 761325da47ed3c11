"""What was opened before something failed is closed, whatever it is that fails."""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.manager import pid_file
from systemctl_replacement.manager.generators.run import _Run
from systemctl_replacement.manager.reexec.probe import Probe
from systemctl_replacement.process import descendants, spawn
from systemctl_replacement.process.exec_spec import ExecSpec, Launch, encode
from systemctl_replacement.process.foreign import Foreign
from systemctl_replacement.process.link import Link
from systemctl_replacement.process.sandbox.dynamic_user import Store
from systemctl_replacement.supervision.client import ForkServer, make_pair
from systemctl_replacement.supervision.console import ConsoleHandle
from systemctl_replacement.supervision.fd_store import FdStore
from systemctl_replacement.supervision.orphans import Wait
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.supervision.unit_processes import Tracking

NONE_LEFT = OSError(errno.EMFILE, os.strerror(errno.EMFILE))


class Fails:
    """A function that fails when it is called for the given time."""

    def __init__(self, real: Callable[..., Any], at: int) -> None:
        self.real = real
        self.left = at

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise NONE_LEFT
        return self.real(*arguments, **keywords)


class FullLoop:
    """A loop that cannot watch anything more."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def add(self, fd: int, events: int, callback: Any, rank: int = 1) -> None:
        raise NONE_LEFT

    def remove(self, fd: int) -> None: ...

    def modify(self, fd: int, events: int) -> None: ...

    def call_at(self, time: int, callback: Any) -> Any:
        self.calls.append(callback)
        return SimpleNamespace(cancel=lambda: None)

    def call_soon(self, callback: Any) -> None:
        self.calls.append(callback)


def opened() -> list[str]:
    gc.collect()  # what tests before have left behind is closed whenever it likes, but not between two looks
    return sorted(os.listdir("/proc/self/fd"), key=int)


def no_pid(_pid: int) -> Any:
    return ""


@pytest.mark.parametrize("name", ["open", "fstat", "readlink"])
def test_a_pid_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/pid").write_text("1\n")
    (tmp_path / "absolute").symlink_to(tmp_path / "a")
    (tmp_path / "link").symlink_to("absolute/pid")
    path = str(tmp_path / "link")
    before = opened()
    real = getattr(os, name)
    for at in range(1, 60):
        failing = Fails(real, at)
        monkeypatch.setattr(os, name, failing)
        read = pid_file.read(path, "start", 0, unsuitable=no_pid, belongs=lambda _pid: True)
        monkeypatch.undo()
        assert opened() == before
        assert (read.pid == 1) is (failing.left > 0)
        if failing.left > 0:
            return
    raise AssertionError(f"{name} is called without end")


def test_a_watch_of_a_pid_file(tmp_path: Path) -> None:
    before = opened()
    loop: Any = FullLoop()
    with pytest.raises(OSError):
        pid_file.Watch(loop, str(tmp_path / "pid"), lambda: None, lambda read: None)  # type: ignore[arg-type, return-value]
    assert opened() == before


@pytest.mark.parametrize("name", ["probe", "generators"])
def test_a_program_that_is_run(name: str) -> None:
    before = opened()
    loop: Any = FullLoop()
    patience: Any = None
    with pytest.raises(OSError):
        if name == "probe":
            Probe(loop, patience, ["/bin/true"], print)
        else:
            _Run(loop, ["/bin/true"], {}, lambda *_: None, patience, print)
    os.waitpid(-1, 0)
    assert opened() == before


def test_those_that_are_waited_for() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    before = opened()
    loop: Any = FullLoop()
    Wait(loop, [pid], lambda: None)
    os.waitpid(pid, 0)
    assert opened() == before


def test_a_foreign_process_is_looked_after_without_a_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    parent = os.getppid()
    before = opened()
    for failing in ("pidfd", "loop"):

        def refuse(_fd: int, _callback: Any) -> None:
            raise NONE_LEFT

        foreign = Foreign(refuse, lambda _fd: None, ended.append)
        if failing == "pidfd":
            monkeypatch.setattr(syscalls, "open_pidfd", Fails(syscalls.open_pidfd, 1))
        foreign.watch(parent)
        monkeypatch.undo()
        assert parent in foreign and foreign.to_be_looked_after
        foreign.look()
        assert ended == []
        assert opened() == before


def test_a_look_into_proc_takes_the_last_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    reserve: list[int] = []
    monkeypatch.setattr(descendants, "_reserve", reserve)
    descendants.keep_reserve()
    assert len(reserve) == 1
    before = opened()
    for look in (descendants.read_stat, descendants.children, descendants.name):
        expected = look(os.getpid())
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", Fails(os.open, 1))
            patch.setattr(os, "listdir", Fails(os.listdir, 1))
            assert look(os.getpid()) == expected
        assert len(reserve) == 1
        assert len(opened()) == len(before)
    os.close(reserve.pop())
    monkeypatch.setattr(os, "open", Fails(os.open, 1))
    assert descendants.read_stat(os.getpid()) is None


def test_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    before = opened()
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(4)]
    loop: Any = SimpleNamespace(watch_hang_up=lambda *_: None, remove=lambda _fd: None)
    store = FdStore(loop, lambda: None)
    monkeypatch.setattr(syscalls, "file_identity", Fails(syscalls.file_identity, 3))
    with pytest.raises(OSError):
        store.add("x", fds, True, 10)
    assert len(store) == 2
    store.clear()
    assert opened() == before


def asked_for(**fields: Any) -> dict[str, Any]:
    """What a supervisor is told of a process."""
    return encode(ExecSpec(Launch("/bin/true"), ("true",), **fields))


@pytest.mark.parametrize("at", [1, 2])
def test_the_pipes_of_a_process(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = opened()
    monkeypatch.setattr(os, "pipe2", Fails(os.pipe2, at))
    with pytest.raises(spawn.CannotSpawn, match="Failed to fork"):
        spawn.begin(asked_for(), [], -1, Store())
    monkeypatch.undo()
    monkeypatch.setattr(os, "fork", Fails(os.fork, 1))
    with pytest.raises(spawn.CannotSpawn, match="Failed to fork"):
        spawn.begin(asked_for(), [], -1, Store())
    assert opened() == before


def test_a_process_that_was_not_passed_all_its_descriptors() -> None:
    for message in (asked_for(passed=("a", "b")), {**asked_for(), "fds_lost": True}):
        with pytest.raises(spawn.CannotSpawn, match="Failed to receive descriptors"):
            spawn.begin(message, [0], -1, Store())


def test_descriptors_sent_ahead_are_for_one_process() -> None:
    before = opened()
    passed = spawn.Passed()
    fds = [os.dup(0), os.dup(0)]
    first = list(fds)
    passed.keep(1, fds)
    assert fds == []
    passed.keep(1, [os.dup(0)])
    taken = passed.take(1)
    assert taken[:2] == first and len(taken) == 3
    passed.keep(2, taken)
    assert passed.take(3) == []
    assert opened() == before


@pytest.mark.parametrize("failing", ["console", "loop", "forkserver", "users"])
def test_a_supervisor_that_cannot_be_asked_for(failing: str) -> None:
    before = opened()

    def refuse(*_: Any, **__: Any) -> None:
        raise NONE_LEFT

    loop: Any = SimpleNamespace(add=lambda *_: None, remove=lambda _fd: None, modify=lambda *_: None)
    console: Any = SimpleNamespace(
        source=refuse if failing == "console" else lambda _unit: os.dup(0), as_json=False, is_asked_for=False
    )
    forkserver: Any = SimpleNamespace(fileno=lambda: -1, request_supervisor=lambda *_, **__: None)
    if failing == "forkserver":
        forkserver.request_supervisor = refuse
    patience: Any = SimpleNamespace(over=lambda _who: None, answered=lambda _who: None)
    nothing: Any = lambda *_: None  # noqa: E731
    loop.guard = nothing
    processes = Processes(
        loop, forkserver, console, "/nowhere", lambda _unit: {}, nothing, patience, nothing, lambda _unit: 0
    )
    helpers: Any = processes.helpers
    helpers.expect = nothing
    tracking = Tracking("a.service")
    if failing == "loop":
        loop.add = refuse
    if failing == "users":
        users: Any = SimpleNamespace(give_all=refuse, close=lambda: None)
        tracking.users = users
    with pytest.raises(OSError):
        processes._supervise(tracking)
    assert tracking.link is None
    assert opened() == before


def test_a_source_that_the_console_cannot_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    loop: Any = SimpleNamespace(add=lambda *_: None, remove=lambda _fd: None, modify=lambda *_: None)
    console = ConsoleHandle(loop, 1, as_json=False)
    link, theirs = make_pair()
    console.adopt(link)
    before = opened()

    def refuse(*_: Any) -> None:
        raise NONE_LEFT

    monkeypatch.setattr(Link, "send", refuse)
    with pytest.raises(OSError):
        console.source("a.service")
    forkserver: Any = ForkServer(0, link)
    assert opened() == before
    with pytest.raises(OSError):
        console.start(forkserver)
    os.close(theirs)
    assert console.link is None
    assert len(opened()) == len(before) - 2
