"""What the parts of a release hold, and that they are the same when they are built again."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from release import debian_package, interpreter, one_file, tarball
from release.archive import epoch
from systemctl_replacement import __version__
from systemctl_replacement.image import launchers, names
from systemctl_replacement.paths import BUS_POLICY

LARGEST_INTERPRETER = 20 << 20


def members(path: Path) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(path) as file:
        yield from file


@pytest.mark.parametrize("module", [tarball, debian_package, one_file], ids=lambda module: str(module.__name__))
def test_they_are_the_same_when_built_again(module: object, release: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        (again,) = module.build(tmp_path, epoch())  # type: ignore[attr-defined]
    finally:
        os.umask(before)
    assert again.read_bytes() == (release / again.name).read_bytes()


def test_a_tarball_is_safe_to_lay_over_an_image(release: Path) -> None:
    found = {f"/{member.name}": member for member in members(release / f"systemctl-replacement-{__version__}.tar.gz")}
    outside = {path for path, member in found.items() if not (path.startswith(names.HOME) or member.isdir())}
    programs = {names.LAUNCHER, names.OWN_COMMAND, "/usr/bin/journalctl"}
    assert outside == programs | {BUS_POLICY}
    for member in found.values():
        assert member.uid == member.gid == 0
        assert member.issym() or not member.mode & 0o022, member.name
    assert not any(path.endswith(".pyc") for path in found)


def test_a_debian_package_takes_no_file_of_another(release: Path) -> None:
    path = release / f"systemctl-replacement_{__version__}_all.deb"
    fields = subprocess.run(["dpkg-deb", "--field", str(path)], capture_output=True, text=True, check=True).stdout
    assert f"\nVersion: {__version__}\n" in fields and "\nDepends: python3 (>= 3.9)\n" in fields
    listed = subprocess.run(["dpkg-deb", "--contents", str(path)], capture_output=True, text=True, check=True).stdout
    files = {line.split(" ./")[1] for line in listed.splitlines() if not line.startswith("d")}
    own = ("usr/lib/systemctl-replacement/", "usr/share/doc/systemctl-replacement/", "usr/bin/systemctl-replacement")
    shared = {"usr/share/man/man8/systemctl-replacement.8.gz", "usr/share/lintian/overrides/systemctl-replacement"}
    assert {name for name in files if not name.startswith(own)} == shared
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())


@pytest.mark.skipif(os.geteuid() != 0, reason="it is built from the root file system of boxes, which need root")
def test_an_interpreter_is_small_and_comes_with_what_it_needs(release: Path) -> None:
    (path,) = release.glob("*-with-python-*.tar.gz")
    carried = [member for member in members(path) if f"/{member.name}".startswith(interpreter.HOME)]
    assert sum(member.size for member in carried) < LARGEST_INTERPRETER
    with tarfile.open(path) as file:
        launcher = file.extractfile(names.LAUNCHER[1:])
        assert launcher is not None and launchers.interpreter(launcher.read()) == interpreter.PROGRAM
    assert not any(member.name.endswith(".py") for member in carried)
    assert any("/licences/" in member.name for member in carried)
