"""Settings of all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A slow machine is no failure, so no test asserts a duration. Every run draws the same inputs, so
# that a change is judged by what it changes; `pytest --hypothesis-profile=explore` draws others each time.
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def keep_sigpipe() -> Iterator[None]:
    """Commands let SIGPIPE end them, which must not happen to the process that runs all the tests."""
    yield
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
