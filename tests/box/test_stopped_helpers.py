"""SIGSTOP for our helpers, once or again and again: what needs them goes on, and a halt ends in time and in order."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from tests.box.harness import Box

DIRECTORY = "/etc/systemd/system"
SAYS_BYE = (
    '[Service]\nExecStart=/bin/sh -c \'trap "echo bye from %p; echo %p >>/var/order; exit 0" TERM; touch /run/%p; '
    "while :; do sleep .05; done'\n"
)
UNITS = {
    f"{DIRECTORY}/app.service": f"[Unit]\nAfter=db.service\n{SAYS_BYE}",
    f"{DIRECTORY}/db.service": SAYS_BYE,
    f"{DIRECTORY}/stops.service": f"{SAYS_BYE}ExecStop=/bin/sh -c 'echo stop >>/var/order'\n",
}
HELPERS = ("supervisor: app.service", "supervisor: db.service", "forkserver", "console", "collector")


def started(box: Box, *names: str) -> None:
    box.wait_booted()
    box.run(["systemctl", "start", *names], check=True)
    for name in names:
        box.wait_for(lambda name=name: box.exists(f"/run/{name}"), what=name)  # type: ignore[misc]


def titled(box: Box, title: str) -> list[psutil.Process]:
    found = []
    for process in box.find(title):
        with contextlib.suppress(psutil.NoSuchProcess):
            if " ".join(process.cmdline()).startswith(title):
                found.append(process)
    return found


def stop(box: Box, *titles: str) -> list[psutil.Process]:
    def one_each() -> list[psutil.Process]:
        """Just forked, a process of the unit still has its supervisor's title."""
        found = [titled(box, title) for title in titles]
        return [process for [process] in found] if all(len(processes) == 1 for processes in found) else []

    found: list[psutil.Process] = box.wait_for(one_each)
    for process in found:
        process.suspend()
        box.wait_for(lambda process=process: process.status() == psutil.STATUS_STOPPED)  # type: ignore[misc]
    return found


@pytest.mark.parametrize("helpers", [*[(helper,) for helper in HELPERS], HELPERS], ids=" ".join)
def test_a_halt_with_stopped_helpers(helpers: tuple[str, ...]) -> None:
    with Box(files=UNITS) as box:
        started(box, "db", "app")
        stop(box, *helpers)
        box.signal(signal.SIGTERM)
        assert box.wait(8) == 0
        assert box.read("/var/order") == "app\ndb\n"
        for line in ("bye from app", "bye from db", "Stopped app.service.", "Stopped db.service."):
            box.wait_for(lambda: f": {line}\n" in box.console, what=line)  # noqa: B023


@pytest.mark.parametrize("unit", ["db", "stops"])
def test_a_unit_whose_supervisor_is_stopped_can_be_stopped(unit: str) -> None:
    with Box(files=UNITS) as box:
        started(box, unit)
        stop(box, f"supervisor: {unit}.service")
        box.run(f"systemctl stop {unit}", check=True, timeout=10)
        assert box.run(f"systemctl show -P Result {unit}").stdout == "success\n"
        assert box.read("/var/order") == ("stop\n" if unit == "stops" else "") + f"{unit}\n"
        box.wait_said(f"The supervisor of {unit}.service was stopped while it is needed: continuing it.")


def test_a_unit_can_be_started_while_the_forkserver_is_stopped() -> None:
    with Box(files=UNITS) as box:
        box.wait_booted()
        stop(box, "forkserver")
        box.run("systemctl start db", check=True, timeout=10)


class Attack:
    """Stops processes again and again, every 10 ms: those given, or at each time those that `find` finds."""

    def __init__(self, find: Callable[[], list[psutil.Process]]) -> None:
        self._find = find
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(0.01):
            for process in self._find():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()

    def __enter__(self) -> Attack:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def attack(box: Box, title: str) -> Attack:
    """On those that are there now."""
    [process] = stop(box, title)
    return Attack(lambda: [process])


def in_time(box: Box, command: str, seconds: float = 8) -> None:
    begin = time.monotonic()
    box.run(command, check=True, timeout=30)
    assert time.monotonic() - begin < seconds


