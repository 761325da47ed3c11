"""These tests change root file systems, which needs root. Without it they are skipped, with this reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.install.root import Root

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.box)
            # Packages are installed several times in one test, which takes long beside other work.
            item.add_marker(pytest.mark.timeout(400))
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="changing roots needs root"))


@pytest.fixture
def make_root(tmp_path: Path) -> Callable[[Sequence[Path]], Root]:
    """`make_root(layers)` is a root over these layers."""
    made: list[Root] = []

    def make(layers: Sequence[Path]) -> Root:
        made.append(Root(tmp_path / f"root{len(made)}", layers))
        return made[-1]

    return make
