"""The foreground command: its line, its signals, its share of the time, and what its end means."""

from __future__ import annotations

import signal

import pytest

from systemctl_replacement.command_line import init_arguments, program
from systemctl_replacement.manager import foreground, options, pid1
from systemctl_replacement.manager.halt.stop_time import StopTime, share_of_command


def test_everything_behind_the_dashes_is_the_command() -> None:
    line = ["systemctl", "init", "--wait-for=db", "a", "--", "bash", "-c", "x=1 --help", "--", "ro"]
    assert program(line, 1) == program(line, 7) == "init"
    words = init_arguments(line, 1)
    assert words is not None
    parsed = options.parse(words)
    assert parsed.command == ("bash", "-c", "x=1 --help", "--", "ro")
    assert (parsed.units, parsed.wait_for, parsed.no_group) == (("a.service",), ("db.service",), False)
    assert parsed.show_status == "no"  # unless it is asked for: the output is the command's
    assert options.parse(["--show-status=full", "--", "x"]).show_status == "full"


def test_words_of_the_kernel_end_at_the_dashes() -> None:
    parsed = options.parse_kernel(["quiet", "x=y", "--no-group", "--", "env", "quiet", "x=y", "-i"])
    assert parsed.command == ("env", "quiet", "x=y", "-i")
    assert parsed.no_group and not parsed.units


def test_several_things_can_be_waited_for() -> None:
    parsed = options.parse(["--wait-for", "running", "--wait-for=a.target", "--wait-for=b", "--", "x"])
    assert parsed.wait_for == ("running", "a.target", "b.service")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--"], "init --: which command is to run?"),
        (["a", "--", ""], "init --: which command is to run?"),
        (["--wait-for=a"], "Option --wait-for= needs a command: -- COMMAND"),
        (["--no-group", "a"], "Option --no-group needs a command: -- COMMAND"),
        (["--no-group=yes", "--", "x"], "Option --no-group takes no value."),
        (["--wait-for=", "--", "x"], "--wait-for=: empty unit name"),
        (["/bin/bash"], "init /bin/bash: a path is no unit. This runs a command: init -- /bin/bash"),
    ],
)
def test_lines_that_cannot_be_meant(words: list[str], message: str) -> None:
    with pytest.raises(options.UsageError) as raised:
        options.parse(words)
    assert str(raised.value) == message


def test_who_gets_which_signal() -> None:
    every = set(map(int, signal.valid_signals()))
    halting = {number for number, (what, _) in pid1.ACTIONS.items() if what in pid1.HALTING}
    assert {signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH} <= foreground.PASSED
    assert {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT} <= foreground.PASSED
    assert every >= foreground.PASSED
    # Those that halt a container halt it with a command, too, but for SIGQUIT, and for those that ask it first.
    assert halting & foreground.PASSED == {signal.SIGQUIT}
    assert halting - foreground.PASSED - set(foreground.ENDING) == {signal.SIGPWR, *range(37, 41), *range(47, 51)}
    # Nothing else that means something to systemd is given away.
    assert not foreground.PASSED & set(range(34, 41)) | foreground.PASSED & set(range(47, 51))
    assert not foreground.PASSED & set(range(54, 64))


@pytest.mark.parametrize(("wait_status", "expected"), [(0, 0), (7 << 8, 7), (0xFF00, 255), (15, 143), (0x89, 137)])
def test_exit_status(wait_status: int, expected: int) -> None:
    assert foreground.exit_status(wait_status) == expected


def test_its_share_is_half_of_the_time() -> None:
    assert share_of_command(StopTime(100_000_000), 5) == 49_500_000  # killed a second before the end
    assert share_of_command(StopTime(9_000_000, "Docker"), 5) == 3_000_000
    assert share_of_command(None, 5) == 5
