"""How a client recognises PID 1, and how long it waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import pytest

from systemctl_replacement.control import init_process
from systemctl_replacement.control.init_process import InitProcess, is_ours, wait_for_manager
from systemctl_replacement.paths import Paths, self_command

OURS = ["/usr/bin/python3", "-ISXutf8"]


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ([*OURS, "/usr/bin/systemctl", "init"], True),
        ([*OURS, "/usr/bin/systemctl", "init", "nginx"], True),
        ([*OURS, "/usr/bin/systemctl", "default"], True),
        ([*OURS, "/sbin/init"], True),
        ([*self_command(), "init", "--log-level=6", "--deserialize=7"], True),
        ([*OURS, "/usr/bin/systemctl", "status"], False),
        ([*OURS, "/usr/bin/systemctl", "init", "--root=/tmp/x"], False),
        ([*OURS, "/usr/bin/systemctl", "--root", "/tmp/x", "init"], False),
        (["/usr/bin/python3", "/usr/bin/systemctl", "init"], False),
        (["sh", "-c", "systemctl start x; exec /usr/bin/systemctl init"], False),
        (["/sbin/init"], False),
        (["sleep", "infinity"], False),
        ([*OURS], False),
        ([], False),
    ],
)
def test_an_init_of_ours_is_known_by_its_command_line(command: list[str], ours: bool) -> None:
    assert is_ours(command) is ours


class World:
    """PID 1 as it appears at each look. Time only passes by sleeping."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: Optional[InitProcess], socket_after: int = -1) -> None:
        self.looks = list(looks)
        self.socket_after = socket_after
        self.connects = 0
        self.now = 100.0
        monkeypatch.setattr(init_process, "look", self.look)
        monkeypatch.setattr(init_process, "connect", self.connect)
        monkeypatch.setattr("systemctl_replacement.control.init_process.time.monotonic", lambda: self.now)

    def look(self) -> Optional[InitProcess]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def connect(self, _paths: Paths) -> Any:
        self.connects += 1
        return "connection" if self.connects == self.socket_after else None

    def wait(self, tmp_path: Path) -> Any:
        return wait_for_manager(Paths(str(tmp_path)), self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


STARTING, READY, STRANGERS = InitProcess(0, False), InitProcess(0, True), InitProcess(4711, True)


def test_nobody_waits_for_another_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = World(monkeypatch, None)
    assert world.wait(tmp_path) is None and world.now == 100.0


def test_an_init_that_starts_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert World(monkeypatch, STARTING, socket_after=50).wait(tmp_path) == "connection"


def test_but_not_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = World(monkeypatch, STARTING)
    assert world.wait(tmp_path) is None and 219.9 < world.now < 221.0


def test_one_that_has_lost_its_socket_makes_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert World(monkeypatch, READY, socket_after=10).wait(tmp_path) == "connection"
    world = World(monkeypatch, READY)
    assert world.wait(tmp_path) is None and 101.9 < world.now < 102.5


def test_who_answers_to_others_only_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = World(monkeypatch, STRANGERS)
    assert world.wait(tmp_path) is None and (world.now, world.connects) == (100.0, 1)
