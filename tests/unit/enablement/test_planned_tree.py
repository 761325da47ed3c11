"""The view below a root: links stay inside, and planned changes already show."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from systemctl_replacement.enablement.planned_tree import PlannedTree


def test_absolute_links_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "etc").symlink_to("/inside")
    tree = PlannedTree(str(tmp_path))
    assert tree.chase("/etc/x") == "/inside/x"
    assert tree.on_disk("/etc/x") == f"{tmp_path}/inside/x"


def test_dots_do_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "up").symlink_to("../../../../../..")
    assert PlannedTree(str(tmp_path)).chase("/up/etc/passwd") == "/etc/passwd"
    assert PlannedTree(str(tmp_path)).on_disk("/up/x") == f"{tmp_path}/x"


def test_loops_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError) as caught:
        PlannedTree(str(tmp_path)).chase("/a")
    assert caught.value.errno == errno.ELOOP


def test_planned_links_show_at_once(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").symlink_to("x")
    tree = PlannedTree(str(tmp_path))
    tree.plan_link("/d/new", "/target")
    tree.plan_unlink("/d/old")
    assert tree.entries("/d") == [("new", "link")]
    assert tree.readlink("/d/new") == "/target"
    assert tree.kind("/d/old") == ""
    assert tree.chase("/d/new") == "/target"
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["old"]


@pytest.mark.parametrize(("text", "expected"), [("", True), ("[Unit]\n", False)])
def test_empty_files_are_masks(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "x.service").write_text(text)
    (tmp_path / "y.service").symlink_to("/dev/null")
    tree = PlannedTree(str(tmp_path))
    assert tree.is_mask("/x.service") is expected
    assert tree.is_mask("/y.service")
