"""How a container ends whose status is decided late, as FreeIPA's does it; the same under real systemd."""

from __future__ import annotations

import pytest

from tests.box.harness import Box
from tests.conformance.execute import without_reboot

SIDES = pytest.mark.parametrize("systemd", [False, True], ids=["ours", "systemd"])
RTMIN_3 = 37  # the STOPSIGNAL of such images

# An entry point that clears /run, writes drop-ins, leaves a child behind, and becomes the init.
ENTRY = """#!/bin/sh
set -e
rm -rf /run/*
mkdir -p /run/lock /run/setup /run/systemd/system/setup-upgrade.service.d
printf '[Service]\\nExecStartPre=/bin/sh -c "echo dropped in >>/var/steps"\\n' \\
    >/run/systemd/system/setup-upgrade.service.d/50-entry.conf
for setting in $SETTINGS; do
    printf "[Unit]\\n$setting\\n" >"/run/systemd/system/setup-upgrade.service.d/60-$setting.conf"
done
( trap '' HUP; tail -f /dev/null & )
[ -z "$LATE" ] || ( (trap 'trap "" TERM; systemctl exit 42; exit' TERM; >/run/late; while :; do sleep 0.05; done) & )
exec /usr/sbin/init --show-status=false $OPTIONS
"""
WORK = """#!/bin/sh
note() {
    code=$?
    echo "$code" >/run/setup/exit_code
    exit "$code"
}
trap note EXIT
echo worked >>/var/steps
exit "$(cat /run/status)"
"""
TELL = """#!/bin/sh
echo "told $(cat /run/setup/exit_code)" >>/var/steps
systemctl exit "$(cat /run/setup/exit_code)"
"""
FILES = {
    "/usr/local/sbin/entry": ENTRY,
    "/usr/sbin/setup-work": WORK,
    "/usr/sbin/tell-status": TELL,
    "/etc/systemd/system/setup-upgrade.service": (
        "[Unit]\nDescription=Upgrade upon subsequent runs\n[Service]\nType=oneshot\nFailureAction=poweroff\n"
        "ExecStartPre=/bin/sh -c 'echo $STATUS_WANTED >/run/status'\nPassEnvironment=STATUS_WANTED\n"
        "ExecStart=/usr/sbin/setup-work\n"
    ),
    "/etc/systemd/system/systemd-halt.service.d/exit.conf": "[Service]\nExecStartPre=systemctl exit 7\n",
    "/etc/systemd/system/systemd-poweroff.service.d/exit.conf": "[Service]\nExecStartPre=/usr/sbin/tell-status\n",
}
UPGRADE = "--unit=setup-upgrade.service"


def boot(systemd: bool, **environment: str) -> Box:
    profile = without_reboot() if systemd else "docker"
    environment = {"container": "oci", **environment}
    return Box(profile, systemd=systemd, init=["/usr/local/sbin/entry"], files=FILES, environment=environment)


def statuses(systemd: bool, asked: int) -> tuple[int, ...]:
    """How the box may end. Under systemd the job of `systemctl exit` competes with the power-off that goes on."""
    return (asked, 0) if systemd else (asked,)


@SIDES
@pytest.mark.parametrize(("wanted", "settings"), [(7, ""), (42, ""), (0, "SuccessAction=poweroff")])
def test_a_unit_of_the_shutdown_decides(systemd: bool, wanted: int, settings: str) -> None:
    with boot(systemd, STATUS_WANTED=str(wanted), SETTINGS=settings, OPTIONS=UPGRADE) as box:
        assert box.wait() in statuses(systemd, wanted)
        assert box.read("/var/steps").splitlines() == ["dropped in", "worked", f"told {wanted}"]


@pytest.mark.parametrize(("systemd", "late", "status"), [(True, "", 7), (False, "", 7), (False, "late", 42)])
def test_after_a_stop_signal_too_and_the_last_one_counts(systemd: bool, late: str, status: int) -> None:
    with boot(systemd, LATE=late) as box:
        box.wait_booted()
        if late:
            box.wait_for(lambda: box.exists("/run/late"))
        box.signal(RTMIN_3)
        assert box.wait() in statuses(systemd, status)
        assert "force" not in box.console  # it was a halt in order
