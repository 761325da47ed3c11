"""Packages come, are upgraded and go, with us in the root before them or after: ours stays, and theirs is kept apart.

In the end `uninstall` leaves the root that the packages alone would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.box.harness import Box
from tests.install import archive, roots
from tests.install.listing import differences
from tests.install.root import Root

MakeRoot = Callable[[Sequence[Path]], Root]
each_suite = pytest.mark.parametrize("suite", roots.SUITES)

# Each name that somebody may call answers as ours does, and packages and dpkg have nothing to say.
CHECK = """\
set -e
systemctl-replacement check
for name in /bin/systemctl /usr/bin/systemctl; do
    $name init --check --output=json | grep -q '"goal": *\\["default.target"\\]'
done
test "$(readlink /sbin/init)" = /lib/systemd/systemd
test "$(dpkg --audit)" = ""
"""
# Files that the root never had are left out of a slim image, and dpkg reports each.
VERIFY = "dpkg --verify systemd systemd-sysv | grep -v ' /usr/share/'"
REAL = "/usr/bin/systemctl.distrib", "/usr/bin/journalctl.distrib", "/usr/lib/systemd/systemd.distrib"


def is_in_place(root: Root, *, systemd: bool) -> None:
    """Assert that ours answers, and that what packages have of these names is whole."""
    root.run(CHECK)
    if systemd:
        assert root.run(VERIFY, check=False).stdout == ""


def real_programs_end(root: Root, mark: bytes) -> bool:
    """Whether each of the diverted programs has this end."""
    paths = ["find /usr /bin/ /lib/ /sbin/ -name '*.distrib*' -type f | sort -u | xargs -n1 readlink -f | sort -u"]
    found = root.run(f"for path in $({paths[0]}); do tail -c {len(mark)} $path; done").stdout
    return found.encode() == mark * len(REAL)


@each_suite
def test_systemd_comes_after_us(suite: str, make_root: MakeRoot) -> None:
    root = make_root(roots.plain(suite))
    root.manage("install")
    is_in_place(root, systemd=False)
    root.apt(suite, roots.ADD)
    is_in_place(root, systemd=True)
    root.manage("uninstall")
    assert differences(root.layers, roots.with_systemd(suite)) == []


@each_suite
def test_systemd_is_there_before_us(suite: str, make_root: MakeRoot) -> None:
    root = make_root(roots.with_systemd(suite))
    root.manage("install")
    root.apt(suite, roots.AGAIN)
    is_in_place(root, systemd=True)
    root.apt(suite, roots.UPGRADE, later=True)
    is_in_place(root, systemd=True)
    assert real_programs_end(root, archive.MARK)
    with Box(root=root.layers, init=["/sbin/init"], read_only_root=True) as box:
        assert box.run("systemctl is-system-running --wait").stdout == "running\n"
    out_again = make_root(root.layers)
    out_again.manage("uninstall")
    assert differences(out_again.layers, roots.upgraded(suite)) == []
    without = make_root(root.layers)
    without.apt(suite, roots.REMOVE)
    is_in_place(without, systemd=False)
    without.apt(suite, roots.PURGE)
    is_in_place(without, systemd=False)
    without.manage("uninstall")
    assert differences(without.layers, roots.purged(suite)) == []
