"""PIDFile=: reading it without being tricked, waiting for it, removing it (systemd.service(5))."""

from __future__ import annotations

import ctypes
import os
import stat

from systemctl_replacement.manager.loop import READ, Loop
from systemctl_replacement.process.descendants import read_stat
from systemctl_replacement.units.events import PidFileRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# A PID and its newline are shorter; whatever is longer is none.
_MAX_SIZE = 64

_IN_CLOSE_WRITE, _IN_MOVED_TO, _IN_CREATE, _IN_ATTRIB = 0x8, 0x80, 0x100, 0x4
_IN_NONBLOCK, _IN_CLOEXEC = 0o4000, 0o2000000


def read(path: str, unit: str, owner: Callable[[int], str | None]) -> PidFileRead:
    """The process a PID file names, if it may be believed: it lives, and belongs to the unit or the file to root.

    owner: the unit a process belongs to. A symbolic link, a fifo or a device is not followed or read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return PidFileRead(0, message=f"Can't open PID file {path} (yet?) after start: No such file or directory")
    except OSError as error:
        return PidFileRead(0, message=f"Can't open PID file {path} (yet?) after start: {error.strerror}")
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return PidFileRead(0, message=f"PID file {path} is not a regular file, refusing.")
        text = os.read(fd, _MAX_SIZE).split(b"\n", 1)[0].strip()
    finally:
        os.close(fd)
    if not text.isdigit() or not 0 < int(text) <= 2**31:
        shown = text.decode("utf-8", "replace")
        return PidFileRead(0, message=f"Failed to parse PID from file {path}: {shown or 'empty'}")
    pid = int(text)
    if pid in (1, os.getpid()):
        return PidFileRead(0, message=f"New main PID {pid} is the manager, refusing.")
    alive = read_stat(pid)
    if alive is None or alive[0] in "ZX":
        return PidFileRead(0, message=f"PID {pid} read from file {path} does not exist or is a zombie.")
    if owner(pid) == unit:
        return PidFileRead(pid)
    if status.st_uid in (0, os.geteuid()):
        return PidFileRead(pid, alien=True)
    return PidFileRead(
        0, message=f"New main PID {pid} does not belong to service, and PID file is not owned by root. Refusing."
    )


def remove(path: str) -> None:
    """Remove the PID file of a dead service, as far as it is there and we may."""
    try:
        os.unlink(path)
    except OSError:
        return  # most services remove theirs; one that cannot be removed is replaced by the next start


class Watch:
    """Calls back whenever something is written or moved into a file's directory. Missing directories are not awaited:
    the start timeout of the unit ends that."""

    def __init__(self, loop: Loop, path: str, callback: Callable[[], object]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._loop = loop
        self._callback = callback
        self._fd = libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        mask = _IN_CLOSE_WRITE | _IN_MOVED_TO | _IN_CREATE | _IN_ATTRIB
        directory = os.path.dirname(path)
        if libc.inotify_add_watch(self._fd, os.fsencode(directory), mask) < 0:
            number = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(number, os.strerror(number))
        loop.add(self._fd, READ, self._ready)
        # It may have been written between the last look and the watch.
        loop.call_soon(callback)

    def _ready(self, _events: int) -> None:
        try:
            os.read(self._fd, 65536)
        except BlockingIOError:
            return
        self._callback()

    def close(self) -> None:
        self._loop.remove(self._fd)
        os.close(self._fd)
