"""Connecting to a manager that does not accept."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from systemctl_replacement.control import address


def test_a_full_queue_does_not_keep_a_client_for_ever(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(0)
    with listener, socket.socket(socket.AF_UNIX) as other:
        other.connect(path)
        with pytest.raises(TimeoutError):
            address.connect(path, 0.05)
        accepted, _ = listener.accept()
        ours = address.connect(path, 60)
        assert ours is not None
        ours.close()
        accepted.close()


def test_nobody_listens(tmp_path: Path) -> None:
    assert address.connect(str(tmp_path / "socket"), 60) is None
