"""These tests change root file systems, which needs root. Without it they are skipped, with this reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.install.root import Root
from tests.marks import mark_boxes

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this directory."""
    # Packages are installed several times in one test, which takes long beside other work.
    mark_boxes(items, HERE, "changing roots needs root", 400)


@pytest.fixture
def make_root(tmp_path: Path) -> Callable[[Sequence[Path]], Root]:
    """`make_root(layers)` is a root over these layers."""
    made: list[Root] = []

    def make(layers: Sequence[Path]) -> Root:
        made.append(Root(tmp_path / f"root{len(made)}", layers))
        return made[-1]

    return make
