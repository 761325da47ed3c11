"""How much space the journals of a directory may take together, and how they are kept to it. Supervisors import this.

The shares are journald's (journald.conf(5) SystemMaxUse=, SystemMaxFileSize=). The ceilings suit a container, whose
root file system is its host's. Many files that are far from full can take too much together. So room is made not only
when one is rotated, but also for each FILE_MIN that is written to a file, and when a writer that began one ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from systemctl_replacement.journal.names import RECEIVED, ROTATED, SUFFIX, is_regular, open_file, parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Optional

    File = tuple[int, int, str]
    """Time of the last write (nsec), bytes on disk, path."""

TOTAL_SHARE = 10
"""The journals take a tenth of the file system …"""
TOTAL_MAX = 512 * 1024 * 1024
"""… but no more bytes than this, unless configured otherwise."""
FILE_SHARE = 8
"""A file is rotated at an eighth of the total …"""
FILE_MAX = 16 * 1024 * 1024
FILE_MIN = 512 * 1024
"""… within these bounds, in bytes. No file is rotated below the second, whatever is configured."""
_NO_LIMIT = 2**63


class Limits:
    """What is configured, as `Limits` and times of JournalConfig have it: bytes, files, usec. 0: no limit."""

    __slots__ = ("keep_free", "max_file_age", "max_file_size", "max_files", "max_retention", "max_use")

    def __init__(self, settings: Mapping[str, Optional[int]]) -> None:
        """settings: a key that is missing, or None, stands for what is usual here."""
        self.max_use = settings.get("max_use")
        self.max_file_size = settings.get("max_file_size")
        self.keep_free = settings.get("keep_free") or 0
        self.max_files = settings.get("max_files") or 0
        self.max_retention = settings.get("max_retention") or 0
        self.max_file_age = settings.get("max_file_age") or 0

    def total(self, fd: int) -> int:
        """How many bytes all journals in the directory of the open one may take."""
        if self.max_use is not None:
            return self.max_use or _NO_LIMIT
        status = os.fstatvfs(fd)
        return min(status.f_blocks * status.f_frsize // TOTAL_SHARE, TOTAL_MAX)

    def file(self, total: int) -> int:
        """The size in bytes at which a file is rotated."""
        if self.max_file_size is not None:
            return max(self.max_file_size, FILE_MIN) if self.max_file_size else _NO_LIMIT
        return max(min(total // FILE_SHARE, FILE_MAX), FILE_MIN)


def make_room(directory: str, limits: Limits, total: int, spared: str) -> None:
    """Remove journals until they keep to the limits, starting with those not written to for the longest.

    directory, spared: where a live file is, and its name; that one is never removed. Files that somebody has open for
    writing come after all others, and go only for the size of all. What cannot be removed stays.
    """
    directories = _own(directory)
    if len(directories) == 1 and directory.endswith("/" + RECEIVED):
        total //= 2  # who may remove only these leaves it to others to look after all of them
    taken, count, oldest = 0, 0, _NO_LIMIT
    # Every supervisor calls this, and usually there is room: do not build a list, whose pages each of them would keep.
    for changed, size, _ in _files(directories):
        taken += size
        count += 1
        oldest = min(oldest, changed)
    cutoff = time.time_ns() - 1000 * limits.max_retention if limits.max_retention else 0
    if limits.keep_free:
        total = min(total, taken + _free(directory) - limits.keep_free)
    if taken <= total and oldest >= cutoff and not 0 < limits.max_files < count:
        return
    files = sorted(_files(directories))
    in_use = []
    for changed, size, path in files:
        if path == f"{directory}/{spared}":
            continue
        is_many = 0 < limits.max_files < count and is_archive(path)
        if taken <= total and changed >= cutoff and not is_many:
            continue
        if is_written(path):
            in_use.append((size, path))
        elif remove(path):
            taken -= size
            count -= 1
    for size, path in in_use:
        if taken > total and remove(path):
            taken -= size


def keep_newest(directory: str, live: str, count: int) -> None:
    """Remove the archives of one live file but the newest."""
    found = []
    for name in os.listdir(directory):
        said = parse_name(name)
        if said is not None and said[0] == live and said[1] >= 0:
            found.append((said[1:], name))
    for _, name in sorted(found)[:-count]:
        remove(f"{directory}/{name}")


def is_archive(path: str) -> bool:
    """Whether a journal is full, by its name."""
    said = parse_name(os.path.basename(path))
    return said is not None and said[1] >= 0


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


def remove(path: str) -> bool:
    """Remove a file. Returns whether it is gone: others may be making room too."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _own(directory: str) -> list[str]:
    """The directories whose files count together, as far as we may remove what is in them."""
    above, _, name = directory.rpartition("/")
    if name != RECEIVED:
        return [directory, f"{directory}/{RECEIVED}"]
    return [above, directory] if os.access(above, os.W_OK) else [directory]


def _free(directory: str) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _files(directories: list[str]) -> Iterator[File]:
    for directory in directories:
        try:
            entries = os.scandir(directory)
        except OSError:
            continue
        with entries:
            for entry in entries:
                if entry.name.endswith((SUFFIX, SUFFIX + ROTATED)):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if is_regular(status):
                        yield status.st_mtime_ns, status.st_blocks * 512, entry.path
