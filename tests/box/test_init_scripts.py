"""Services that are only scripts in /etc/init.d, in containers like those of engines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box

SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          old
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a daemon of another user
### END INIT INFO
daemon=/usr/local/bin/old
case $1 in
start) start-stop-daemon --start --quiet --oknodo --exec $daemon --chuid daemon --background -- infinity ;;
stop) start-stop-daemon --stop --quiet --oknodo --retry 5 --exec $daemon ;;
restart) $0 stop; $0 start ;;
*) exit 3 ;;
esac
"""
# As systemd-sysv-generator makes it.
UNIT = """\
[Unit]
SourcePath=/etc/init.d/old
Before=multi-user.target

[Service]
Type=forking
Restart=no
TimeoutSec=5min
IgnoreSIGPIPE=no
KillMode=process
GuessMainPID=no
RemainAfterExit=yes
SuccessExitStatus=5 6
ExecStart=/etc/init.d/old start
ExecStop=/etc/init.d/old stop
"""


def box_with_script(packages: Sequence[str] = (), profile: str = "docker", unit: bool = True) -> Box:
    box = Box(
        profile=profile, packages=packages, files={"/etc/systemd/system/old.service": UNIT} if unit else {}, boot=False
    )
    box.__enter__()
    box.write("/etc/init.d/old", SCRIPT, 0o755)
    box.boot()
    box.wait_booted()
    box.run("cp /bin/sleep /usr/local/bin/old", check=True)
    return box


@pytest.mark.parametrize("packages", [(), SYSTEMD_PACKAGES], ids=["own generator", "systemd's generator"])
def test_a_script_without_a_unit_is_a_service(packages: Sequence[str]) -> None:
    box = box_with_script(packages, unit=False)
    try:
        shown = box.run("systemctl show -p LoadState -p UnitFileState -p Description -p SourcePath -p Type old").stdout
        assert shown == (
            "Type=forking\nDescription=LSB: a daemon of another user\nLoadState=loaded\nSourcePath=/etc/init.d/old\n"
            "UnitFileState=generated\n"
        )
        box.run("update-rc.d old defaults; systemctl daemon-reload", check=True)
        box.run("systemctl start multi-user.target", check=True)
        box.wait_for(lambda: daemons(box) == 1, what="the daemon of the script")
        assert box.run("systemctl is-active old").stdout == "active\n"
        box.write("/etc/systemd/system/old.service", UNIT.replace("SourcePath=/etc/init.d/old", "Description=native"))
        box.run("systemctl daemon-reload", check=True)
        assert box.run("systemctl show -P Description old").stdout == "native\n"
        assert not box.exists("/run/systemd/generator.late/old.service")
        box.run("rm /etc/systemd/system/old.service; systemctl stop old; mkdir -p /etc/systemd/system-generators")
        box.symlink("/dev/null", "/etc/systemd/system-generators/systemd-sysv-generator")
        box.run("systemctl daemon-reload", check=True)
        assert box.run("systemctl show -P LoadState old").stdout == "not-found\n"
    finally:
        box.close()


def links(box: Box) -> list[str]:
    return box.run("cd /etc; ls -d rc?.d/*old; ls systemd/system/*.wants/ | grep old").stdout.split()


def test_enable_and_disable_are_what_the_helper_of_systemd_makes_of_them() -> None:
    """Without systemd's package, to which this helper belongs, the result is the same."""
    seen = {}
    for packages in ((), SYSTEMD_PACKAGES):
        box = box_with_script(packages, unit=False)
        try:
            told = []
            for command in ("disable", "enable", "disable", "enable", "is-enabled", "disable", "is-enabled"):
                ran = box.run(f"systemctl {command} old")
                told.append((command, ran.returncode, ran.stdout, links(box)))
                assert "/bin/sh" not in ran.stderr
            box.run("update-rc.d -f old remove; update-rc.d old defaults; systemctl disable old", check=True)
            told.append(("disable", 0, "", links(box)))
            box.run("systemctl enable old", check=True)
            told.append(("enable", 0, "", links(box)))
            seen[packages] = told
        finally:
            box.close()
    ours, theirs = seen.values()
    assert ours == theirs
    assert "rc3.d/S01old" in ours[-1][3]
    assert "rc3.d/K01old" in ours[-2][3]


def daemons(box: Box) -> int:
    return int(box.run("pgrep -cx -u daemon old").stdout)


@pytest.mark.parametrize("profile", ["docker", "full"])
def test_a_daemon_that_its_script_cannot_see_is_stopped(profile: str) -> None:
    box = box_with_script(profile=profile)
    try:
        for _ in range(2):
            box.run("systemctl start old", check=True)
            assert daemons(box) == 1
            box.run("systemctl restart old", check=True)
            assert daemons(box) == 1
        assert "KillMode=process" in box.run("systemctl show -p KillMode old").stdout
        box.run("systemctl stop old", check=True)
        assert daemons(box) == 0
        assert box.run("systemctl show -P Result -P SubState old").stdout == "success\ndead\n"
    finally:
        box.close()
