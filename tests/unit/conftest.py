"""What all unit tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Like pytest's own, with a short name: paths of sockets have at most 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="unit-") as directory:
        yield Path(directory)
