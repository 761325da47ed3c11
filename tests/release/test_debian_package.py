"""The Debian package beside real systemd's: it takes the names, keeps them when it is installed again, and gives all
back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement import __version__
from tests.box.harness import SYSTEMD_PACKAGES, Box

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="boxes need root")
INSTALL = f"dpkg -i /release/systemctl-replacement_{__version__}_all.deb"
# What an image consists of: names, what links lead to, and what is diverted.
STATE = (
    "find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /tmp -o -path /release \\)"
    " -prune -o -printf '%p %l\\n' | sort; dpkg-divert --list | sort; sha256sum /usr/bin/systemctl"
)


def test_it_comes_and_goes_beside_systemd(release: Path, tmp_path: Path) -> None:
    with Box(
        packages=SYSTEMD_PACKAGES, ours=False, init=["/bin/sleep", "infinity"], images={"/release": [release, tmp_path]}
    ) as box:
        before = box.run(STATE, check=True).stdout
        for _ in range(2):
            box.run(INSTALL, check=True, timeout=60)
            box.run("systemctl-replacement check", check=True)
            assert "-PAM" in box.run("systemctl --version", check=True).stdout
            assert box.run("readlink /sbin/init").stdout == "/lib/systemd/systemd\n"
        refused = box.run("systemctl-replacement uninstall")
        assert refused.returncode == 1 and "apt-get remove systemctl-replacement" in refused.stderr
        assert "+PAM" in box.run("/bin/systemctl.distrib.usr-is-merged --version", check=True).stdout
        removed = box.run("dpkg --remove systemctl-replacement", check=True)
        assert "not empty" not in removed.stderr
        assert box.run(STATE, check=True).stdout == before
