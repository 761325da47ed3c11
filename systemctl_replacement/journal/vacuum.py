"""What all journals of a directory may take together, and how they are kept to it. A leaf: supervisors import it.

The shares are journald's (journald.conf(5) SystemMaxUse=, SystemMaxFileSize=); the ceilings are a container's, whose
root file system is its host's.
"""

from __future__ import annotations

import os
import stat

from .names import ROTATED, SUFFIX

TOTAL_SHARE = 10
"""The journals take a tenth of the file system …"""
TOTAL_MAX = 512 * 1024 * 1024
"""… but no more bytes than that, unless told otherwise."""
FILE_SHARE = 8
"""A file is rotated when it has an eighth of what all may take …"""
FILE_MAX = 16 * 1024 * 1024
FILE_MIN = 512 * 1024
"""… within these bounds, in bytes."""


def total_limit(fd: int) -> int:
    """How many bytes all journals beside the open one may take."""
    status = os.fstatvfs(fd)
    return min(status.f_blocks * status.f_frsize // TOTAL_SHARE, TOTAL_MAX)


def file_limit(total: int) -> int:
    """At how many bytes a file is rotated."""
    return max(min(total // FILE_SHARE, FILE_MAX), FILE_MIN)


def make_room(directory: str, limit: int, spared: str) -> None:
    """Removes journals until they take no more than ``limit`` bytes: the oldest of those that were rotated first, then
    the ones that were not written to for the longest; never ``spared``. What cannot be removed stays."""
    files = _files(directory)
    taken = sum(size for _, _, size, _ in files)
    for _, _, size, name in sorted(files):
        if taken <= limit:
            return
        if name != spared:
            try:
                os.unlink(f"{directory}/{name}")
            except OSError:
                continue
            taken -= size


def _files(directory: str) -> list[tuple[bool, int, int, str]]:
    """The journals: (in use, time of the last write, bytes on disk, name)."""
    found = []
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    for name in names:
        if name.endswith((SUFFIX, SUFFIX + ROTATED)):
            try:
                status = os.lstat(f"{directory}/{name}")
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((name.endswith(SUFFIX), status.st_mtime_ns, status.st_blocks * 512, name))
    return found
