"""Status lines: on a terminal, or where they are asked for."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import termios
from functools import partial

import pytest

from tests.engine.manager.engine import Engine, wait_for

ONESHOT = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
FAILS = "[Unit]\nDescription=A bad one\n[Service]\nType=oneshot\nExecStart=/bin/false\n"
# It stops when there is a file `go`.
STOPS = """[Unit]
Description=A slow one
[Service]
ExecStart=/bin/sleep 1000
ExecStop=/bin/sh -c 'until [ -e @ROOT@/go ]; do echo tick; sleep 0.05; done'
TimeoutStopSec=90
"""
TARGET = "[Unit]\nDescription=All of it\nWants=ok.service bad.service\nAfter=ok.service bad.service\n"
UNITS = {
    "all.target": TARGET,
    "ok.service": "[Unit]\nDescription=An \x1b[31mok\x1b[0m one\n" + ONESHOT,
    "bad.service": FAILS,
    "later.service": ONESHOT,
}
BOOT = [
    "", "Welcome to Test!", "", "         Starting bad.service - A bad one...",
    "         Starting ok.service - An ?[31mok?[0m one...",
    "[  OK  ] Finished ok.service - An ?[31mok?[0m one.", "[FAILED] Failed to start bad.service - A bad one.",
    "See 'systemctl status bad.service' for details.", "[  OK  ] Reached target all.target - All of it.",
]  # fmt: skip
# Whoever waits for something does not have to wait for long.
SOON = """
from systemctl_replacement.manager import status_lines
status_lines._FIRST_USEC, status_lines._PERIOD_USEC, status_lines._QUIET_USEC = 1000, 10000, 1
"""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.delenv("SYSTEMD_COLORS", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


class Terminal:
    """Where the manager prints."""

    def __init__(self, columns: int = 100) -> None:
        self.outer, self.inner = os.openpty()
        fcntl.ioctl(self.outer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.set_blocking(self.outer, False)
        self.data = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.outer)
        os.close(self.inner)

    def text(self) -> str:
        while True:
            try:
                self.data += os.read(self.outer, 65536)
            except BlockingIOError:
                return self.data.decode()

    def shows(self, pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(self.text()))

    def seen(self) -> list[str]:
        """The lines that are there in the end."""
        lines = [""]
        for part in re.split(r"(\r\n|\x1bM\r\x1b\[K|\x1b\[K)", self.text()):
            if part == "\r\n":
                lines.append("")
            elif part.startswith("\x1bM"):
                assert lines.pop() == "", "only whole lines are taken back"
                lines[-1] = ""
            elif part != "\x1b[K":
                lines[-1] += part
        return lines


def engine(units: dict[str, str], *boot: str, terminal: Terminal | None = None, change: str = "") -> Engine:
    made = Engine(units, boot=boot, change=change, stdout=-1 if terminal is None else terminal.inner)
    (made.root / "etc/os-release").write_text('PRETTY_NAME="Test"\n')
    return made


def status_of(lines: list[str]) -> list[str]:
    """The lines that are no log lines, and are not about targets that every boot has."""
    return [line for line in lines if not re.match(r"[\w.-]+\[\d+\]: |.* target (?!all\b)", line)]


def test_a_terminal_shows_them_while_the_system_starts_and_stops() -> None:
    with Terminal() as terminal, engine(UNITS, "all.target", terminal=terminal) as e:
        wait_for(lambda: "Startup finished" in terminal.text(), "the end of the boot")
        assert sorted(status_of(terminal.seen())) == sorted([*BOOT, ""])
        assert "Failed to start" not in "\n".join(set(terminal.seen()) - set(BOOT)), "nothing is said twice"
        assert "Main process exited" in terminal.text()
        before = len(terminal.text())
        assert e.run("start", "later.service") == "done"
        wait_for(lambda: "]: Finished later.service." in terminal.text()[before:], "a log line: the boot is over")
        assert e.halt() == 0
        halted = status_of(terminal.seen())[len(BOOT) :]
        assert "[  OK  ] Stopped target all.target - All of it." in halted
        assert "[  OK  ] Stopped later.service." in halted
        logs = (e.root / "var/log/systemctl-replacement/manager.journal.jsonl").read_text()
        assert "Failed to start bad.service - A bad one." in logs and "Stopped later.service." in logs


@pytest.mark.parametrize("word", ["--show-status=no", "--show-status=full", "--log-format=json"])
def test_a_terminal_shows_none_where_something_else_is_asked_for(word: str) -> None:
    with Terminal() as terminal, engine(UNITS, "all.target", word, terminal=terminal) as e:
        assert e.halt() == 0
        assert "Failed to start bad.service" in terminal.text()
        assert "\n[" not in terminal.text() and "Welcome" not in terminal.text()


def test_no_terminal_shows_none_and_pays_for_none() -> None:
    cannot_import = "sys.modules['systemctl_replacement.manager.status_lines'] = None"
    with engine(UNITS, "all.target", change=cannot_import) as e:
        assert e.halt() == 0
        assert status_of(e.text().splitlines()) == []


def test_they_are_shown_elsewhere_if_asked_for() -> None:
    with engine(UNITS, "all.target", "--show-status") as e:
        wait_for(lambda: "Startup finished" in e.text(), "the end of the boot")
        assert sorted(status_of(e.text().splitlines())) == sorted(BOOT)
        assert e.halt() == 0
        assert "\n[  OK  ] Stopped ok.service - An ?[31mok?[0m one.\n" in e.text()


def test_colours_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_COLORS", "1")
    with engine({"a.service": ONESHOT}, "a.service", "--show-status=yes") as e:
        assert e.halt() == 0
        assert "\n[\x1b[0;32m  OK  \x1b[0m] Finished \x1b[0;1;39ma.service\x1b[0m.\n" in e.text()
        assert "\nWelcome to \x1b[1mTest\x1b[0m!\n" in e.text()


@pytest.mark.parametrize("mode", ["error", "auto"])
def test_only_failures_are_shown(mode: str) -> None:
    with engine(UNITS, "all.target", f"--show-status={mode}") as e:
        assert e.halt() == 0
        assert status_of(e.text().splitlines()) == ["[FAILED] Failed to start bad.service - A bad one."]


def test_what_takes_long_shows_the_rest_of_the_boot() -> None:
    units = {
        "all.target": "[Unit]\nWants=slow.service\nAfter=slow.service\n",
        "slow.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 0.2\n",
    }
    with engine(units, "all.target", change=SOON) as e:
        pass
    configured = engine(units, "all.target", change=SOON)
    (configured.root / "etc/systemd/system.conf").write_text(
        "[Manager]\nShowStatus=auto\nStatusUnitFormat=description\n"
    )
    with configured as e:
        e.wait_said("[  OK  ] Reached target all.target.\n")
        assert status_of(e.text().splitlines()) == [
            "[  OK  ] Finished slow.service.",
            "[  OK  ] Reached target all.target.",
        ]


@pytest.mark.parametrize("reexecuted", [False, True])
def test_signals_switch_them(reexecuted: bool) -> None:
    with engine(UNITS, "all.target") as e:
        assert e.process
        os.kill(e.process.pid, signal.SIGRTMIN + 20)
        e.call("SystemState")
        if reexecuted:
            e.reexecute()
        assert e.halt() == 0
        assert "\n[  OK  ] Stopped target all.target - All of it.\n" in e.text()
    with Terminal() as terminal, engine(UNITS, "all.target", terminal=terminal) as e:
        assert e.process
        os.kill(e.process.pid, signal.SIGRTMIN + 21)
        e.call("SystemState")
        if reexecuted:
            e.reexecute()
        assert e.halt() == 0
        assert "Stopped" not in terminal.text()


def test_a_line_moves_while_something_takes_long() -> None:
    nap = "[Service]\nType=oneshot\nExecStart=/bin/sleep 0.1\n"
    units = {"one.service": STOPS, "two.service": STOPS.replace("A slow", "Another slow"), "nap.service": nap}
    with Terminal() as terminal, engine(units, "one.service", "two.service", terminal=terminal, change=SOON) as e:
        wait_for(lambda: "Startup finished" in terminal.text(), "the end of the boot")
        before = len(terminal.text())
        assert e.run("start", "nap.service") == "done"
        assert "running (" not in terminal.text()[before:], "the boot is over"
        assert e.process
        e.process.send_signal(signal.SIGTERM)
        for number, name in ((1, "one"), (2, "two")):
            said = re.compile(rf"\*[ *]+\] \({number} of 2\) Job {name}\.service/stop running \([^/]+ / 1min 30s\)\r\n")
            wait_for(partial(terminal.shows, said), said.pattern)
        wait_for(lambda: len(re.findall(r"\]: tick\r\n", terminal.text())) > 5, "what is printed meanwhile")
        (e.root / "go").touch()
        assert e.process.wait(20) == 0
        seen = terminal.seen()
        assert not [line for line in seen if "running (" in line], "each was taken back"
        assert [line for line in seen if "tick" in line and not re.fullmatch(r"\w+\[\d+\]: tick", line)] == []
        assert "[  OK  ] Stopped one.service - A slow one." in seen


def test_nothing_moves_while_a_command_has_the_terminal() -> None:
    to_terminal = "import os; os.dup2(1, 2)\n"  # beside a command the manager prints to stderr
    slow = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 0.3\n"
    words = ("slow.service", "--show-status=yes", "--", "/bin/sleep", "1000")
    with Terminal() as terminal, engine({"slow.service": slow}, *words, terminal=terminal, change=SOON + to_terminal):
        wait_for(lambda: "[  OK  ] Finished slow.service." in terminal.text(), "the start")
        assert "running (" not in terminal.text()


def test_a_terminal_that_nobody_reads_holds_up_nobody() -> None:
    flood = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'yes x | head -c 200000'\n"
    units = {"waits.service": STOPS, "flood.service": flood}
    with Terminal() as terminal, engine(units, "flood.service", "waits.service", terminal=terminal, change=SOON) as e:
        assert e.process
        e.process.send_signal(signal.SIGTERM)
        wait_for(lambda: e.sub("waits.service") == "stop", "the stop")
        for _ in range(50):
            assert e.call("SystemState")["state"] == "stopping"
        (e.root / "go").touch()
        wait_for(lambda: e.sub("flood.service") == "dead", "the stop of everything")
        wait_for(lambda: terminal.text() and e.process and e.process.poll() is not None, "the end")
        assert e.process.returncode == 0


def test_a_dumb_terminal_shows_lines_and_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    long = "[Unit]\nDescription=" + "long " * 20 + "\n[Service]\nType=oneshot\nExecStart=/bin/sleep 0.2\n"
    units = {"all.target": TARGET.replace("bad", "long"), "ok.service": ONESHOT, "long.service": long}
    with Terminal() as terminal, engine(units, "all.target", terminal=terminal, change=SOON) as e:
        assert e.halt() == 0
        assert f"[  OK  ] Finished long.service - {'long ' * 19}long.\r\n" in terminal.text()
        assert "running (" not in terminal.text() and "\x1b" not in terminal.text()


def test_lines_are_as_wide_as_the_terminal() -> None:
    long = "[Unit]\nDescription=" + "long " * 20 + "\n" + ONESHOT
    with Terminal(60) as terminal, engine({"a.service": long}, "a.service", terminal=terminal) as e:
        assert e.halt() == 0
        assert "[  OK  ] Finished a.service - long…ong long long long long." in terminal.seen()
