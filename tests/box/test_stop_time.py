"""The time for a halt (docs/container.md, "Stop timeout"): nobody is killed unsignalled, and no guess kills."""

from __future__ import annotations

import time

import pytest

from tests.box.harness import Box

DIRECTORY = "/etc/systemd/system"
DEAF = "ExecStart=/bin/sh -c 'trap \"\" TERM; touch /run/%p; while :; do sleep .1; done'\n"
SAVES = "ExecStart=/bin/sh -c 'trap \"echo saved >/var/%p; exit 0\" TERM; touch /run/%p; while :; do sleep .05; done'\n"
# Who is born while a unit's processes are signalled gets the signal, too, as under systemd: sleep is to ignore it.
SLOW = (
    'ExecStart=/bin/sh -c \'bye() { trap "" TERM; sleep %i; echo saved >/var/%p; exit 0; }; trap bye TERM; '
    "touch /run/%p; while :; do sleep .05; done'\n"
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
        # Early enough for an engine with its default timeout.
        box.wait_for(lambda: box.exists("/var/redis-server"), 8.5, "redis's data")
        assert box.find("touch /run/app")
        assert box.wait(20) == 0  # by its own timeout
        assert "$SYSTEMCTL_STOP_TIMEOUT" in box.console
        assert "app.service: State 'stop-sigterm' timed out. Killing." in box.console
        box.wait_for(lambda: "Killed: app.service (after 12" in box.console)


def test_a_service_that_takes_longer_than_a_guess_is_left_alone() -> None:
    with Box(files={f"{DIRECTORY}/slow@.service": f"[Service]\n{SLOW}"}) as box:
        started(box, "slow@11")
        box.signal(15)
        assert box.wait(20) == 0
        assert box.read("/var/slow") == "saved\n"
        assert "Still stopping: slow@11.service.\n" in box.console
        box.wait_for(lambda: "Slow to stop: slow@11.service (" in box.console)


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
        assert "Stop timeout reached, killing remaining processes: second.service, third.service" in box.console


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
        assert "out of order" not in box.console


@pytest.mark.parametrize("told", [True, False])
def test_who_waits_for_its_exec_stop_is_told_by_a_signal_in_time(told: bool) -> None:
    unit = f"[Service]\nExecStop=/bin/sleep 10\nTimeoutStopSec=20\n{SAVES}"
    init = ["/usr/bin/systemctl", "init", *(["--stop-timeout=5"] if told else [])]
    with Box(files={f"{DIRECTORY}/x.service": unit}, init=init) as box:
        started(box, "x")
        box.signal(15)
        box.wait_for(lambda: box.exists("/var/x"), 8.5, "the data")
        assert box.wait(20) == 0


# Every unit except `deaf` writes a line to /var/NAME when it is signalled. Then it exits, stays, or lingers a while.
TOLD = """#!/bin/sh
trap 'echo told >>/var/$1; [ "$2" ] || exit; left=${3:-20}' TERM
touch /run/$1
while [ "$2$left" != lingers0 ]; do
    sleep .05
    left=${left:+$((left - 1))}
done
"""
EVERYBODY = {
    **files(
        deaf=f"[Service]\nTimeoutStopSec=12\n{DEAF}",
        # No job stops it; no job stops it, and it is not up yet.
        early="DefaultDependencies=no\n[Service]\nExecStart=/bin/told early\n",
        begins="DefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/told begins\n",
        # KillMode= leaves it to its parent: the unit is down soon, or is not, or runs its command.
        left="[Service]\nType=forking\nKillMode=process\nGuessMainPID=no\n"
        "ExecStart=/bin/sh -c '/bin/told left & exit 0'\n",
        job="[Service]\nTimeoutStopSec=12\nKillMode=process\n"
        "ExecStart=/bin/sh -c '/bin/told job & trap \"\" TERM; while :; do sleep .1; done'\n",
        # Still there when its unit's supervisor hears of a signal.
        lingers="[Service]\nTimeoutStopSec=12\nKillMode=process\n"
        "ExecStart=/bin/sh -c '/bin/told lingers lingers & trap \"\" TERM; while :; do sleep .1; done'\n",
        none="[Service]\nTimeoutStopSec=12\nKillMode=none\nExecStart=/bin/told none\nExecStop=/bin/sleep 60\n",
        # Not the main process, and ExecStop= is running.
        app="[Service]\nTimeoutStopSec=10\nExecStart=/bin/sh -c '/bin/told app; exit 0'\nExecStop=/bin/sleep 60\n",
        # Signalled early, and late: none is signalled twice. The latter's stop begins when it has been told already.
        twice="[Service]\nTimeoutStopSec=12\nExecStart=/bin/told twice stay\n",
        slow="[Service]\nTimeoutStopSec=10\nExecStart=/bin/told slow lingers 80\nExecStop=/bin/sleep 60\n",
    ),
    "/bin/told": TOLD,
}
SAVING = ("early", "begins", "left", "job", "lingers", "none", "app", "twice", "slow", "session")


def reexecute(box: Box) -> None:
    before = box.console.count("Reexecuted.")
    box.signal(59)
    box.wait_for(lambda: box.console.count("Reexecuted.") > before, what="the re-execution")


@pytest.mark.parametrize(
    ("how", "reexecuted"),
    [("told", 0), ("told", 1), ("guessed", 0), ("guessed", 1), ("hurry", 0), ("hurry", 1), ("action", 0), ("force", 0)],
)
def test_nobody_is_killed_untold_and_nobody_is_told_twice(how: str, reexecuted: int) -> None:
    init = ["/usr/bin/systemctl", "init", *(["--stop-timeout=9"] if how in ("told", "action", "force") else [])]
    action = "[Unit]\nJobTimeoutSec=200ms\nJobTimeoutAction=poweroff\nAfter=begins.service\nDefaultDependencies=no\n"
    with Box(files={**EVERYBODY, f"{DIRECTORY}/late.target": action}, init=init) as box:
        box.wait_booted()
        box.run(["systemctl", "start", "--no-block", "begins"], check=True)
        names = [name for name in SAVING if name not in ("session", "begins")]
        box.run(["systemctl", "start", "deaf", *names], check=True)
        session = box.popen(["/bin/told", "session"])
        for name in ("deaf", *SAVING):
            box.wait_for(lambda name=name: box.exists(f"/run/{name}"), what=name)  # type: ignore[misc]
        if how == "action":
            box.run(["systemctl", "start", "--no-block", "late.target"], check=True)
        else:
            box.signal(47 if how == "force" else 15)
        box.wait_for(lambda: "Halting (" in box.console or "Ending by force" in box.console)
        if reexecuted:
            reexecute(box)
        if how == "hurry":
            time.sleep(1.1)  # an earlier signal does not count
            box.signal(15)
        box.wait_for(lambda: all(box.exists(f"/var/{name}") for name in SAVING), 8.5, "the data of all")
        if reexecuted:
            reexecute(box)
        assert box.wait(20) == (0 if how == "guessed" else 124)
        session.wait()
        assert [box.read(f"/var/{name}") for name in SAVING] == ["told\n"] * len(SAVING)
        if how != "guessed":
            assert "killing remaining processes: " in box.console or how == "force"


def test_what_is_left_at_the_end_is_named_also_if_no_unit_owns_it() -> None:
    with Box(init=["/usr/bin/systemctl", "init", "--stop-timeout=2"]) as box:
        box.wait_booted()
        session = box.popen(["/bin/sh", "-c", "trap '' TERM; touch /run/session; while :; do sleep .1; done"])
        box.wait_for(lambda: box.exists("/run/session"))
        box.signal(15)
        assert box.wait(20) == 124
        session.wait()
        assert "Stop timeout reached, killing remaining processes: processes that no unit owns\n" in box.console
