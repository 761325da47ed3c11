"""The replacement as one file: where it unpacks itself, and whom it trusts there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from release.smoke import PACKAGES
from systemctl_replacement import __version__
from tests.box.harness import Box

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="boxes need root")
COPY = f"cp /release/systemctl-replacement-{__version__}.py /usr/bin/systemctl"


def a_box(release: Path, empty: Path) -> Box:
    return Box(packages=PACKAGES, ours=False, init=["/bin/sleep", "infinity"], images={"/release": [release, empty]})


def boot(box: Box, *argv: str) -> None:
    box.signal(signal.SIGKILL)
    box.wait()
    box.boot(argv)


def test_an_init_unpacks_itself_and_is_found_by_everybody(release: Path, tmp_path: Path) -> None:
    with a_box(release, tmp_path) as box:
        box.run(f"{COPY}; ln -s systemctl /usr/bin/journalctl; ln -s /usr/bin/systemctl /sbin/init", check=True)
        boot(box, "/sbin/init")
        box.wait_booted()
        tree = box.run("echo /usr/lib/systemctl-replacement-*", check=True).stdout.strip()
        assert box.run(f"stat -c %U:%a {tree}").stdout == "root:755\n"
        assert box.run("systemctl is-active multi-user.target", user="1000").stdout == "active\n"
        assert box.run("ls /tmp").stdout == ""  # another user has what root has unpacked
        assert "multi-user.target" in box.run("journalctl --no-pager", check=True).stdout
        assert box.run("kill -TERM $(systemctl show -P MainPID nginx); systemctl restart nginx").returncode == 0
        box.run("systemctl daemon-reexec", check=True)
        assert box.run("python3 /usr/bin/systemctl is-active nginx").stdout == "active\n"
        box.signal(signal.SIGTERM)
        assert box.wait() == 0


def test_what_somebody_else_may_have_put_there_is_not_run(release: Path, tmp_path: Path) -> None:
    with a_box(release, tmp_path) as box:
        box.run(COPY, check=True)
        # Whoever cannot write elsewhere has a directory of their own.
        assert "systemd 252" in box.run("systemctl --version", user="1000").stdout
        (planted,) = box.run("ls -d /tmp/*", check=True).stdout.split()
        name = planted.rpartition("/")[2].removesuffix("-1000")
        assert box.run(f"stat -c %u:%a {planted}").stdout == "1000:755\n"
        # Root takes neither theirs nor one that they can write to.
        evil = "systemctl_replacement/__main__.py"
        for place, owner, mode in ((f"/usr/lib/{name}", 1000, "755"), (f"/run/{name}", 0, "777")):
            box.run(f"mkdir -p {place}/systemctl_replacement && echo 'main = exit' >{place}/{evil}", check=True)
            box.run(f"chown {owner} {place} && chmod {mode} {place}", check=True)
        assert "systemd 252" in box.run("systemctl --version", check=True).stdout
        assert box.run(f"stat -c %u:%a /tmp/{name}-0").stdout == "0:755\n"


def test_it_installs_as_well(release: Path, tmp_path: Path) -> None:
    with a_box(release, tmp_path) as box:
        box.run(f"{COPY} && ln -s systemctl /usr/bin/systemctl-replacement", check=True)
        assert box.run("systemctl-replacement version", check=True).stdout.split()[-1] == __version__
        box.run("systemctl-replacement install && systemctl-replacement check", check=True, timeout=60)
        assert "HOME" not in box.read("/usr/bin/systemctl") and len(box.read("/usr/bin/systemctl")) < 4096


def test_a_place_that_is_nowhere_is_told(release: Path, tmp_path: Path) -> None:
    with Box(ours=False, init=["/bin/sleep", "infinity"], images={"/release": [release, tmp_path]}) as box:
        box.run(COPY, check=True)
        box.run("chmod 755 /tmp /dev/shm", check=True)
        told = box.run("systemctl --version", user="1000")
        assert told.returncode == 1 and "cannot be unpacked into one of /usr/lib/" in told.stderr
