"""tmpfiles.d(5) in images without the systemd package."""

from __future__ import annotations

import pytest

from tests.box.harness import Box

FILES = {
    "/usr/lib/tmpfiles.d/server.conf": "# for the server\nd /run/server 0750 www-data www-data -\n"
    "r! /run/old\nd /etc/there\nd /run/%m\n",
    "/etc/there/x": "",
}
MISSING = "/run/server: not there, and wanted by /usr/lib/tmpfiles.d, but systemd-tmpfiles is not installed"


@pytest.mark.parametrize("packages", [(), ("systemd-standalone-tmpfiles",), ("systemd",)], ids=lambda names: str(names))
def test_what_packages_want_at_each_boot(packages: tuple[str, ...]) -> None:
    with Box(packages=packages, files=FILES) as box:
        box.wait_booted()
        box.wait_said("Startup finished")
        assert box.console.count(MISSING) == (not packages)
        made = box.run("stat -c '%a %U' /run/server").stdout
        assert made == ("750 www-data\n" if packages else "")


def test_nothing_is_said_where_nothing_is_missing_or_nothing_could_be_made() -> None:
    with Box(files={**FILES, "/run/server/x": ""}) as box:
        box.wait_booted()
        box.wait_said("Startup finished")
        assert "tmpfiles" not in box.console
    with Box("openshift", files=FILES) as box:
        box.wait_booted()
        box.wait_said("Startup finished")
        assert "tmpfiles" not in box.console
