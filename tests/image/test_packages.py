"""Packages with files under our names, and the image's own dpkg: small ones, laid out as systemd and systemd-sysv are.

tests/install has the real ones.
"""

from __future__ import annotations

import os

import pytest

from systemctl_replacement.image import names
from tests.box.harness import Box
from tests.image.test_install import ours_from

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="entering an image needs root")

PROGRAMS = ("bin/systemctl", "bin/journalctl", "bin/systemd-cat", "lib/systemd/systemd")
OLD, NEW = "", "usr/"  # the names that packages use in Debian 12, and in 13


def package(box: Box, version: str, prefix: str) -> str:
    """Build a package, each of whose programs prints its version. Returns where it is in the box."""
    root = f"/srv/systemd-{version}"
    for path in PROGRAMS:
        own = "usr/" if path == "bin/systemd-cat" else prefix
        box.write(f"{root}/{own}{path}", f"#!/bin/sh\necho {version}\n")
    control = f"Package: systemd\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b>\nDescription: test\n"
    box.write(f"{root}/DEBIAN/control", control)
    links = f"mkdir -p {root}/{prefix}sbin && cd {root}/{prefix}sbin && ln -s /lib/systemd/systemd init"
    box.run(f"{links} && ln -s /bin/systemctl halt && dpkg-deb --build {root} {root}.deb", check=True)
    return f"{root}.deb"


def assert_ours(box: Box) -> None:
    """Everything is in place and runs. (One command: a box takes its time for each.)"""
    programs = "".join(f"{name} --version | head -n 1; " for name in (names.LAUNCHER, "/bin/journalctl", names.SYSTEMD))
    lines = box.run(f"{programs} readlink /sbin/init; systemctl-replacement check", check=True).stdout.splitlines()
    assert len(set(lines[:3])) == 1 and lines[0].startswith("systemd 2")
    assert lines[3] == "/lib/systemd/systemd"
    assert not [line for line in lines if "problem" in line]


def real(box: Box, suffix: str) -> set[str]:
    """What the diverted programs print that there are."""
    paths = " ".join(f"/usr/{path}{suffix}" for path in PROGRAMS if path != "bin/systemd-cat")
    return set(box.run(f"for path in {paths}; do test ! -e $path || $path; done", check=True).stdout.split())


@pytest.mark.timeout(300)
def test_a_package_comes_is_upgraded_and_goes() -> None:
    with Box(init=["/bin/sleep", "infinity"]) as box:
        box.run(f"cp -a {names.HOME} /srv/copy", check=True)
        first, second, moved = (package(box, version, at) for version, at in (("1", OLD), ("2", OLD), ("3", NEW)))
        for deb, version in ((first, "1"), (first, "1"), (second, "2")):
            box.run(f"dpkg --install {deb}", check=True)
            assert_ours(box)
            assert (real(box, ".distrib.usr-is-merged"), real(box, ".distrib")) == ({version}, set())
        # As from Debian 12 to 13: the package knows its files by their other names.
        box.run(f"dpkg --install {moved}", check=True)
        assert_ours(box)
        assert (real(box, ".distrib.usr-is-merged"), real(box, ".distrib")) == (set(), {"3"})
        assert box.run("dpkg --verify systemd").stdout == ""
        assert box.run("halt --help", check=True).stdout.startswith("halt [OPTIONS...]")  # by the package's link
        # Its own comes to light again, in its latest version.
        box.run("systemctl-replacement uninstall", check=True)
        assert box.run("; ".join(f"/usr/{path}" for path in PROGRAMS)).stdout == "3\n" * len(PROGRAMS)
        assert box.run("dpkg --verify systemd").stdout == ""
        assert not box.run("find / -xdev -name '*.distrib*' ! -path '/usr/share/*' ! -path '/usr/bin/sh.*'").stdout
        assert box.run("dpkg-divert --list | grep -v dash").stdout == ""
        # Installed where it is already, and left alone when it goes.
        box.run(ours_from("/srv/copy", "install"), check=True)
        assert_ours(box)
        assert real(box, ".distrib") == {"3"}
        box.run("dpkg --purge systemd", check=True)
        assert_ours(box)
        box.run("systemctl-replacement uninstall", check=True)
        assert not any(box.exists(f"/usr/{path}") for path in (*PROGRAMS, "sbin/init", "sbin/halt"))


def test_a_program_of_the_package_is_put_aside_under_the_name_that_dpkg_knows() -> None:
    with Box(init=["/bin/sleep", "infinity"]) as box:
        box.run(f"cp -a {names.HOME} /srv/copy; systemctl-replacement uninstall", check=True)
        box.run(f"dpkg --install {package(box, '1', OLD)}", check=True)
        before = box.run("cd / && find usr/bin usr/sbin usr/lib/systemd ! -type d -ls | sort").stdout
        box.run(ours_from("/srv/copy", "install"), check=True)
        assert_ours(box)
        assert real(box, ".distrib.usr-is-merged") == {"1"}
        assert box.run("systemd-cat").stdout == "1\n"  # which works with us
        assert box.run("dpkg --verify systemd").stdout == ""
        box.run("systemctl-replacement uninstall", check=True)
        assert box.run("cd / && find usr/bin usr/sbin usr/lib/systemd ! -type d -ls | sort").stdout == before
