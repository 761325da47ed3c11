"""PID 1 blocks all signals before it imports anything of ours: the kernel drops those that it does not handle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from systemctl_replacement.image import launchers, names

TOP = Path(__file__).resolve().parents[2]
MAIN = TOP / "systemctl_replacement" / "__main__.py"

# Tells of each of our modules whether SIGTERM is blocked when it is asked for; the last of a client must not be.
WATCH = """
import _signal, posix, sys
def hook(event, arguments):
    if event == "import" and arguments[0].startswith("systemctl_replacement."):
        blocked = _signal.SIGTERM in _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        posix.write(2, f"{arguments[0]} {'blocked' if blocked else 'open'}\\n".encode())
sys.addaudithook(hook)
path = sys.argv.pop(1)
sys.argv[0] = "/usr/bin/systemctl"
exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__", "__package__": None, "__file__": path})
"""


@pytest.mark.parametrize("start", ["launcher", "program"])
def test_signals_are_blocked_before_anything_is_imported(start: str, tmp_path: Path) -> None:
    path = MAIN
    if start == "launcher":
        path = tmp_path / "launcher"
        path.write_text(launchers.text(names.LAUNCHER, sys.executable).replace(names.HOME, str(TOP)))
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-ISXutf8", "-c", WATCH, str(path)]
    ran = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20)
    told = [line.partition(".")[2] for line in ran.stderr.splitlines()]
    first = ["__main__ blocked"] if start == "launcher" else []
    assert told[: len(first) + 1] == [*first, "command_line blocked"]
    assert "cli.main open" in told  # a container that answers a question is a client
