"""A release, built once for all tests of a run."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from release.__main__ import NEED_ROOT, PARTS
from release.archive import epoch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test to need the release waits for it."""
    for item in items:
        if "release" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with all parts of a release."""
    own = tmp_path_factory.getbasetemp()
    # Processes that share the work have directories beside each other.
    directory = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "release"
    with open(f"{directory}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            fresh = directory.with_name(".release.new")
            fresh.mkdir()
            for name, build in PARTS.items():
                if os.geteuid() == 0 or name not in NEED_ROOT:
                    build(fresh, epoch())
            fresh.rename(directory)
    return directory
