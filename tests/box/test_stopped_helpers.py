"""SIGSTOP for our helpers: what needs them goes on, and a halt ends in time and in order."""

from __future__ import annotations

import signal

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
HELPERS = ("supervisor: app.service", "supervisor: db.service", "forkserver", "console")


def started(box: Box, *names: str) -> None:
    box.wait_booted()
    box.run(["systemctl", "start", *names], check=True)
    for name in names:
        box.wait_for(lambda name=name: box.exists(f"/run/{name}"), what=name)  # type: ignore[misc]


def stop(box: Box, *titles: str) -> list[psutil.Process]:
    found = []
    for title in titles:
        found += [process for process in box.find(title) if " ".join(process.cmdline()).startswith(title)]
    assert len(found) == len(titles)
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
        assert f"The supervisor of {unit}.service was stopped while it is needed: continuing it." in box.console


def test_a_unit_can_be_started_while_the_forkserver_is_stopped() -> None:
    with Box(files=UNITS) as box:
        box.wait_booted()
        stop(box, "forkserver")
        box.run("systemctl start db", check=True, timeout=10)


def test_who_keeps_stopping_a_supervisor_gains_no_time() -> None:
    with Box(files=UNITS, init=["/usr/bin/systemctl", "init", "--stop-timeout=3"]) as box:
        started(box, "db")
        [supervisor] = stop(box, "supervisor: db.service")
        pid = box.inner_pid(supervisor)
        attacker = box.popen(f"trap '' TERM; while :; do kill -STOP {pid}; done")
        try:
            box.signal(signal.SIGTERM)
            assert box.wait(8) == 124
        finally:
            attacker.terminate()
            attacker.wait()
