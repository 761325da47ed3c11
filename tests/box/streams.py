"""The standard streams of PID 1, where they are not the harness's."""

from __future__ import annotations

import fcntl
import os

F_SETPIPE_SZ = 1031
SMALLEST_PIPE = 4096


def make_output(kind: str) -> int:
    """The descriptor that PID 1 gets as stdout and stderr, -1 for none.

    kind: "pipe": ours; "closed"; "full": each write fails; "unread": each write waits for a reader who never comes.
    """
    if kind == "closed":
        return -1
    if kind == "full":
        return os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC)
    if kind == "unread":
        _reading, writing = os.pipe()  # the reading end stays open as long as we run
        os.fchmod(writing, 0o666)
        fcntl.fcntl(writing, F_SETPIPE_SZ, SMALLEST_PIPE)
        os.write(writing, bytes(SMALLEST_PIPE))
        return writing
    return 1


def replace(stdin: str, output: int) -> None:
    """Give the streams to this process. stdin: "null" (ours) or "closed"."""
    if stdin == "closed":
        os.close(0)
    for number in (1, 2):
        if output < 0:
            os.close(number)
        elif output != 1:
            os.dup2(output, number)
