"""systemd-cat: what it tells the journal, and the command that it becomes."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import systemctl_replacement.cli.systemd_cat as it
it.SOCKET = sys.argv[2]
sys.exit(it.main(["systemd-cat", *sys.argv[3:]]))
"""


class Journal:
    """The socket that systemd-cat connects to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.socket.settimeout(20)

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-ISXutf8", "-c", CODE, str(TOP), str(self.path), *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=20, check=False)

    def received(self) -> str:
        """What came over the next connection."""
        connection, _ = self.socket.accept()
        with connection, connection.makefile("r") as file:
            return file.read()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "stdout")
    yield made
    made.socket.close()


@pytest.mark.parametrize(
    ("words", "received"),
    [
        (["echo", "hi"], "\n\n6\n1\n0\n0\n0\nhi\n"),
        (["-t", "name", "-p", "err", "echo", "-n", "hi"], "name\n\n3\n1\n0\n0\n0\nhi"),
        (["--level-prefix=no", "--identifier=x", "sh", "-c", "echo err >&2"], "x\n\n6\n0\n0\n0\n0\nerr\n"),
        (["--priority=4", "--", "printf", "%s", "-x"], "\n\n4\n1\n0\n0\n0\n-x"),
    ],
)
def test_stream(journal: Journal, words: list[str], received: str) -> None:
    done = journal.run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert journal.received() == received


def test_stdin_is_copied_without_a_command(journal: Journal) -> None:
    journal.run("-t", "x", stdin="a\nb\n")
    assert journal.received() == "x\n\n6\n1\n0\n0\n0\na\nb\n"


def test_stderr_may_have_its_own_priority(journal: Journal) -> None:
    journal.run("--stderr-priority=2", "sh", "-c", "echo out; echo err >&2")
    assert journal.received() == "\n\n6\n1\n0\n0\n0\nout\n"
    assert journal.received() == "\n\n2\n1\n0\n0\n0\nerr\n"


def test_exit_status_is_the_commands(journal: Journal) -> None:
    assert journal.run("sh", "-c", "exit 7").returncode == 7
    done = journal.run("/nonexistent")
    assert (done.returncode, done.stderr) == (1, "Failed to execute process: No such file or directory\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-p", "foo", "true"], "Failed to parse priority value."),
        (["--stderr-priority=9", "true"], "Failed to parse stderr priority value."),
        (["--level-prefix=x", "true"], "Failed to parse boolean argument to --level-prefix=: x."),
        (["--bogus"], "systemd-cat: unrecognized option '--bogus'"),
    ],
)
def test_mistakes(journal: Journal, words: list[str], error: str) -> None:
    done = journal.run(*words)
    assert (done.returncode, done.stderr) == (1, f"{error}\n")


def test_without_a_journal(journal: Journal) -> None:
    journal.path.unlink()
    done = journal.run("true")
    assert (done.returncode, done.stderr) == (1, "Failed to create stream fd: No such file or directory\n")
