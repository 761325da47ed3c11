"""Box tests need root. Without it they are skipped, with this reason."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.box.harness import Box
from tests.marks import mark_boxes

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this directory."""
    mark_boxes(items, HERE, "boxes need root")


@pytest.fixture
def make_box() -> Iterator[Callable[..., Box]]:
    """`make_box(**arguments of Box)` boots a box, which is destroyed when the test ends."""
    with contextlib.ExitStack() as stack:

        def make(*args: object, **kwargs: object) -> Box:
            return stack.enter_context(Box(*args, **kwargs))  # type: ignore[arg-type]

        yield make
