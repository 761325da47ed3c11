"""Faults of all kinds at all moments of the life of PID 1: it goes on, leaves nothing behind, and ends as documented.

Each box goes through all moments, with another fault at each; together they have every fault at every moment. Which
fault follows which, and which signals are sent, is drawn: the seed is printed when a test fails, and `FAULT_SEED=N`
gives it again.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled
from tests.box.test_places import Place, zombies

SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)

RTMIN = 34  # glibc's, which engines send
HALTING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGPWR, RTMIN + 3, RTMIN + 4)
OTHERS = (
    signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP, signal.SIGPIPE,
    signal.SIGALRM, signal.SIGCHLD, signal.SIGTTIN, RTMIN + 20, RTMIN + 22, RTMIN + 23, RTMIN + 24, RTMIN + 25,
    RTMIN + 26, RTMIN + 29,
)  # fmt: skip
REEXECUTE = RTMIN + 25

# What runs: a service that halts slowly in front of another one, and gates at the boot and at a reload.
WEB = """\
#!/bin/sh
trap ': >/run/at-halt; until test -e /run/release; do sleep .02; done; echo web >>/var/order; exit 0' TERM
while :; do touch /run/web; sleep .05; done
"""
UNITS = {
    "/web": WEB,
    **enabled("web.service", "[Unit]\nAfter=db.service\n[Service]\nRestart=always\nRestartSec=0\nExecStart=/web\n"),
    **enabled(
        "db.service",
        '[Service]\nRestart=always\nRestartSec=0\nExecStart=/bin/sh -c \'trap "echo db >>/var/order; exit 0" TERM; '
        "while :; do touch /run/db; sleep .05; done'\n",
    ),
    **enabled(
        "gate.service",
        "[Service]\nType=oneshot\n"
        "ExecStart=/bin/sh -c 'touch /run/at-boot; until test -e /run/go; do sleep .02; done'\n",
    ),
    "/etc/systemd/system/probe.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "/etc/systemd/system-generators/gate": "#!/bin/sh\ntest -e /run/hold || exit 0\ntouch /run/at-reload\n"
    "until test -e /run/generated; do sleep .02; done\n",
}


# --- faults ---


def titled(box: Box, *titles: str) -> list[psutil.Process]:
    found = []
    for process in box.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if " ".join(process.cmdline()).startswith(titles):
                found.append(process)
    return found


def killer(title: str) -> Fault:
    def kill(box: Box, _draw: random.Random) -> None:
        for process in titled(box, title):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    return kill


def stop(box: Box, draw: random.Random) -> None:
    """SIGSTOP for everything of ours but PID 1, in any order."""
    processes = titled(box, "supervisor: ", "forkserver", "console", "collector")
    draw.shuffle(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()


def kill_everything(box: Box, _draw: random.Random) -> None:
    box.run("kill -9 -1")


def ten_signals(box: Box, draw: random.Random, more: Sequence[int] = ()) -> None:
    for number in draw.sample([*OTHERS, *more], 10):
        box.signal(number)


Fault = Callable[[Box, random.Random], None]
FAULTS: dict[str, Fault] = {
    "kill -9 forkserver": killer("forkserver"),
    "kill -9 console": killer("console"),
    "kill -9 collector": killer("collector"),
    "kill -9 supervisors": killer("supervisor: "),
    "kill -9 -1": kill_everything,
    "SIGSTOP": stop,
    "ten signals": ten_signals,
}


# --- moments: each is begun, reached (which something records), met by the fault, and over ---


def boot(box: Box, fault: Callable[[], None]) -> None:
    box.wait_for(lambda: box.exists("/run/at-boot"), what="the boot")
    fault()
    box.write("/run/go", "")
    box.wait_booted()


def reload(box: Box, fault: Callable[[], None]) -> None:
    box.write("/run/hold", "")
    box.signal(signal.SIGHUP)
    box.wait_for(lambda: box.exists("/run/at-reload"), what="the reload")
    box.run("rm /run/hold", check=True)
    fault()
    box.write("/run/generated", "")
    box.run("systemctl daemon-reload", check=True)


def address_space(box: Box) -> str:
    """What changes when PID 1 executes another program: where its stack begins."""
    return Path(f"/proc/{box.pid1}/stat").read_text().rpartition(")")[2].split()[25]


def reexecution(box: Box, fault: Callable[[], None]) -> None:
    before, done = address_space(box), box.console.count("Reexecuted.")
    box.signal(REEXECUTE)
    box.wait_for(lambda: address_space(box) != before, what="the re-execution")
    fault()
    box.wait_for(lambda: box.console.count("Reexecuted.") > done, what="the new program")


def assert_well(box: Box) -> None:
    """Services are up, with one supervisor each; anything can be started, and is heard; nothing is left of what was
    killed."""

    def ours() -> list[str]:
        helpers = titled(box, "forkserver", "console", "collector", "supervisor: ")
        with contextlib.suppress(psutil.NoSuchProcess):
            return sorted(" ".join(process.cmdline()).rstrip() for process in helpers)
        return []  # one has ended meanwhile

    box.wait_for(lambda: box.run("systemctl is-active web db").stdout == "active\nactive\n", what="the services")
    box.run("systemctl start probe", check=True)
    expected = ["collector", "console", "forkserver", "supervisor: db.service", "supervisor: web.service"]
    box.wait_for(lambda: ours() == expected, what="our processes")
    box.wait_for(lambda: not zombies(box), what="a box without zombies")


def halt(box: Box, draw: random.Random, fault: Fault, by: int) -> int:
    box.run("rm -f /var/order /run/web /run/db", check=True)
    box.wait_for(lambda: box.exists("/run/web") and box.exists("/run/db"), what="the programs of the services")
    box.signal(by)
    box.wait_for(lambda: box.exists("/run/at-halt"), what="the halt")
    if fault is ten_signals:  # the same one again would hurry the halt
        ten_signals(box, draw, [number for number in HALTING if number != by])
    else:
        fault(box, draw)
    box.write("/run/release", "")
    return box.wait()


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_every_fault_at_every_moment(number: int) -> None:
    """At boot, reload, re-execution and halt; each test is another column of the table."""
    print(f"FAULT_SEED={SEED}")
    columns = random.Random(SEED)
    at_boot, at_reload, at_reexecution, at_halt = (columns.sample(sorted(FAULTS), len(FAULTS))[number] for _ in "brxh")
    draw = random.Random(SEED + number)
    by = draw.choice(HALTING)
    print(f"boot: {at_boot}, reload: {at_reload}, re-execution: {at_reexecution}, halt: {at_halt}, by {by}")
    with Box(files=UNITS) as box:
        boot(box, lambda: FAULTS[at_boot](box, draw))
        assert_well(box)
        between: list[Callable[[], None]] = [
            lambda: reload(box, lambda: FAULTS[at_reload](box, draw)),
            lambda: reexecution(box, lambda: FAULTS[at_reexecution](box, draw)),
        ]
        draw.shuffle(between)
        for moment in between:
            moment()
            assert_well(box)
        assert halt(box, draw, FAULTS[at_halt], by) == 0
        if at_halt != "kill -9 -1":
            assert box.read("/var/order") == "web\ndb\n"
        assert "Internal error" not in box.console


def blocks_signals(box: Box) -> bool:
    status = Path(f"/proc/{box.pid1}/status").read_text()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    return bool(blocked & 1 << signal.SIGTERM - 1)


def test_ten_signals_in_the_first_milliseconds_of_pid_1() -> None:
    print(f"FAULT_SEED={SEED}")
    draw = random.Random(SEED)
    with Box(files=UNITS) as box:
        while not blocks_signals(box):  # before that the kernel drops them
            pass
        for number in draw.sample((*draw.sample(HALTING, 5), *draw.sample(OTHERS, 5)), 10):
            box.signal(number)
        assert box.wait() == 0
        assert not box.exists("/run/web")


# --- services that do not end, beside another PID 1, which sees what is left ---

IGNORES = "#!/bin/sh\ntrap '' TERM HUP INT QUIT USR1 USR2\ntouch $1\nwhile :; do sleep 1000; done\n"
FORKS = "#!/bin/sh\ntrap '' TERM HUP INT QUIT USR1 USR2\ntouch $1\nwhile :; do /forks $1 & done\n"
MANY = [f"deaf@{number}.service" for number in range(200)]


@pytest.mark.parametrize("what", ["it forks without end", "200 ignore everything", "helpers are killed and stopped"])
def test_what_does_not_end_is_ended_in_time(what: str) -> None:
    print(f"FAULT_SEED={SEED}")
    profile = PROFILES["pause"]
    files = {"/ignores": IGNORES, **enabled("deaf.service", "[Service]\nExecStart=/ignores /run/deaf\n")}
    up, told = ["/run/deaf"], 2
    if what == "it forks without end":
        profile = replace(profile, group_limits=(("pids", 40),))
        files.update({"/forks": FORKS, **enabled("forks.service", "[Service]\nExecStart=/forks /run/forks\n")})
        up.append("/run/forks")
    elif what == "200 ignore everything":
        files["/etc/systemd/system/deaf@.service"] = "[Service]\nExecStart=/ignores /run/deaf-%i\n"
        files["/etc/systemd/system/deaf.service.d/all.conf"] = f"[Unit]\nWants={' '.join(MANY)}\n"
        up += [f"/run/deaf-{number}" for number in range(len(MANY))]
        told = 4
    with Box(profile, files=files, environment={"SYSTEMCTL_STOP_TIMEOUT": str(told)}) as box:
        place = Place(box)
        box.wait_for(lambda: all(map(box.exists, up)), 30, "the services")
        if what == "helpers are killed and stopped":
            draw = random.Random(SEED)
            for fault in draw.sample(("kill -9 forkserver", "kill -9 console", "kill -9 supervisors"), 2):
                FAULTS[fault](box, draw)
            stop(box, draw)
        assert place.halt() == 124
        box.wait_for(lambda: sorted(process.pid for process in box.processes()) == place.others, what="nothing else")
        place.assert_only_others_are_left()
