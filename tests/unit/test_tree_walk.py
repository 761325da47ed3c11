"""Directories that are made where others may have made links."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from systemctl_replacement import tree_walk


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directories_with_those_above_them(tmp_path: Path) -> None:
    """All that are missing have exactly the mode; those that are there keep theirs."""
    before = os.umask(0o077)
    try:
        (tmp_path / "there").mkdir(0o711)
        tree_walk.make_directories(f"{tmp_path}/there/new/./last", 0o1777)
        tree_walk.make_directories(f"{tmp_path}/there/new/last", 0o700)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("there", "there/new", "there/new/last")] == [
        0o711 & 0o700,
        0o1777,
        0o1777,
    ]
    (tmp_path / "file").touch()
    for path in ("file", "file/below"):
        with pytest.raises(NotADirectoryError):
            tree_walk.make_directories(f"{tmp_path}/{path}", 0o755)


def test_links_lead_nowhere_out_of_a_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name, target in (("up", "../../.."), ("absolute", "/made"), ("to-nothing", "not/yet"), ("loop", "loop")):
        (root / name).symlink_to(target)
    for path in ("/up/a", "/absolute/b", "/to-nothing/c"):
        tree_walk.make_directories(path, 0o755, str(root))
    made = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_dir() and not path.is_symlink()
    )
    assert made == ["root", "root/a", "root/made", "root/made/b", "root/not", "root/not/yet", "root/not/yet/c"]
    with pytest.raises(OSError):
        tree_walk.make_directories("/loop/d", 0o755, str(root))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another owner")
def test_links_of_others_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").symlink_to("mine")
    os.lchown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(OSError):
        tree_walk.make_directories("/theirs/new", 0o755, str(tmp_path))
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another owner")
def test_a_link_of_ours_leads_over_no_link_of_others(tmp_path: Path) -> None:
    for name in ("theirs", "secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "ours").symlink_to("theirs/link")
    (tmp_path / "theirs/link").symlink_to(tmp_path / "secret")
    os.lchown(tmp_path / "theirs/link", 65534, 65534)
    with pytest.raises(OSError):
        tree_walk.open_parent(f"{tmp_path}/ours/file", make=True)


def test_who_can_replace_a_part_of_a_way(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    for name, target in (("here", "."), ("up", "a/.."), ("around", f"{tmp_path}/here/a"), ("nowhere", "c/d")):
        (tmp_path / name).symlink_to(target)

    def is_firm(path: str) -> bool:
        fd, last, is_firm = tree_walk.open_way(f"{tmp_path}/{path}", make=True)
        os.close(fd)
        assert last == "file"
        return is_firm

    paths = ("a/file", "a/b/file", "here/a/b/file", "around/b/file", "up/a/b/file", "a/new/file")
    assert all(map(is_firm, paths))
    for mode, expected in ((0o1777, True), (0o777, False), (0o775, False)):
        (tmp_path / "a").chmod(mode)
        assert {path: is_firm(path) for path in paths} == {path: path == "a/file" or expected for path in paths}
    with pytest.raises(FileNotFoundError):
        is_firm("nowhere/file")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError):
        is_firm("loop/file")
