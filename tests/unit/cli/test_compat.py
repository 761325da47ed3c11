"""telinit, runlevel, shutdown, halt, poweroff, reboot: their options, and what they ask of the manager."""

from __future__ import annotations

import pytest

from systemctl_replacement.cli import compat
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.paths import Paths
from tests.unit.cli.conftest import FakeManager


@pytest.fixture(autouse=True)
def use_fake(manager: FakeManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "Invocation", lambda options: Invocation(options, Paths(str(manager.root))))


@pytest.mark.parametrize(
    ("argv", "verb", "force"),
    [
        (["halt"], "halt", 0),
        (["halt", "-p"], "poweroff", 0),
        (["halt", "--reboot", "-p"], "reboot", 0),
        (["poweroff", "-f"], "poweroff", 2),
        (["reboot", "-ff"], "reboot", 2),
        (["reboot", "argument"], "reboot", 0),
        (["shutdown", "now"], "poweroff", 0),
        (["shutdown", "-r", "0", "good", "bye"], "reboot", 0),
        (["shutdown", "-h", "+0"], "poweroff", 0),
        (["shutdown", "-H", "-h", "now"], "halt", 0),
        (["telinit", "0"], "poweroff", 0),
        (["telinit", "6"], "reboot", 0),
    ],
)
def test_halting(manager: FakeManager, argv: list[str], verb: str, force: int) -> None:
    assert compat.main(argv[0], argv) == 0
    assert [(name, call["verb"], call["force"]) for name, call in manager.calls] == [("Halt", verb, force)]


@pytest.mark.parametrize("argv", [["shutdown", "-k", "now"], ["shutdown", "-c"], ["halt", "-w"]])
def test_nothing_is_halted(manager: FakeManager, argv: list[str]) -> None:
    assert compat.main(argv[0], argv) == 0
    assert manager.calls == []


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["halt", "x"], "Too many arguments.\n"),
        (["reboot", "a", "b"], "Too many arguments.\n"),
        (["halt", "--foo"], "halt: unrecognized option '--foo'\n"),
        (["poweroff", "-x"], "poweroff: invalid option -- 'x'\n"),
        (["shutdown", "soon"], "Failed to parse time specification: soon\n"),
        (["shutdown", "25:00"], "Failed to parse time specification: 25:00\n"),
        (["shutdown", "+5"], "Failed to schedule shutdown: only 'now' and '+0' are possible here\n"),
        (["shutdown"], "Failed to schedule shutdown: only 'now' and '+0' are possible here\n"),
        (["runlevel", "x"], "Too many arguments.\n"),
        (["telinit"], "telinit: required argument missing.\n"),
        (["telinit", "9"], "Invalid argument.\n"),
    ],
)
def test_refusals(manager: FakeManager, argv: list[str], text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert compat.main(argv[0], argv) == 1
    assert capfd.readouterr().err == text
    assert manager.calls == []


@pytest.mark.parametrize(
    ("active", "text", "status"),
    [
        ([], "unknown\n", 1),
        (["multi-user.target"], "N 3\n", 0),
        (["multi-user.target", "graphical.target"], "N 5\n", 0),
        (["rescue.target"], "N 1\n", 0),
    ],
)
def test_runlevel(
    manager: FakeManager, active: list[str], text: str, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in active:
        manager.add(name, SubState="active")
    assert compat.main("runlevel", ["runlevel"]) == status
    assert capfd.readouterr().out == text


def test_telinit(manager: FakeManager) -> None:
    for level in ("q", "3", "s"):
        assert compat.main("telinit", ["telinit", level]) == 0
    assert [(name, call.get("names"), call.get("mode")) for name, call in manager.calls] == [
        ("Reload", None, None),
        ("Enqueue", ["multi-user.target"], "isolate"),
        ("Enqueue", ["rescue.target"], "isolate"),
    ]


def test_times() -> None:
    assert compat._delay("+2") == compat._delay("2") == 120
    assert 0 < compat._delay("23:59") <= 86400
    with pytest.raises(CommandError):
        compat._delay("")
