"""The pager on a real terminal with somebody who types, under real systemd and under ours."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.box.harness import Box

# Says that there is something to show, then waits for a line. It reports an interrupt and goes on.
LESS = """#!/bin/sh
trap 'echo interrupted; again=yes' INT
IFS= read -r first
echo paging $LESSSECURE
again=yes
while [ "$again" ]; do
    again=  # but after an interrupt; not when the terminal has hung up
    read line </dev/tty && break
done
cat
echo read $line
"""
# Like busybox's, which opens and writes files, whatever it is told.
DEAF_LESS = "#!/bin/sh\necho deaf\nexec /bin/cat\n"
UNIT = "[Service]\nExecStart=/bin/sleep infinity\n"
# More than fits into a pipe.
LONG = UNIT + "# nothing\n" * 20000
ENVIRONMENT = {"TERM": "vt100", "SYSTEMD_COLORS": "0", "SYSTEMD_URLIFY": "0"}


@pytest.fixture(scope="module", params=[True, False], ids=["systemd", "ours"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    units = {f"/etc/systemd/system/{name}.service": text for name, text in (("a", UNIT), ("long", LONG))}
    files = {"/usr/local/bin/less": LESS, "/deaf/less": DEAF_LESS, **units}
    with Box(systemd=request.param, packages=["systemd", "systemd-sysv", "dbus"], files=files) as box:
        box.wait_booted()
        yield box


@dataclass
class Session:
    """A command with its own terminal."""

    process: subprocess.Popen[str]
    terminal: int
    seen: str = ""

    def wait_for(self, text: str, timeout: float = 10) -> None:
        """Read what is shown until the text is in it."""
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def interrupt(self, answer: str) -> None:
        """Type Ctrl-C until the text is shown: a shell that is about to read from the terminal, but does not yet, first
        reads on when the signal comes."""
        deadline = time.monotonic() + 20
        while answer not in self.seen:
            assert time.monotonic() < deadline, f"no {answer!r} in {self.seen!r}"
            self.type("\x03")
            with contextlib.suppress(AssertionError):
                self.wait_for(answer, timeout=1)

    def wait(self) -> int:
        """Read what is still shown, and return how the command ends."""
        status = self.process.wait(10)
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        return status


@contextlib.contextmanager
def session(box: Box, command: list[str], **environment: str) -> Iterator[Session]:
    ours, theirs = os.openpty()
    # The leader of a session gets the terminal that it opens: this is /dev/tty, and Ctrl-C goes to it.
    take = ["/bin/sh", "-c", 'exec "$@" 0<>/proc/self/fd/0 >&0 2>&0', "sh", *command]
    process = box.popen(take, stdin=theirs, stdout=theirs, stderr=theirs, environment={**ENVIRONMENT, **environment})
    os.close(theirs)
    try:
        yield Session(process, ours)
    finally:
        process.terminate()
        process.wait()
        os.close(ours)


def test_is_told_to_be_safe(box: Box) -> None:
    with session(box, ["systemctl", "cat", "a"], PAGER="sh -c id", SYSTEMD_PAGER="sh") as shown:
        shown.wait_for("paging 1")
        shown.type("on\n")
        assert shown.wait() == 0
        assert "ExecStart=" in shown.seen
        assert "uid=" not in shown.seen


def test_ctrl_c_ends_both(box: Box) -> None:
    with session(box, ["systemctl", "cat", "long"]) as shown:
        shown.wait_for("paging 1")
        shown.type("\x03")
        assert shown.wait() == -signal.SIGINT


def test_ctrl_c_is_left_to_a_less_without_k(box: Box) -> None:
    with session(box, ["systemctl", "cat", *["a"] * 20], SYSTEMD_LESS="FRSXM") as shown:
        shown.wait_for("paging 1")
        shown.interrupt("interrupted")
        shown.type("on\n")
        assert shown.wait() == 0
        assert shown.seen.count("ExecStart=") == 20
        assert "read on" in shown.seen


def test_a_pager_that_ends_early_ends_systemctl(box: Box) -> None:
    with session(box, ["systemctl", "cat", "long"], PAGER="true", SYSTEMD_PAGERSECURE="1") as shown:
        assert shown.wait() == -signal.SIGPIPE


def test_the_status_is_the_commands(box: Box) -> None:
    with session(box, ["systemctl", "status", "a", "nowhere"], PAGER="false", SYSTEMD_PAGERSECURE="1") as shown:
        assert shown.wait() in (3, -signal.SIGPIPE)


def test_without_a_pager_it_prints_by_itself(box: Box) -> None:
    command = ["env", "PATH=/nowhere", "/usr/bin/systemctl", "cat", "a"]
    with session(box, command, PAGER="/nowhere/most") as shown:
        assert shown.wait() == 0
        assert shown.seen.splitlines()[0] == "# /etc/systemd/system/a.service"


def test_the_pager_ends_with_a_killed_systemctl(box: Box) -> None:
    with session(box, ["systemctl", "cat", "long"]) as shown:
        shown.wait_for("paging 1")
        box.run("pkill -KILL -x systemctl || pkill -KILL -f 'systemctl cat long'")
        assert shown.wait() == -signal.SIGKILL
        box.wait_for(lambda: not box.find("/usr/local/bin/less"), what="the pager")


def test_a_less_that_cannot_be_told_to_be_safe_is_none(box: Box) -> None:
    """systemd uses it."""
    command = ["env", "PATH=/deaf", "/usr/bin/systemctl", "cat", "a"]
    with session(box, command) as shown:
        assert shown.wait() == 0
        assert "ExecStart=" in shown.seen
        assert ("deaf" in shown.seen) != box.ours
    command[1] = "PATH=/deaf:/usr/local/bin"
    with session(box, command) as shown:
        shown.wait_for("paging 1" if box.ours else "deaf")


def test_any_less_is_used_by_whoever_says_so(box: Box) -> None:
    command = ["env", "PATH=/deaf", "/usr/bin/systemctl", "cat", "a"]
    with session(box, command, SYSTEMD_PAGERSECURE="0") as shown:
        shown.wait_for("deaf")
