"""Files whose time of modification says when a timer last elapsed (Persistent=, systemd.timer(5))."""

from __future__ import annotations

import os
import stat

from systemctl_replacement.tree_walk import open_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# Anybody who can write to the directory may have put something else there, and a FIFO would make us wait.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def read(path: str) -> Optional[int]:
    """The time in a stamp file, microseconds since the epoch; 0 if there is none, None if it cannot be told."""
    try:
        above, name = open_parent(path)
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    try:
        status = os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    finally:
        os.close(above)
    return status.st_mtime_ns // 1000 if stat.S_ISREG(status.st_mode) else None


def write(path: str, when: int) -> None:
    """Have a stamp file, with directories as needed, that tells this time (microseconds since the epoch). OSError, also
    if something else is in its place."""
    above, name = open_parent(path, make=True)
    try:
        fd = os.open(name, _FLAGS, 0o644, dir_fd=above)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(f"{path} is no regular file")
            os.utime(fd, ns=(when * 1000, when * 1000))
        finally:
            os.close(fd)
    finally:
        os.close(above)
