"""What ps shows of our processes: `supervisor: nginx.service`, `forkserver`, `console`."""

from __future__ import annotations

import ctypes

from .. import syscalls

_ARGUMENTS_START, _ARGUMENTS_END = 47, 48
"""Positions of arg_start and arg_end in /proc/self/stat, counted from 0 (proc(5))."""


def _argument_area() -> tuple[int, int]:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    # The two fields before the closing parenthesis are gone: pid and comm.
    return int(fields[_ARGUMENTS_START - 2]), int(fields[_ARGUMENTS_END - 2])


def set_title(title: str, comm: str | None = None) -> None:
    """Shows ``title`` as the command line, cut to the room the original one had, and ``comm`` (or it) as the name."""
    syscalls.set_process_name(comm or title)
    try:
        start, end = _argument_area()
    except OSError:  # no /proc here: the name has to do
        return
    room = end - start - 2
    if start == 0 or room <= 0:
        return
    text = title.encode("utf-8", "surrogateescape")[:room]
    # A last byte other than NUL tells the kernel that the area holds a title, which then ends at its first NUL.
    ctypes.memmove(start, text + bytes(room + 1 - len(text)) + b" ", room + 2)
