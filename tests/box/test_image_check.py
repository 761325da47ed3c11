"""`systemctl init --check` in Debian images, as PID 1 and as anybody else."""

from __future__ import annotations

import json

from tests.box.harness import SYSTEMD_PACKAGES, Box
from tests.box.test_main_job import SERVERS

CHECK = ["/usr/bin/systemctl", "init", "--check"]


def test_an_image_with_nginx_and_redis() -> None:
    with Box(init=CHECK, packages=SERVERS) as box:
        assert box.wait() == 0
        *lines, summary = box.console.splitlines()
        assert summary == (
            "A boot of default.target starts 6 units: apt-daily-upgrade.timer, apt-daily.timer, dpkg-db-backup.timer, "
            "e2scrub_all.timer, nginx.service, redis-server.service. "
            "3 units are skipped (--show-status=full names them). Profile docker: 0 errors, 1 warning."
        )
        assert lines[0].startswith("warning: redis-server.service: Settings that are not applied here: PrivateTmp=")
        assert all(line.startswith("skipped: ") for line in lines[1:])
        before = box.list_directory("/run")
        box.boot(["sleep", "infinity"])
        for user in ("0", "33"):
            found = json.loads(box.run([*CHECK, "-o", "json"], user=user, check=True).stdout)
            assert (found["errors"], found["warnings"]) == (0, 1)
        # Redis' own user is none that an arbitrary user could become.
        found = json.loads(box.run([*CHECK, "-ojson", "--profile=openshift"]).stdout)
        assert [(each["code"], each["unit"]) for each in found["findings"] if each["severity"] == "error"] == [
            ("privilege", "redis-server.service")
        ]
        assert box.list_directory("/run") == before
        assert not box.exists("/run/systemd")


def test_an_image_with_the_systemd_package() -> None:
    with Box(init=[*CHECK, "-o", "json"], packages=(*SERVERS, *SYSTEMD_PACKAGES)) as box:
        assert box.wait() == 0
        found = json.loads(box.console)
        assert found["errors"] == 0
        assert {"systemd-journald.service", "systemd-logind.service"} <= {each["unit"] for each in found["skipped"]}
        assert not {"generator", "init-script", "link"} & {each["code"] for each in found["findings"]}
        box.boot(["/usr/bin/systemctl", "init"])
        assert box.wait_booted() == "running"
