"""Finding the descendants of a process: all of them, however many."""

from __future__ import annotations

import os
import subprocess
import sys

from systemctl_replacement.process import descendants

# More than fit into a page of /proc/PID/task/TID/children.
MANY = 1200
PARENT = f"""
import os
reading, writing = os.pipe()
for _ in range({MANY}):
    if os.fork() == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent has ended
        os._exit(0)
print("made", flush=True)
input()
"""


def test_each_child_of_a_large_family_is_seen() -> None:
    command = [sys.executable, "-ISc", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"made\n"
        assert len(descendants.children(parent.pid)) == MANY
        assert len(descendants.descendants(os.getpid())) >= MANY + 1
