"""The foreground command beside tini and dumb-init: who receives which signal, and what the exit status is.

Differences are in docs/container.md ("How does it differ from tini and dumb-init?").
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.box.harness import Box

# record FILE STATUS: writes READY and then each signal it gets, by name, as a line of FILE; a SIGTERM or SIGINT ends it
# with STATUS.
RECORD = """#!/usr/bin/python3 -IS
import os, signal, sys

log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

arrived, wake_up = os.pipe()
os.set_blocking(wake_up, False)
signal.set_wakeup_fd(wake_up)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, lambda *_: None)
os.write(log, b"READY\\n")
while True:
    number = os.read(arrived, 1)[0]
    name = signal.Signals(number).name
    os.write(log, f"{name}\\n".encode())
    if name in ("SIGTERM", "SIGINT"):
        os._exit(int(sys.argv[2]))
"""
FILES = {
    "/usr/local/bin/record": RECORD,
    "/usr/local/bin/not-executable": "exit 0\n",
    # The program is not executed in place of the shell, which passes nothing on.
    "/usr/local/bin/script": "#!/bin/sh\nrecord /log 7\nexit 9\n",
    # Leaves orphans and a daemon, and waits until somebody has reaped the orphans.
    "/usr/local/bin/orphans": "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do (sh -c 'exit 3' &); done\n"
    "while ps -A -o ppid=,stat= | grep -q '^ *1 *Z'; do :; done\nsetsid sleep 5555 &\nexit 21\n",
}
OURS = ("/usr/bin/systemctl", "init")
INITS = {
    "ours": (*OURS, "--"),
    "ours --no-group": (*OURS, "--no-group", "--"),
    "tini": ("tini", "--"),
    "tini -g": ("tini", "-g", "--"),
    "dumb-init": ("dumb-init", "--"),
}
SIGNALS = ("HUP", "QUIT", "USR1", "USR2", "PIPE", "ALRM", "CONT", "WINCH", "TSTP", "TTIN", "TTOU", "SYS", "ABRT")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Box(packages=["tini", "dumb-init"], files=FILES, boot=False) as made:
        made.write("/usr/local/bin/no-shebang", "exit 33\n", 0o755)
        yield made


def boot(box: Box, init: str, *command: str) -> None:
    box.write("/log", "")
    box.boot([*INITS[init], *command])


def status(box: Box, init: str, *command: str) -> int:
    boot(box, init, *command)
    return box.wait()


def log(box: Box) -> list[str]:
    return box.read("/log").split()


def is_stopped(box: Box, command: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(process.status() == psutil.STATUS_STOPPED for process in box.find(command))
    return False


def what_arrives(box: Box, number: int) -> str:
    """What the command notices of a signal: SIGIO comes behind it."""
    before = len(log(box))
    box.signal(number)
    box.signal(signal.SIGIO)

    def behind() -> bool:
        return "SIGIO" in log(box)[before:]

    box.wait_for(lambda: behind() or is_stopped(box, "record /log"), what=f"what comes behind signal {number}")
    if not behind():
        box.signal(signal.SIGCONT)
        box.wait_for(behind, what="SIGIO")
        return "is stopped"
    return " ".join(name for name in log(box)[before:] if name != "SIGIO")


def signals(box: Box, init: str) -> dict[str, object]:
    """What a program that handles everything receives, and with what the container ends."""
    boot(box, init, "record", "/log", "7")
    box.wait_for(lambda: log(box), what="the program")
    found: dict[str, object] = {name: what_arrives(box, getattr(signal, f"SIG{name}")) for name in SIGNALS}
    box.signal(signal.SIGTERM)
    return {**found, "end": (box.wait(), log(box)[-1])}


def script(box: Box, init: str, number: int) -> tuple[int, list[str]]:
    """What the program of a script receives, and with what the container ends."""
    boot(box, init, "script")
    box.wait_for(lambda: log(box), what="the program")
    box.signal(number)
    return box.wait(), log(box)[1:]


def stop_by_default(box: Box, init: str) -> int:
    """SIGTSTP and SIGCONT for a program that leaves them to the kernel."""
    boot(box, init, "sleep", "5556")
    box.wait_for(lambda: [one for one in box.find("sleep 5556") if one.name() == "sleep"], what="the program")
    box.signal(signal.SIGTSTP)
    box.wait_for(lambda: is_stopped(box, "sleep 5556"), what="the stop")
    box.signal(signal.SIGCONT)
    box.wait_for(lambda: not is_stopped(box, "sleep 5556"), what="the continuation")
    box.signal(signal.SIGTERM)
    return box.wait()


def table(box: Box, init: str) -> dict[str, object]:
    return {
        **signals(box, init),
        "script TERM": script(box, init, signal.SIGTERM),
        "script INT": script(box, init, signal.SIGINT),
        "stops by default": stop_by_default(box, init),
        "is killed": status(box, init, "sh", "-c", "kill -KILL $$"),
        "orphans": status(box, init, "orphans"),
        "no #!": status(box, init, "no-shebang"),
        "not found": status(box, init, "no-such"),
        "not executable": status(box, init, "not-executable"),
    }


def differences(ours: dict[str, object], theirs: dict[str, object]) -> dict[str, tuple[object, object]]:
    return {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}


def test_it_is_what_tini_and_dumb_init_are(box: Box) -> None:
    ours, tini, dumb_init = (table(box, init) for init in ("ours", "tini -g", "dumb-init"))
    heard = {name: f"SIG{name}" for name in SIGNALS if name not in ("SYS", "ABRT")}
    assert ours == {
        **heard,
        "SYS": "",
        "ABRT": "",
        "end": (7, "SIGTERM"),
        "script TERM": (143, ["SIGTERM"]),
        "script INT": (130, ["SIGINT"]),
        "stops by default": 143,
        "is killed": 137,
        "orphans": 21,
        "no #!": 33,
        "not found": 127,
        "not executable": 126,
    }
    # Both end when their child does, and the kernel kills the program in the middle of what it does about the signal:
    # whether it got as far as to write it down is chance.
    for theirs in (tini, dumb_init):
        for name, status_ in (("script TERM", 143), ("script INT", 130)):
            found = theirs.pop(name)
            assert isinstance(found, tuple) and found[0] == status_
    for name in ("script TERM", "script INT"):
        del ours[name]
    assert differences(ours, tini) == {"TTIN": ("SIGTTIN", ""), "TTOU": ("SIGTTOU", "")}
    assert differences(ours, dumb_init) == {
        **{name: (f"SIG{name}", "is stopped") for name in ("TSTP", "TTIN", "TTOU")},
        "SYS": ("", "SIGSYS"),
        "ABRT": ("", "SIGABRT"),
        "not found": (127, 2),
        "not executable": (126, 2),
    }


def test_without_the_group_the_program_of_a_script_is_not_told(box: Box) -> None:
    assert script(box, "tini", signal.SIGTERM) == (143, [])
    # Nobody ends untold here: it gets SIGTERM when the shell has gone.
    ended, heard = script(box, "ours --no-group", signal.SIGTERM)
    assert (ended, [name for name in heard if name != "SIGCONT"]) == (143, ["SIGTERM"])


def test_it_finds_what_init_was_started_with(box: Box) -> None:
    begin = "cd /usr; umask 027; ulimit -Sn 700; exec 5</etc/hostname"
    look = '{ env | sort; pwd; umask; ulimit -Sn; ls -l /proc/self/fd/5 | sed "s/.*> //"; read x <&5; echo $x; } >/log'
    found = {}
    for init in ("ours", "tini"):
        box.boot(["/bin/sh", "-c", f'{begin}; exec {" ".join(INITS[init])} /bin/sh -c "$0"', look])
        assert box.wait() == 0
        found[init] = box.read("/log").splitlines()
    assert found["ours"] == found["tini"]
    assert found["ours"][-5:] == ["/usr", "0027", "700", "/etc/hostname", "box"]
    box.boot(["/bin/sh", "-c", f'exec {" ".join(INITS["ours"])} /bin/sh -c "$0" <&- >&-', "read x; exit $((4 + $?))"])
    assert box.wait() == 5  # there is nothing to read, as from /dev/null
