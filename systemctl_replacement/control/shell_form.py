"""Whether PID 1 is a shell that only runs us: `CMD systemctl start x`, the shell form of a Dockerfile.

Such a shell ends with its command, and everything in the container with it. As PID 1 it ignores
SIGTERM, and passes on no signal. People who write this do not know that, so they are told. If it could be otherwise,
because the script goes on or is not a plain command line, nothing is said. (bash executes its last command in its own
place, so that we are PID 1.)
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELLS = frozenset(("sh", "dash", "ash", "bash", "ksh", "mksh", "zsh", "busybox"))


def ends_with_us() -> bool:
    """Whether this program is the last command of a shell that is PID 1."""
    if os.getppid() != 1:
        return False
    try:
        with open("/proc/1/cmdline", encoding="utf-8", errors="surrogateescape") as file:
            command = file.read().split("\0")[:-1]
    except OSError:
        return False
    return is_last_command(command, sys.argv[1:])


def is_last_command(shell: Sequence[str], arguments: Sequence[str]) -> bool:
    """Whether a command line is that of a shell whose script ends with `systemctl ARGUMENTS`."""
    shell = shell[1:] if shell and shell[0].endswith("busybox") else shell
    if len(shell) < 3 or shell[0].rpartition("/")[2] not in _SHELLS or shell[1] != "-c":
        return False
    words = [word.strip("'\"") for word in shell[2].rstrip("; \t\n").split()]
    before = len(words) - len(arguments)
    return before > 0 and words[before:] == list(arguments) and words[before - 1].endswith("systemctl")


def remedy(arguments: Sequence[str]) -> str:
    """How to write it so that `systemctl ARGUMENTS` is PID 1, or `systemctl init` if these ask for no init."""
    from systemctl_replacement import wire
    from systemctl_replacement.command_line import init_arguments

    words = ["systemctl", *arguments]
    if init_arguments(words, 1) is None:
        words = ["systemctl", "init"]
    return f"CMD [{', '.join(map(wire.quoted, words))}], or 'exec {' '.join(words)}'"
