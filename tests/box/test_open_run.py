"""/run that is open to everybody, as an emptyDir volume of Kubernetes is: PID 1 makes it root's alone.

What somebody has put there before neither keeps it from starting nor makes it write elsewhere.
"""

from __future__ import annotations

import signal
from dataclasses import replace

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled

SERVICE = """\
[Service]
User=nobody
LoadCredential=secret:/etc/hostname
ExecStart=/bin/sh -c 'cat %d/secret && exec sleep infinity'
"""
PLAIN = "[Service]\nExecStart=/bin/sleep infinity\n"
# A unit and a generator for root to run.
EVIL = """\
mkdir -p /run/systemd/system/multi-user.target.wants /run/systemd/system-generators
printf '[Service]\\nType=oneshot\\nExecStart=/bin/touch /tmp/owned\\n' >/run/systemd/system/evil.service
ln -s ../evil.service /run/systemd/system/multi-user.target.wants/
printf '#!/bin/sh\\ntouch /tmp/owned\\n' >/run/systemd/system-generators/evil
chmod +x /run/systemd/system-generators/evil
chown -hR daemon /run/systemd
"""
# What daemon could do, had it been here before.
PLANTED = f"""\
{EVIL}
rm -f /run/machine-id
ln -s /tmp/precious /run/machine-id
mkdir -p /run/host /run/credentials
mkfifo /run/host/container-manager /run/host/container-uuid
chown -h daemon /run/machine-id /run/host /run/host/* /run/credentials
echo precious >/tmp/precious
exec systemctl init
"""


def test_an_open_run_is_closed_and_nothing_in_it_is_trusted() -> None:
    place = replace(PROFILES["readonly"], tmpfs=(("/run", "0777"), ("/tmp", "1777")))
    files = {**enabled("a.service", SERVICE), "/etc/machine-id": ""}
    environment = {"CREDENTIALS_DIRECTORY": "/etc/credstore"}
    with Box(place, init=["/bin/sh", "-c", PLANTED], files=files, environment=environment) as box:
        assert box.wait_booted() == "running"
        assert not box.exists("/tmp/owned")
        assert box.run("ls /run/set-aside.*/systemd/system-generators").stdout == "evil\n"
        assert box.run("ls /run/set-aside.*", user="daemon").returncode != 0
        assert box.run("stat -c '%a %U' /run /run/systemd").stdout == "755 root\n755 root\n"
        assert box.read("/tmp/precious") == "precious\n"
        # The directories that were somebody else's stay, and are of no use to them.
        assert box.list_directory("/run/credentials") == []
        assert box.run("cat /run/systemd/credentials/a.service/secret").stdout == "box\n"
        for trick in ("mkfifo /run/trick", "mv /run/systemd /run/old", "rm /run/machine-id"):
            assert box.run(trick, user="daemon").returncode == 1, trick
        box.run("systemctl daemon-reexec", check=True)
        assert box.run("systemctl is-active a").stdout == "active\n"
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        assert "Others than root may write to /run" not in box.console
        assert "Others than root had made /run/systemd, which does not count." in box.console


def test_where_run_cannot_be_closed_nothing_of_the_system_is_there() -> None:
    """It belongs to somebody else, and root may not change that."""
    place = replace(PROFILES["readonly"], tmpfs=(("/run", "0777"), ("/tmp", "1777")))
    planted = f"{EVIL}chown daemon /run\nexec setpriv --bounding-set=-fowner systemctl init"
    with Box(place, init=["/bin/sh", "-c", planted], files=enabled("a.service", PLAIN)) as box:
        assert box.wait_booted() == "running"
        assert box.run("mv /run/systemd /run/theirs", user="daemon").returncode == 0
        box.run(EVIL.replace("chown", ": "), user="daemon", check=True)
        box.run("systemctl daemon-reload", check=True)
        assert box.run("systemctl is-active a evil").stdout == "active\ninactive\n"
        assert box.run("systemctl start evil").returncode == 5
        assert not box.exists("/tmp/owned")
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        assert "Others than root may write to /run." in box.console
