"""journalctl as a process, over journals that a test has written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from systemctl_replacement.journal.writer import Writer

TOP = Path(__file__).resolve().parents[4]
CODE = (
    f"import sys; sys.path.insert(0, {str(TOP)!r}); sys.argv[0] = 'journalctl';"
    "import systemctl_replacement.__main__ as it; it.main()"
)
BOOT, NEXT_BOOT = "1" * 32, "2" * 32


def command(*words: str) -> list[str]:
    return [sys.executable, "-ISXutf8", "-c", CODE, *words]


def start(directory: Path, *words: str) -> subprocess.Popen[str]:
    """Start it on the journals in a directory."""
    return subprocess.Popen(
        command("-D", str(directory), *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TZ": "UTC"},
    )


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it on the journals in a directory."""
    return run_anywhere("-D", str(directory), *words)


def run_in_root(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it on the system below a root."""
    return run_anywhere(f"--root={root}", *words)


def run_anywhere(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it. The words say where the journals are."""
    environment = {**os.environ, "TZ": "UTC"}
    return subprocess.run(command(*words), capture_output=True, text=True, env=environment, check=False)


class Log:
    """The journal of a unit, to which a test writes."""

    def __init__(self, directory: Path, unit: str = "a.service") -> None:
        self.writer = Writer(str(directory / f"{unit}.journal.jsonl"))
        self._unit = unit

    def say(self, message: str, boot: str = BOOT) -> None:
        fields = {"_BOOT_ID": boot, "_HOSTNAME": "box", "_SYSTEMD_UNIT": self._unit, "MESSAGE": message}
        self.writer.write(fields)
