"""Box tests need root. Without it they are skipped, with this reason."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.box.harness import Box

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.box)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="boxes need root"))


@pytest.fixture
def make_box() -> Iterator[Callable[..., Box]]:
    """`make_box(**arguments of Box)` boots a box, which is destroyed when the test ends."""
    with contextlib.ExitStack() as stack:

        def make(*args: object, **kwargs: object) -> Box:
            return stack.enter_context(Box(*args, **kwargs))  # type: ignore[arg-type]

        yield make
