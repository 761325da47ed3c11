"""PID 1 blocks all signals before it imports anything of ours: the kernel drops those that it does not handle."""

from __future__ import annotations

import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

from systemctl_replacement.image import install

TOP = Path(__file__).resolve().parents[2]
MAIN = TOP / "systemctl_replacement" / "__main__.py"

# Tells of each of our modules whether SIGTERM is blocked when it is asked for; the last of a client must not be.
WATCH = """
import _signal, sys
def hook(event, arguments):
    if event == "import" and arguments[0].startswith("systemctl_replacement."):
        told[arguments[0].partition(".")[2]] = _signal.SIGTERM in _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
told = {}
sys.addaudithook(hook)
path = sys.argv.pop(0 + 1)
sys.argv[0] = "/usr/bin/systemctl"
try:
    exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__", "__package__": None, "__file__": path})
finally:
    print(told)
"""


@pytest.mark.parametrize("start", ["launcher", "program"])
def test_signals_are_blocked_before_anything_is_imported(start: str, tmp_path: Path) -> None:
    path = MAIN
    if start == "launcher":
        path = tmp_path / "launcher"
        path.write_text(install._LAUNCHER_TEXT.format(python=sys.executable, home=TOP))
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-ISXutf8", "-c", WATCH, str(path)]
    ran = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20)
    told: dict[str, bool] = literal_eval(ran.stdout.splitlines()[-1])
    first = "__main__" if start == "launcher" else "command_line"
    assert next(iter(told)) == first
    assert told[first] and told["command_line"]
    assert not told["cli.main"]  # a container that answers a question is a client
