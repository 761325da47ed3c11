"""Packages that are renamed while their services run: a halt stops these in time, and the image's clients find them."""

from __future__ import annotations

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled

SERVICE = """\
[Service]
ExecStart=/bin/sh -c 'trap "echo NAME down >> /notes; exit 0" TERM; while :; do sleep 1 & wait; done'
"""
FILES = {
    **enabled("mysql.service", SERVICE.replace("NAME", "mysql")),
    "/etc/systemd/system/mariadb.service": SERVICE.replace("NAME", "mariadb"),
}
RENAME = "cd /etc/systemd/system && rm mysql.service && ln -s mariadb.service mysql.service"


@pytest.mark.parametrize("how", ["daemon-reload", "daemon-reexec"])
@pytest.mark.parametrize("both", [False, True], ids=["one runs", "both run"])
def test_a_halt_stops_a_service_whose_package_was_renamed(how: str, both: bool) -> None:
    with Box(files=FILES) as box:
        assert box.wait_booted() == "running"
        if both:
            assert box.run("systemctl start mariadb").returncode == 0
        assert box.run(f"{RENAME} && systemctl {how}").returncode == 0
        assert box.run("systemctl is-active mysql mariadb").stdout == "active\nactive\n"
        box.signal(15)
        assert box.wait() == 0
        assert sorted(box.read("/notes").split("\n")[:-1]) == ["mariadb down"] * both + ["mysql down"]
        assert "Killing" not in box.console


@pytest.mark.parametrize("how", ["daemon-reload", "daemon-reexec"])
def test_a_package_script_restarts_it_by_its_new_name(how: str) -> None:
    with Box(files=FILES) as box:
        assert box.wait_booted() == "running"
        assert box.run(f"{RENAME} && systemctl {how} && systemctl try-restart mariadb").returncode == 0
        assert box.read("/notes") == "mysql down\n"
        assert box.run("systemctl status mysql | head -n 1").stdout.split()[1] == "mariadb.service"
        assert box.run("systemctl stop mysql").returncode == 0
        assert box.read("/notes") == "mysql down\nmariadb down\n"
        box.signal(15)
        assert box.wait() == 0
