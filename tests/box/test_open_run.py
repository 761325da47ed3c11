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
# What daemon could do, had it been here before.
PLANTED = """\
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
