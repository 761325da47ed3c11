"""What all tests of a directory have in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def mark_boxes(items: list[pytest.Item], directory: Path, reason: str, seconds: int = 0) -> None:
    """Mark the tests below a directory as ones with containers, which are skipped without root, for this reason.
    seconds: how long one may take, 0 for as long as any other."""
    for item in items:
        if directory in item.path.parents:
            item.add_marker(pytest.mark.box)
            if seconds:
                item.add_marker(pytest.mark.timeout(seconds))
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason=reason))
