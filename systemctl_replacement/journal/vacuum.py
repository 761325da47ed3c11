"""How much space all journals of a directory may take together, and how they are kept to it. Supervisors import this.

The shares are journald's (journald.conf(5) SystemMaxUse=, SystemMaxFileSize=). The ceilings suit a container, whose
root file system is its host's. Many files that are far from full can take too much together. So room is made not only
when one is rotated, but also for each FILE_MIN that is written to a file, and when a writer that began one ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from systemctl_replacement.journal.names import ROTATED, SUFFIX, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TOTAL_SHARE = 10
"""The journals take a tenth of the file system …"""
TOTAL_MAX = 512 * 1024 * 1024
"""… but no more bytes than this, unless configured otherwise."""
FILE_SHARE = 8
"""A file is rotated at an eighth of the total …"""
FILE_MAX = 16 * 1024 * 1024
FILE_MIN = 512 * 1024
"""… within these bounds, in bytes."""


def total_limit(fd: int) -> int:
    """How many bytes all journals in the directory of the open one may take."""
    status = os.fstatvfs(fd)
    return min(status.f_blocks * status.f_frsize // TOTAL_SHARE, TOTAL_MAX)


def file_limit(total: int) -> int:
    """The size in bytes at which a file is rotated."""
    return max(min(total // FILE_SHARE, FILE_MAX), FILE_MIN)


def make_room(directory: str, limit: int, spared: str) -> None:
    """Remove journals until they take no more than `limit` bytes, starting with those not written to for the longest.

    Files that somebody has open for writing come after all others. `spared`, and the file rotated from it, are never
    removed. What cannot be removed stays.
    """
    if _taken(directory) <= limit:
        return
    files = sorted(_files(directory))
    taken = sum(size for _, size, _ in files)
    in_use = []
    for file in files:
        _, size, name = file
        if taken <= limit:
            return
        if name in (spared, spared + ROTATED):
            continue
        if is_written(f"{directory}/{name}"):
            in_use.append(file)
        elif _remove(f"{directory}/{name}"):
            taken -= size
    for _, size, name in in_use:
        if taken <= limit:
            return
        if _remove(f"{directory}/{name}"):
            taken -= size


def mark_written(fd: int) -> None:
    """Let others know that a journal is being written as long as it is open. Where files cannot be locked they are not
    told."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return  # or somebody is just removing the file, which the next write will notice


def is_written(path: str) -> bool:
    """Whether somebody has a journal open for writing."""
    try:
        fd = open_file(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno == errno.EWOULDBLOCK
    finally:
        os.close(fd)
    return False


def _remove(path: str) -> bool:
    """Remove a file. Returns whether it is gone: others may be making room too."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _taken(directory: str) -> int:
    """How many bytes the journals take on disk."""
    # Every supervisor calls this, and usually there is room: do not build a list, whose pages each of them would keep.
    return sum(size for _, size, _ in _files(directory))


def _files(directory: str) -> Iterator[tuple[int, int, str]]:
    """The journals: (time of the last write, bytes on disk, name)."""
    try:
        entries = os.scandir(directory)
    except OSError:
        return
    with entries:
        for entry in entries:
            if entry.name.endswith((SUFFIX, SUFFIX + ROTATED)):
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield status.st_mtime_ns, status.st_blocks * 512, entry.name
