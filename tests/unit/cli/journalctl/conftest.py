"""Times of day in a zone that the test knows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from _in_zone("UTC", monkeypatch)


@pytest.fixture
def berlin(utc: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from _in_zone("Europe/Berlin", monkeypatch)


def _in_zone(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()
