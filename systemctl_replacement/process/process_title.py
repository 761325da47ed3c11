"""The titles of our processes in ps: `supervisor: nginx.service`, `forkserver`, `console`."""

from __future__ import annotations

import os

from systemctl_replacement.libc import Character

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ARGUMENTS_START, _ARGUMENTS_END = 47, 48
"""Positions of arg_start and arg_end in /proc/self/stat, counted from 0 (proc(5))."""

_area: Any = None


def find_arguments() -> None:
    """Find the memory of this process's command line. Forked children have it at the same address."""
    global _area
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:  # without /proc the name has to do
        return
    # The two fields before the closing parenthesis are gone: pid and comm.
    start, end = int(fields[_ARGUMENTS_START - 2]), int(fields[_ARGUMENTS_END - 2])
    if 0 < start < end - 2:
        _area = (Character * (end - start)).from_address(start)


def set_title(title: str, comm: str) -> None:
    """Set the command line to `title`, cut to the length of the original one, and the process's name to `comm`."""
    try:
        fd = os.open("/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, comm.encode()[:15])
    finally:
        os.close(fd)
    if _area is not None:
        room = len(_area)
        text = title.encode("utf-8", "surrogateescape")[: room - 2]
        # A last byte other than NUL tells the kernel that the area holds a title, which then ends at its first NUL.
        _area.raw = text + bytes(room - 1 - len(text)) + b" "
