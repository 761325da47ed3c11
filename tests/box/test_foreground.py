"""The foreground command of PID 1 (docs/container.md, "Run one command in the foreground")."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import struct
import termios

import psutil
import pytest

from tests.box.harness import Box

BASH = ("bash", "--norc", "--noprofile", "-i")
INIT = ("/usr/bin/systemctl", "init")
DIRECTORY = "/etc/systemd/system"


def typed(box: Box, line: str, path: str) -> str:
    """The output that a line typed into the shell leaves in a file."""
    box.type(f"{line} >{path}.new; mv {path}.new {path}\n")
    box.wait_for(lambda: box.exists(path), what=line)
    return box.read(path).strip()


def running(box: Box, command: str) -> bool:
    for process in box.find(command):
        with contextlib.suppress(psutil.NoSuchProcess):
            if " ".join(process.cmdline()) == command:
                return True
    return False


def use_the_shell(box: Box) -> None:
    """Job control: Ctrl-C and Ctrl-Z reach what runs in the foreground, and nothing else."""
    pid, group, foreground = typed(box, "ps -o pid=,pgid=,tpgid= -p $$", "/ps").split()
    assert pid == group and foreground not in ("-1", "0", "1")
    assert typed(box, "set -o | grep monitor", "/monitor").split() == ["monitor", "on"]
    box.type("sleep 4321\n")
    box.wait_for(lambda: running(box, "sleep 4321"), what="the program")
    box.type("\x03")
    assert typed(box, "echo $?", "/interrupted") == "130"
    assert not running(box, "sleep 4321")
    box.type("sleep 4322\n")
    box.wait_for(lambda: running(box, "sleep 4322"), what="the program")
    box.type("\x1a")
    assert "Stopped" in typed(box, "jobs", "/jobs")
    typed(box, "kill -KILL %1; wait; echo", "/killed")
    assert "no job control" not in box.console


def resized(box: Box) -> bool:
    """Resize the terminal, which tells whoever is in its foreground: for a moment that may still be a program."""
    rows = struct.unpack("4H", fcntl.ioctl(box._terminal, termios.TIOCGWINSZ, b"\0" * 8))[0]
    fcntl.ioctl(box._terminal, termios.TIOCSWINSZ, struct.pack("4H", rows + 1, 120, 0, 0))
    box.type("\n")
    return box.exists("/resized")


def test_a_shell_has_the_terminal_and_can_be_stopped() -> None:
    # What an entry point has left in the background keeps running when the terminal changes hands.
    line = f"sleep 6666 & exec systemctl init --stop-timeout=3 -- {' '.join(BASH)}"
    unit = "[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/touch /stopped\n"
    enabled = {f"{DIRECTORY}/a.service": unit, f"{DIRECTORY}/multi-user.target.wants/a.service": unit}
    with Box(tty=True, init=["/bin/sh", "-c", line], files=enabled) as box:
        use_the_shell(box)
        assert typed(box, "ps -o sid= -p $$", "/session") == typed(box, "echo $$", "/pid")
        assert running(box, "sleep 6666")
        box.type("trap 'touch /resized' WINCH\n")
        box.wait_for(lambda: resized(box), what="SIGWINCH")
        assert typed(box, "stty size", "/size").split()[1] == "120"
        box.wait_booted()
        box.signal(signal.SIGTERM)  # which an interactive shell ignores
        assert box.wait() == 129  # it gets SIGHUP when its share of the time is over
        assert "goes on after SIGTERM" in box.console
        assert box.exists("/stopped")


def test_below_another_process_the_shell_has_the_terminal_until_it_ends() -> None:
    # A shell without job control that does not have the terminal back could not read from it.
    line = f"systemctl init -- {' '.join(BASH)}; status=$?; read more; exit $((status + more))"
    with Box(tty=True, init=["/bin/sh", "-c", line]) as box:
        use_the_shell(box)
        box.type("exit 3\n")
        box.wait_for(lambda: not running(box, " ".join(BASH)), what="the end of the shell")
        box.type("4\n")
        assert box.wait() == 7


def test_units_and_a_command() -> None:
    files = {
        f"{DIRECTORY}/db.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/bin/sh -c 'read x </gate; echo db up >>/order'\nExecStop=/bin/sh -c 'echo db down >>/order'\n",
        "/usr/local/bin/app": "#!/bin/sh\necho app up >>/order\ntrap 'echo app told >>/order; exit 5' TERM\n"
        "while :; do sleep .05; done\n",
    }
    init = ["/bin/sh", "-c", "mkfifo /gate; exec systemctl init --wait-for=db.service --no-group -- app"]
    with Box(init=init, files=files) as box:
        box.wait_for(lambda: "activating" in box.run("systemctl is-active db.service").stdout, what="the boot")
        assert not box.exists("/order")
        box.run("systemctl daemon-reexec", check=True)
        box.run("echo >/gate", check=True)
        box.wait_for(lambda: box.exists("/order") and "app up" in box.read("/order"), what="the command")
        box.run("systemctl daemon-reexec", check=True)
        box.run("kill -KILL $(pgrep -f '^forkserver|^console|^collector')")
        assert "active" in box.run("systemctl is-active db.service").stdout
        assert "does not belong to any loaded unit" in box.run("systemctl status $(pgrep -xo app)").stderr
        box.signal(signal.SIGRTMIN + 3)
        assert box.wait() == 0
        assert box.read("/order").split("\n")[:3] == ["db up", "app up", "app told"]
        assert "db down" in box.read("/order")


@pytest.mark.parametrize(("verb", "status"), [("exit 42", 42), ("poweroff", 0), ("reboot", 133)])
def test_a_command_that_halts_its_container(verb: str, status: int) -> None:
    with Box(init=[*INIT, "--", "/bin/sh", "-c", f"trap : TERM; systemctl {verb}; echo status $?; exit 9"]) as box:
        assert box.wait() == status
        assert "status 0" in box.console
