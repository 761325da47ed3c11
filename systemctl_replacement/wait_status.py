"""How a child process ended: the codes of waitid(2) by systemd's names, and wait statuses decoded into them."""

from __future__ import annotations

import os

from systemctl_replacement import signals

CODES = ("", "exited", "killed", "dumped", "trapped", "stopped", "continued")
"""By number (CLD_EXITED is 1); "" where no process has ended."""


def decode_status(status: int) -> tuple[str, int]:
    """The code ("exited", "killed" or "dumped") of a wait status, and the exit status or signal."""
    if os.WIFSIGNALED(status):
        return ("dumped" if os.WCOREDUMP(status) else "killed"), os.WTERMSIG(status)
    return "exited", os.WEXITSTATUS(status)


def describe_failure(name: str, status: int) -> str:
    """What systemd logs of a helper that failed: "NAME failed with exit status 1."; "" of one that succeeded."""
    code, number = decode_status(status)
    if code != "exited":
        return f"{name} terminated by signal {signals.name(number)}."
    return f"{name} failed with exit status {number}." if number else ""
