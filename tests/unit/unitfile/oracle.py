"""Asking the real systemd 252 what it says about unit files, many at once.

`systemd-analyze verify` loads units as PID 1 does and prints the problems it finds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from systemctl_replacement.unitfile.load import Unit, load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.specifiers import Host

SYSTEMD = "/lib/systemd/systemd"


def _version() -> str:
    if shutil.which("systemd-analyze") is None:
        return "none"
    shown = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"systemd (\d+)", shown)
    return found.group(1) if found else "none"


needs_systemd = pytest.mark.skipif(
    _version() != "252", reason=f"compares with systemd 252; installed here: {_version()}"
)


def verify(directory: Path, units: Iterable[str]) -> list[str]:
    """What systemd prints about these units of `directory`. The directory is removed from the messages."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(f"{directory}/{unit}" for unit in units)],
        capture_output=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:", "LC_ALL": "C.UTF-8"},
        check=False,
    )
    return done.stderr.decode("utf-8", "replace").replace(f"{directory}/", "").splitlines()


def messages_of(unit: Unit, directory: Path) -> list[str]:
    """Our messages about a unit, including its load error, in the same form."""
    shown = [str(problem).replace(f"{directory}/", "") for problem in unit.problems]
    if unit.load_error is not None:
        shown.append(unit.load_error[1])
    return shown


def load_from(directory: Path, name: str, host: Host | None = None) -> Unit:
    """Load a unit from one directory."""
    return load(name, Index([str(directory)]), host or Host(machine_id="0" * 32, boot_id="1" * 32))
