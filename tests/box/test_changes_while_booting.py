"""Changes that clients ask for during the boot come after the boot's own jobs, and none is lost.

systemd answers nobody before its first transaction is queued. Ours answers queries meanwhile.
"""

from __future__ import annotations

import signal

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled
from tests.box.test_takeover import entry

SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n"
FILES = {**enabled("on.service", SLEEP), "/etc/systemd/system/off.service": SLEEP}
# It makes a unit, and runs until it is told to end.
GENERATOR = (
    '#!/bin/sh\nprintf "[Service]\\nExecStart=/bin/sleep infinity\\n" > "$1/made.service"\n'
    "until test -e /go; do sleep 0.01; done\n"
)
BOOTING = {**FILES, "/etc/systemd/system-generators/slow": GENERATOR}


@pytest.mark.parametrize("before", ["true", "systemctl start on off; systemctl stop on"], ids=["boot", "takeover"])
def test_changes_wait_for_generators(before: str) -> None:
    with Box(init=entry(f"touch /go; {before}; rm /go; touch /taken"), files=BOOTING) as box:
        box.wait_for(lambda: box.exists("/taken") and box.run("cat /proc/1/comm").stdout == "systemd\n")
        assert box.run("systemctl is-system-running").stdout == "initializing\n"
        clients = [
            box.popen(f"systemctl {what}; echo $?", stdout=-1, stderr=-1)
            for what in ("start off made", "stop on", "start --no-block off")
        ]
        box.wait_for(lambda: len(box.find("/usr/bin/systemctl")) >= 3)
        states = ["inactive", "inactive" if before == "true" else "active"]
        assert box.run("systemctl is-active on off").stdout.split() == states
        box.write("/go", "")
        assert [client.communicate(timeout=30) for client in clients] == [("0\n", "")] * 3
        assert box.run("systemctl is-system-running --wait").stdout == "running\n"
        assert box.run("systemctl is-active on off made").stdout == "inactive\nactive\nactive\n"


def test_a_mode_that_a_signal_asks_for_comes_after_the_boot() -> None:
    with Box(files=BOOTING) as box:
        box.wait_for(lambda: box.exists("/run/systemd/generator/made.service"))
        box.signal(35)
        box.write("/go", "")
        assert box.wait_booted() == "maintenance"
        assert box.run("systemctl is-active on rescue.target").stdout == "inactive\nactive\n"


def test_a_halt_does_not_wait_for_generators() -> None:
    with Box(files=BOOTING) as box:
        box.wait_for(lambda: box.exists("/run/systemd/generator/made.service"))
        client = box.popen("systemctl start off", stdout=-1, stderr=-1)
        box.wait_for(lambda: box.find("/usr/bin/systemctl start"))
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        client.communicate(timeout=30)
        assert client.returncode != 0


@pytest.mark.parametrize("init", ["(systemctl start off; echo client=$?) &", ""], ids=["entry point", "docker exec"])
def test_a_start_of_the_first_moment_is_kept(init: str) -> None:
    with Box(init=entry(init), files=FILES, boot=False) as box:
        for _ in range(5):
            box.boot()
            if not init:
                box.run("systemctl start off", check=True)
            box.wait_for(lambda: box.run("cat /proc/1/comm").stdout == "systemd\n")
            if init:
                box.wait_for(lambda: "client=0" in box.console)
            assert box.run("systemctl is-system-running --wait").stdout == "running\n"
            assert box.run("systemctl is-active on off").stdout == "active\n" * 2
            box.signal(signal.SIGTERM)
            assert box.wait() == 0
