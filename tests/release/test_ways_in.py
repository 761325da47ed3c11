"""Each way into an image, as `make dist` tries it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from release import smoke

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="boxes need root")
# An interpreter of one's own, and ours with what is compiled.
LARGEST, LARGEST_WITH_PYTHON = 12 << 10, 28 << 10


@pytest.mark.parametrize("way", smoke.WAYS, ids=lambda way: str(way.name))
def test_nginx_runs_and_halts(way: smoke.Way, release: Path, tmp_path: Path) -> None:
    tried = smoke.attempt(way, release, tmp_path)
    assert 0 < tried.installed <= tried.after_running
    assert tried.installed < (LARGEST if way.needs_python else LARGEST_WITH_PYTHON)
