"""Giving directories to a unit's user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemctl_replacement.process.directories import give_tree, make
from systemctl_replacement.process.exec_spec import Directories, Directory
from systemctl_replacement.tree_walk import remove

DEPTH = 3000
NOBODY = 65534


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A tree deeper than recursion and paths can go. Each directory has a file, and a link out of the tree."""
    top = tmp_path / "top"
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(DEPTH):
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=fd))
        os.symlink(tmp_path / "outside", "link", dir_fd=fd)
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    yield top
    remove(str(top))
    assert not top.exists()
    shutil.rmtree(tmp_path)


def owners(top: Path) -> set[int]:
    """The owners of everything in the tree."""
    found = set()
    fd = os.open(top, os.O_RDONLY)
    while True:
        names = os.listdir(fd)
        found |= {os.stat(name, dir_fd=fd, follow_symlinks=False).st_uid for name in names}
        found.add(os.fstat(fd).st_uid)
        if "d" not in names:
            os.close(fd)
            return found
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below


def test_a_deep_tree_is_given_away(deep: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    owner = NOBODY if os.getuid() == 0 else os.getuid()
    fd = os.open(deep, os.O_RDONLY)
    try:
        give_tree(fd, owner, os.getgid())
    finally:
        os.close(fd)
    assert owners(deep) == {owner}
    assert outside.stat().st_uid == os.getuid()


def test_what_a_link_leads_to_is_not_moved_to_a_dynamic_user(tmp_path: Path) -> None:
    outside, base = tmp_path / "outside", tmp_path / "base"
    (outside / "b").mkdir(parents=True)
    base.mkdir()
    (base / "a").symlink_to(outside)
    directories = Directories("StateDirectory", str(base), (Directory("a/b"),), private=True)
    with pytest.raises(OSError):
        make(directories, os.getuid(), os.getgid())
    assert (outside / "b").is_dir()
    assert not list((base / "private" / "a" / "b").iterdir())
