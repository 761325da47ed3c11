"""A re-execution waits until nothing is on its way, and nothing new is begun meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable

import pytest

from systemctl_replacement.loop import Loop
from systemctl_replacement.manager.reexec import probe
from systemctl_replacement.manager.reexec.probe import Succession


class World:
    """A succession whose obstacles are made up, and what it does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, obstacles: list[str], problem: str = "") -> None:
        self.done: list[str] = []
        self.loop = Loop(lambda where, error: self.done.append(f"{where}: {error}"))
        self.obstacles = obstacles

        def answer(_loop: Loop, _patience: object, _command: object, done: Callable[[str], object]) -> None:
            self.loop.call_soon(lambda: done(problem))

        monkeypatch.setattr(probe, "Probe", answer)
        monkeypatch.setattr(probe, "_MOST_DELAYS", 3)
        patience: Any = None
        log: Any = SimpleNamespace(manager=lambda _level, text: self.done.append(text))
        self.succession = Succession(
            self.loop, patience, self._obstacle, self._note("rest"), self._note("go on"), self._execute, log
        )

    def _obstacle(self) -> str:
        return self.obstacles.pop(0) if self.obstacles else ""

    def _note(self, what: str) -> Callable[[], None]:
        return lambda: self.done.append(what)

    def _execute(self) -> None:
        self.done.append("execute")
        self.loop.stop()

    def run(self) -> list[str]:
        def failed(_text: str) -> None:
            self.done.append("told")
            self.loop.stop()

        self.succession.begin(failed)
        self.loop.run()
        return self.done


def test_nothing_new_is_begun_once_the_program_is_known_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch, ["a", "b", "c"]).run() == ["rest", "execute"]


def test_what_stays_on_its_way_is_said_and_everything_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    done = World(monkeypatch, ["a", "b", "c", "work does not end"]).run()
    assert done == ["rest", "go on", "Cannot reexecute: work does not end", "told"]


def test_a_program_that_does_not_start_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done = World(monkeypatch, [], "the program does not start").run()
    assert done == ["go on", "Cannot reexecute: the program does not start", "told"]
