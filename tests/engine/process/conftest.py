"""Fixtures: a process tree without a manager, in a child of the test runner, which must keep its own children."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.process.tree import Tree, Unit


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path)
    yield made
    made.close()


@pytest.fixture
def unit(tree: Tree) -> Unit:
    return tree.unit()
