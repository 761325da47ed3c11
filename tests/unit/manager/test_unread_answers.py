"""A process that owes an answer may be seen to have ended before what it has written is read: the answer counts."""

from __future__ import annotations

import os
import signal
from typing import Any, Callable

import pytest

from systemctl_replacement.loop import Loop
from systemctl_replacement.manager.generators.run import _Run
from systemctl_replacement.manager.reexec.probe import ALIVE, Probe
from systemctl_replacement.process.generator_runner import FINISHED
from systemctl_replacement.supervision.patience import Helper


class Debts:
    """In place of Patience: who owes something."""

    def __init__(self) -> None:
        self.helper: Helper

    def expect(self, _who: object, helper: Callable[[], Helper], _debt: object) -> None:
        self.helper = helper()

    def over(self, _who: object) -> None:
        pass


def after_its_end(start: Callable[[Loop, Any, list[str]], object], answer: bytes) -> None:
    """Start a process that answers and ends, and notice the latter first."""
    loop, debts = Loop(lambda _where, error: pytest.fail(repr(error))), Debts()
    octal = "".join(f"\\{byte:03o}" for byte in answer)
    start(loop, debts, ["/bin/sh", "-c", f"printf '{octal}'"])
    pid = debts.helper.pid
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    debts.helper.replace()
    os.waitpid(pid, 0)


@pytest.mark.parametrize(("answer", "problem"), [(ALIVE, ""), (b"", "the program does not start")])
def test_a_probe(answer: bytes, problem: str) -> None:
    told: list[str] = []
    after_its_end(lambda loop, debts, command: Probe(loop, debts, command, told.append), answer)
    assert told == [problem]


@pytest.mark.parametrize(("answer", "is_whole"), [(b"a\nb" + FINISHED, True), (b"a\nb", False)])
def test_generators(answer: bytes, is_whole: bool) -> None:
    told: list[bool] = []
    lines: list[str] = []

    def start(loop: Loop, debts: Any, command: list[str]) -> None:
        _Run(loop, command, {}, lambda _level, line: lines.append(line), debts, told.append)

    after_its_end(start, answer)
    assert (told, lines) == ([is_whole], ["a", "b"])


def test_who_does_not_end_is_waited_for_no_longer() -> None:
    told: list[str] = []
    debts: Any = Debts()
    Probe(
        Loop(lambda _where, error: pytest.fail(repr(error))), debts, ["/bin/sh", "-c", "exec sleep 1000"], told.append
    )
    debts.helper.replace()
    assert told == ["the program does not end"]
    os.kill(debts.helper.pid, signal.SIGKILL)
    os.waitpid(debts.helper.pid, 0)
