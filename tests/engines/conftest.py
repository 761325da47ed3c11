"""One machine for all tests with engines. Without root they are skipped, with this reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import rootfs
from tests.box.harness import Box
from tests.engines import engines, examples
from tests.install import roots
from tests.marks import mark_boxes

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this directory."""
    # The first one builds the images if nobody has prepared them.
    mark_boxes(items, HERE, "engines need root", 400)


@pytest.fixture(scope="session")
def machine() -> Iterator[Box]:
    """The machine with the engines, booted, the images of the examples, and Debians that have systemd, too."""
    images = {f"/images/{name}": image.layers for name, image in examples.images().items()}
    images.update({f"/images/{suite}": tuple(rootfs.with_ours(roots.with_systemd(suite))) for suite in roots.SUITES})
    with engines.machine(images) as box:
        box.wait_booted()
        yield box