def halt_in_time(box: Box) -> None:
    box.signal(signal.SIGTERM)
    assert box.wait(8) == 0


STEPS = {
    f"{DIRECTORY}/steps.service": """[Service]
ExecStartPre=/bin/sh -c 'echo pre >>/var/order; until test -e /run/go; do sleep .02; done'
ExecStart=/bin/sh -c 'echo start >>/var/order; exec sleep 1000'
ExecReload=/bin/sh -c 'echo reload >>/var/order'
ExecStop=/bin/sh -c 'echo stop >>/var/order'
"""
}
TIMES = "[Service]\nTimeoutStartSec=4\nTimeoutStopSec=2\n"
SUPERVISOR = "supervisor: steps.service"


def test_a_start_while_the_supervisor_is_stopped_again_and_again() -> None:
    with Box(files=STEPS) as box:
        box.wait_booted()
        box.run("systemctl start --no-block steps", check=True)
        box.wait_for(lambda: box.exists("/var/order"))
        with attack(box, SUPERVISOR):
            box.write("/run/go", "")
            in_time(box, "systemctl start steps")
            assert box.run("systemctl is-active steps").stdout == "active\n"
        in_time(box, "systemctl stop steps")
        assert box.read("/var/order") == "pre\nstart\nstop\n"
        assert not box.find("sleep 1000")
        halt_in_time(box)


@pytest.mark.parametrize("whom", ["the one", "all"])
@pytest.mark.parametrize("verb", ["reload", "stop"])
def test_a_command_while_the_supervisor_is_stopped_again_and_again(verb: str, whom: str) -> None:
    """It has not begun to run the command, which is run once, by the next one. If none is left alone for long enough,
    the command is not run in its time."""
    times = {} if whom == "the one" else {f"{DIRECTORY}/steps.service.d/times.conf": TIMES}
    with Box(files={**STEPS, **times}) as box:
        box.wait_booted()
        box.write("/run/go", "")
        box.run("systemctl start steps", check=True)
        with attack(box, SUPERVISOR) if whom == "the one" else Attack(lambda: titled(box, SUPERVISOR)):
            box.wait_for(lambda: all(it.status() == psutil.STATUS_STOPPED for it in titled(box, SUPERVISOR)))
            result = box.run(f"systemctl {verb} steps", timeout=20)
            if whom == "the one":
                assert result.returncode == 0
        ran = box.read("/var/order").split("\n")[:-1]
        assert ran[:2] == ["pre", "start"]
        assert ran[2:] == [verb] if whom == "the one" else ran[2:] in ([], [verb])
        if verb == "stop":
            assert box.run("systemctl is-active steps").stdout in ("inactive\n", "failed\n")
            box.wait_for(lambda: not box.find("sleep 1000"))
        halt_in_time(box)


@pytest.mark.parametrize("whom", ["the one", "all"])
def test_a_stop_while_the_supervisor_is_stopped_again_and_again(whom: str) -> None:
    with Box(files=UNITS) as box:
        started(box, "db")
        title = "supervisor: db.service"
        with attack(box, title) if whom == "the one" else Attack(lambda: titled(box, title)):
            box.wait_for(lambda: all(it.status() == psutil.STATUS_STOPPED for it in titled(box, title)))
            in_time(box, "systemctl stop db")
            assert box.run("systemctl show -P Result db").stdout == "success\n"
            assert box.read("/var/order") == "db\n"
            box.wait_for(lambda: not box.find("touch /run/db"))
        in_time(box, "systemctl start db")
        halt_in_time(box)


