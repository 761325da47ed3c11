"""is-active and is-system-running as probes of an orchestrator: right at any time, and without a trace."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.engine.manager.engine import MAIN, Engine, wait_for

REPOSITORY = MAIN.parent.parent

# Runs systemctl and says what it has written to.
WATCHED = """
import os, sys
written = []
def hook(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        written.append(f"open {arguments[0]}")
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod", "os.chown", "os.symlink", "os.utime"):
        written.append(f"{event} {arguments[0]}")
sys.addaudithook(hook)
sys.path.insert(0, sys.argv.pop(1))
from systemctl_replacement.cli.main import main
status = main(["systemctl", *sys.argv[1:]])
print(*written, sep="\\n", end="", file=sys.stderr)
sys.exit(status)
"""

SLOW = "[Service]\nExecStart=/bin/sleep 1000\nExecStop=/bin/sh -c 'read line <@ROOT@/go'\n"


def probe(engine: Engine, *words: str) -> tuple[int, str]:
    """Exit status and output of a probe, which must have left no trace."""
    command = [sys.executable, "-ISBXutf8", "-c", WATCHED, str(REPOSITORY), f"--root={engine.root}", *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert result.stderr == ""
    return result.returncode, result.stdout.strip()


def test_probes_from_the_boot_to_the_halt() -> None:
    with Engine({"slow.service": SLOW}) as e:
        os.mkfifo(e.root / "go")
        e.run("start", "slow.service")
        assert probe(e, "is-active", "slow") == (0, "active")
        assert probe(e, "is-system-running") == (0, "running")
        assert probe(e, "is-system-running", "--wait") == (0, "running")
        assert probe(e, "is-active", "other", "--quiet") == (3, "")
        e.call("Halt", verb="poweroff", exit_status=None, force=0)
        wait_for(lambda: e.sub("slow.service") == "stop", "ExecStop=")
        assert probe(e, "is-system-running") == (1, "stopping")
        assert probe(e, "is-system-running", "--wait") == (1, "stopping")
        assert probe(e, "is-active", "slow") == (3, "deactivating")
        (e.root / "go").write_text("\n")
        assert e.process is not None and e.process.wait(20) == 0
