"""When the manager repeats a stranger's words, they do not control anybody's terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.manager.engine import MAIN, Engine, wait_for

SAYS = """
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"READY=1\\nMAINPID=\\x1b[31m\\xff7")
time.sleep(1000)
"""


def test_in_a_notification_and_in_a_file() -> None:
    unit = f"[Service]\nType=notify\nEnvironmentFile=@ROOT@/variables\nExecStart={sys.executable} -IS @ROOT@/says.py\n"
    with Engine({"x.service": unit}, boot=("basic.target",)) as engine:
        (engine.root / "says.py").write_text(SAYS)
        (engine.root / "variables").write_bytes(b"A\x1b[31m=1\n")
        assert engine.run("start", "x.service") == "done"
        wait_for(lambda: "Failed to parse MAINPID=" in engine.text(), "the complaint")
        engine.wait_said("ignoring: ?[31m")
        assert "\x1b" not in engine.text()


@pytest.mark.parametrize("option", ["--log-level", "--stop-timeout", "--log-format"])
def test_on_the_command_line(option: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-IS",
        str(MAIN),
        "init",
        f"--root={tmp_path}",
        os.fsdecode(f"{option}=\x1b[31m".encode() + b"\xff"),
    ]
    shown = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert shown.returncode == 1
    assert b"?[31m?" in shown.stderr
    assert b"\x1b" not in shown.stderr