def test_a_supervisor_that_is_stopped_while_its_unit_stops() -> None:
    """It has carried out the signal, and then does not tell that the process has ended."""
    wait = "until test -e /run/go; do sleep .02; done"
    slow = f"trap '{wait}; exit 0' TERM; touch /run/up; while :; do sleep .02; done"
    unit = f'[Service]\nExecStart=/bin/sh -c "{slow}"\n'
    with Box(files={f"{DIRECTORY}/slow.service": unit}) as box:
        box.wait_booted()
        box.run("systemctl start slow", check=True)
        box.wait_for(lambda: box.exists("/run/up"))
        box.run("systemctl stop --no-block slow", check=True)
        box.wait_for(lambda: box.run("systemctl is-active slow").stdout == "deactivating\n")
        with attack(box, "supervisor: slow.service"):
            box.write("/run/go", "")
            in_time(box, "systemctl stop slow")
        assert box.run("systemctl show -P Result slow").stdout == "success\n"
        halt_in_time(box)


def test_starts_while_the_forkserver_is_stopped_again_and_again() -> None:
    with Box(files={**UNITS, **STEPS}) as box:
        box.wait_booted()
        box.write("/run/go", "")
        with attack(box, "forkserver"):
            in_time(box, "systemctl start app db steps")
        assert box.read("/var/order").count("start") == 1
        for unit in ("app", "db", "steps"):
            box.sole(f"supervisor: {unit}.service")
        halt_in_time(box)


def test_lines_while_the_console_process_is_stopped_again_and_again() -> None:
    talk = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'yes $(printf %%0100d 0) | head -c 3000000'\n"
    with Box(files={**UNITS, f"{DIRECTORY}/talk.service": talk}) as box:
        box.wait_booted()
        with attack(box, "console"):
            box.run("systemctl start talk", check=True)
            box.wait_for(lambda: "Finished talk.service." in box.console)
        halt_in_time(box)


def test_a_console_process_is_continued_for_what_units_print() -> None:
    """The manager has nothing to say itself."""
    say = "until test -e /run/go; do sleep .02; done; yes talk | head -c 9000000; sleep 1000"
    talk = f"[Service]\nExecStart=/bin/sh -c '{say}'\n"
    with Box(files={f"{DIRECTORY}/talk.service": talk}) as box:
        box.wait_booted()
        box.run("systemctl start talk", check=True)
        [console] = stop(box, "console")
        box.write("/run/go", "")
        box.wait_for(lambda: console.status() != psutil.STATUS_STOPPED)
        box.wait_for(lambda: "]: talk\n" in box.console)


@pytest.mark.parametrize("times", ["once", "again and again"])
def test_a_reload_while_what_runs_the_generators_is_stopped(times: str) -> None:
    generator = "#!/bin/sh\necho x >>/var/ran; until test -e /run/go; do sleep .02; done\n"
    with Box(files={"/etc/systemd/system-generators/slow": generator, **UNITS}, boot=False) as box:
        box.write("/var/ran", "")
        box.boot(["/bin/sh", "-c", "touch /run/go; exec /usr/bin/systemctl init"])
        box.wait_booted()
        box.run("rm /run/go", check=True)
        reload = box.popen("systemctl daemon-reload")
        box.wait_for(lambda: box.read("/var/ran") == "x\nx\n")
        [runner] = [it for it in box.find("--generators") if it.ppid() == box.pid1]
        runner.suspend()
        with Attack(lambda: [runner] if times != "once" else []):
            box.write("/run/go", "")
            assert reload.wait(10) == 0
        in_time(box, "systemctl start db")
        halt_in_time(box)


def test_who_keeps_stopping_a_supervisor_gains_no_time() -> None:
    with Box(files=UNITS, init=["/usr/bin/systemctl", "init", "--stop-timeout=4"]) as box:
        started(box, "db")
        [supervisor] = stop(box, "supervisor: db.service")
        pid = box.inner_pid(supervisor)
        attacker = box.popen(f"trap '' TERM; while :; do kill -STOP {pid}; done")
        try:
            box.signal(signal.SIGTERM)
            assert box.wait(8) == 124  # the attacker itself
            assert box.read("/var/order") == "db\n"
        finally:
            attacker.terminate()
            attacker.wait()


def test_a_halt_while_everybody_is_stopped_again_and_again() -> None:
    with Box(files=UNITS) as box:
        started(box, "db", "app")
        helpers = stop(box, *HELPERS)
        with Attack(lambda: helpers):
            halt_in_time(box)
            assert box.read("/var/order") == "app\ndb\n"
