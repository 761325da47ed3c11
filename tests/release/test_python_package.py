"""The wheel and the source archive: complete, for every platform, and the same from the same sources."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from release import archive, python_package
from systemctl_replacement import __version__


@pytest.fixture
def built(release: Path) -> list[Path]:
    name = f"systemctl_replacement-{__version__}"
    return [release / f"{name}-py3-none-any.whl", release / f"{name}.tar.gz"]


def sources() -> set[str]:
    return {
        str(path.relative_to(archive.REPOSITORY))
        for name in ("systemctl_replacement", "units")
        for path in (archive.REPOSITORY / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_wheel_has_everything_and_nothing_of_a_platform(built: list[Path]) -> None:
    with zipfile.ZipFile(built[0]) as file:
        names = set(file.namelist())
        metadata = file.read(f"systemctl_replacement-{__version__}.dist-info/METADATA").decode()
    data = f"systemctl_replacement-{__version__}.data/data/share/systemctl-replacement/"
    shipped = {name.removeprefix(data) for name in names if ".dist-info/" not in name}
    assert shipped == sources()
    assert f"\nVersion: {__version__}\n" in metadata


def test_a_source_archive_has_what_a_wheel_is_built_from(built: list[Path]) -> None:
    with tarfile.open(built[1]) as file:
        members = file.getmembers()
    above = f"systemctl_replacement-{__version__}/"
    names = {member.name.removeprefix(above) for member in members if not member.isdir()}
    assert sources() | {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"} <= names
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, archive.epoch())}


def test_both_are_the_same_when_built_again(built: list[Path], tmp_path: Path) -> None:
    """Also where the umask and the times of the sources are others, which are nobody's choice."""
    before = os.umask(0o077)
    try:
        again = python_package.build(tmp_path, archive.epoch())
    finally:
        os.umask(before)
    for first, second in zip(built, again):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), f"{first.name} differs"


def test_what_setuptools_says_when_it_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(python_package.BuildError, match=r"exit status 3\ncomplaint"):
        python_package.run(["/bin/sh", "-c", "echo complaint; exit 3"])


def test_an_epoch_is_the_one_given_or_the_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12345")
    assert archive.epoch() == 12345
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert archive.epoch() >= 315532800
