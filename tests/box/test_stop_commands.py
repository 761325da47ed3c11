"""ExecStop= and ExecStopPost= have run when the container goes, as under real systemd.

Ceph closes an encrypted device there, which can be done only once the process that uses it has ended.
"""

from __future__ import annotations

import pytest

from tests.box.harness import Box
from tests.conformance.execute import without_reboot

# Notes each step with the processes of the service that are left (but for the shell of a command, which asks).
NOTE = """#!/bin/sh
left=$(cat /run/main.$1 2>/dev/null) && [ -e "/proc/$left" ] && left=alive || left=gone
[ "$1 $2" != "killed post" ] || until [ -e /run/go ]; do sleep 0.05; done
echo "$2 $left" >>/var/order.$1
"""
MAIN = """#!/bin/sh
echo $$ >/run/main.$1
trap 'sleep 0.2; echo "ended" >>/var/order.$1; exit 0' TERM
touch /run/up.$1
while :; do sleep 0.05; done
"""
HOLDS = "/bin/sh -c 'touch /run/up.%p; exec sleep 1000'"
STOPS = "ExecStop=/bin/note %p stop\nExecStopPost=/bin/note %p post\nRestart=on-failure\n"
UNITS = {
    "normal": "ExecStart=/bin/main %p\n",
    "killed": "ExecStart=/bin/main %p\n",
    # The stop signal comes during the start.
    "pre": f"ExecStartPre={HOLDS}\nExecStart=/bin/main %p\n",
    "forking": f"Type=forking\nExecStart={HOLDS}\n",
    "notify": "Type=notify\nExecStart=/bin/main %p\n",
}
ORDER = {
    "normal": ["stop alive", "ended", "post gone"],
    "killed": ["post gone"],
    "pre": ["post gone"],
    "forking": ["post gone"],
    "notify": ["ended", "post gone"],
}
FILES = {
    "/bin/note": NOTE,
    "/bin/main": MAIN,
    **{f"/etc/systemd/system/{name}.service": f"[Service]\n{text}{STOPS}" for name, text in UNITS.items()},
}


@pytest.mark.parametrize("systemd", [False, True], ids=["ours", "systemd"])
def test_stop_commands_have_run_before_the_container_goes(systemd: bool) -> None:
    with Box(without_reboot() if systemd else "docker", systemd=systemd, files=FILES) as box:
        box.wait_booted()
        box.run(["systemctl", "start", "--no-block", *UNITS], check=True)
        for name in UNITS:
            box.wait_for(lambda name=name: box.exists(f"/run/up.{name}"), what=name)  # type: ignore[misc]
        box.process(int(box.read("/run/main.killed"))).kill()
        sub = "systemctl show -P SubState killed"
        box.wait_for(lambda: box.run(sub).stdout == "stop-post\n", what="its end to be noticed")
        box.signal(38)
        box.run("touch /run/go", check=True)
        assert box.wait() == 0
        assert {name: box.read(f"/var/order.{name}").splitlines() for name in UNITS} == ORDER
