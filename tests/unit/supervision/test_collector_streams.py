"""The connections that are kept for the next collector are no more than PID 1 can have beside everything else."""

from __future__ import annotations

import os
from typing import Any

import pytest

from systemctl_replacement.supervision import collector


@pytest.mark.parametrize(("limit", "most"), [(1024, 256), (1 << 20, 4096), (40, 10)])
def test_how_many_connections_are_kept(limit: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "get_limit", lambda _name: (limit, limit))
    mine: Any = collector.Collector.__new__(collector.Collector)
    mine._streams = dict.fromkeys(range(most - 1), (-1, None))
    before = os.listdir("/proc/self/fd")
    for number in (most, most + 1):
        fd = os.open("/dev/null", os.O_RDONLY)
        mine._received({"ev": "stream", "number": number, "state": {}}, [fd])
    assert len(mine._streams) == most
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    mine._forget_stream(most)
