"""The time for a halt (docs/container.md, "Stop timeout"): nobody is killed untold, and no guess kills."""

from __future__ import annotations

import pytest

from tests.box.harness import Box

DIRECTORY = "/etc/systemd/system"
DEAF = "ExecStart=/bin/sh -c 'trap \"\" TERM; touch /run/%p; while :; do sleep .1; done'\n"
SAVES = "ExecStart=/bin/sh -c 'trap \"echo saved >/var/%p; exit 0\" TERM; touch /run/%p; while :; do sleep .05; done'\n"
SLOW = (
    'ExecStart=/bin/sh -c \'trap "sleep %i; echo saved >/var/%p; exit 0" TERM; touch /run/%p; '
    "while :; do sleep .05; done'\n"
)


def files(**units: str) -> dict[str, str]:
    return {f"{DIRECTORY}/{name}.service": f"[Unit]\n{text}" for name, text in units.items()}


def started(box: Box, *names: str) -> None:
    box.wait_booted()
    box.run(["systemctl", "start", *names], check=True)
    for name in names:
        box.wait_for(lambda name=name: box.exists(f"/run/{name.partition('@')[0]}"), what=name)  # type: ignore[misc]


def test_a_guess_tells_everybody_and_kills_nobody() -> None:
    units = files(
        app=f"After=redis-server.service\n[Service]\nTimeoutStopSec=12\n{DEAF}",
        **{"redis-server": f"[Service]\n{SAVES}"},
    )
    with Box(files=units) as box:
        started(box, "redis-server", "app")
        box.signal(15)
        # In time for an engine that keeps to its default.
        box.wait_for(lambda: box.exists("/var/redis-server"), 8.5, "redis's data")
        assert box.find("touch /run/app")
        assert box.wait(20) == 0  # by its own timeout
        assert "$SYSTEMCTL_STOP_TIMEOUT" in box.console
        assert "app.service: State 'stop-sigterm' timed out. Killing." in box.console


def test_a_service_that_takes_longer_than_a_guess_is_left_alone() -> None:
    with Box(files={f"{DIRECTORY}/slow@.service": f"[Service]\n{SLOW}"}) as box:
        started(box, "slow@11")
        box.signal(15)
        assert box.wait(20) == 0
        assert box.read("/var/slow") == "saved\n"
        assert "Still stopping: slow@11.service.\n" in box.console


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_time_that_was_told_is_split_and_kills_at_its_end(how: str) -> None:
    units = files(
        third=f"After=second.service\n[Service]\n{DEAF}",
        second=f"After=first.service\n[Service]\n{DEAF}",
        first=f"[Service]\n{SAVES}",
    )
    init = ["/usr/bin/systemctl", "init"]
    environment = {}
    if how == "option":
        init.append("--stop-timeout=4")
    else:
        environment = {"SYSTEMCTL_STOP_TIMEOUT": "4"}
    with Box(files=units, init=init, environment=environment) as box:
        started(box, "first", "second", "third")
        box.signal(15)
        box.wait_for(lambda: box.exists("/var/first"), what="the data of the last in the order")
        assert box.find("touch /run/second") and box.find("touch /run/third")
        assert box.wait(20) == 124
        assert "The time to halt is over, killing what is left: second.service, third.service" in box.console


def test_a_level_that_is_done_in_time_keeps_the_order() -> None:
    units = files(
        late="After=early.service\n[Service]\nExecStop=/bin/sleep 1\n"
        f"{SAVES}ExecStopPost=/bin/sh -c 'echo late >>/var/order'\n",
        early=f"[Service]\n{SAVES}ExecStopPost=/bin/sh -c 'echo early >>/var/order'\n",
    )
    with Box(files=units, init=["/usr/bin/systemctl", "init", "--stop-timeout=9"]) as box:
        started(box, "early", "late")
        box.signal(15)
        assert box.wait() == 0
        assert box.read("/var/order") == "late\nearly\n"
        assert "before their turn" not in box.console


@pytest.mark.parametrize("told", [True, False])
def test_who_waits_for_its_exec_stop_is_told_by_a_signal_in_time(told: bool) -> None:
    unit = f"[Service]\nExecStop=/bin/sleep 10\nTimeoutStopSec=20\n{SAVES}"
    init = ["/usr/bin/systemctl", "init", *(["--stop-timeout=5"] if told else [])]
    with Box(files={f"{DIRECTORY}/x.service": unit}, init=init) as box:
        started(box, "x")
        box.signal(15)
        box.wait_for(lambda: box.exists("/var/x"), 8.5, "the data")
        assert box.wait(20) == (124 if told else 0)


def test_a_guess_terminates_what_no_job_stops_and_what_was_left_behind() -> None:
    left = "Type=forking\nKillMode=process\nGuessMainPID=no\nExecStart=/bin/sh -c '/bin/left & exit 0'\n"
    units = {
        **files(
            early=f"DefaultDependencies=no\n[Service]\n{SAVES}",
            deaf=f"[Service]\nTimeoutStopSec=12\n{DEAF}",
            parent=f"[Service]\n{left}",
        ),
        "/bin/left": "#!/bin/sh\ntrap 'echo saved >/var/left; exit' TERM\ntouch /run/parent\n"
        "while :; do sleep .05; done\n",
    }
    with Box(files=units) as box:
        started(box, "early", "deaf", "parent")
        box.signal(15)
        box.wait_for(lambda: box.exists("/var/early") and box.exists("/var/left"), 8.5, "their data")
        assert box.find("touch /run/deaf")
        assert box.wait(20) == 0
