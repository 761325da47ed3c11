"""`systemctl-replacement` when its output cannot be written."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMAND = f"{sys.executable} -m systemctl_replacement.image.command"


@pytest.mark.parametrize(
    "where", [">/dev/full", "2>/dev/full", ">/dev/full 2>&1", "<&-", ">&-", "2>&-", "<&- >&- 2>&-"]
)
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("--version", 0),
        ("version", 0),
        ("--help", 0),
        ("install --help", 0),
        ("nonsense", 2),
        ("install --root=/nowhere", 1),
        ("check --root=/nowhere", 1),
    ],
)
def test_output_that_cannot_be_written(words: str, status: int, where: str) -> None:
    done = subprocess.run(["/bin/sh", "-c", f"{COMMAND} {words} {where}"], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode in ((status, 1) if "full" in where else (status,))
