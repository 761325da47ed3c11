"""PIDFile=: reading it without being tricked, waiting for it, removing it (systemd.service(5))."""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import syscalls
from systemctl_replacement.manager.loop import READ, Loop
from systemctl_replacement.process.descendants import read_stat
from systemctl_replacement.units.events import PidFileRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# A PID and its newline are shorter; whatever is longer is none.
_MAX_SIZE = 64
_MAX_LINKS = 32

_O_PATH = 0o10000000  # os.O_PATH, where the C library has it not

_IN_CLOSE_WRITE, _IN_MOVED_TO, _IN_CREATE, _IN_ATTRIB = 0x8, 0x80, 0x100, 0x4
_EVENTS = _IN_CLOSE_WRITE | _IN_MOVED_TO | _IN_CREATE | _IN_ATTRIB


def read(path: str, unit: str, owner: Callable[[int], str | None]) -> PidFileRead:
    """The process a PID file names, if it may be believed: it lives, and belongs to the unit or, found by a safe way,
    the file to root.

    owner: the unit a process belongs to. A fifo or a device is not read.
    """
    try:
        place, safe = _chase(path)
    except OSError as error:
        return PidFileRead(0, message=f"Can't open PID file {path} (yet?) after start: {error.strerror}")
    try:
        status = os.fstat(place)
        if not stat.S_ISREG(status.st_mode):
            return PidFileRead(0, message=f"PID file {path} is not a regular file, refusing.")
        text = _first_line(place)
    except OSError as error:
        return PidFileRead(0, message=f"Can't read PID file {path}: {error.strerror}")
    finally:
        os.close(place)
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
    if not safe:
        return PidFileRead(
            0,
            message="Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: "
            f"{path}",
        )
    if status.st_uid in (0, os.geteuid()):
        return PidFileRead(pid, alien=True)
    return PidFileRead(
        0, message=f"New main PID {pid} does not belong to service, and PID file is not owned by root. Refusing."
    )


def _first_line(place: int) -> bytes:
    """The first line of the file that an O_PATH descriptor stands for, as systemd reads numbers: blanks may precede."""
    fd = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(fd, _MAX_SIZE).split(b"\n", 1)[0].lstrip()
    finally:
        os.close(fd)


def _chase(path: str) -> tuple[int, bool]:
    """Follow a path, links included: an O_PATH descriptor of its end, and whether the way there is safe.

    It is not where a file or link of some user leads on to something of another's: whoever owns it chose what we read.
    Raises OSError.
    """
    links = 0
    safe = True
    todo = path.split("/")[::-1]
    place = os.open("/", _O_PATH | os.O_CLOEXEC)
    try:
        before = os.fstat(place)
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            here = os.open(name, _O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=place)
            status = os.fstat(here)
            safe = safe and before.st_uid in (0, status.st_uid)
            before = status
            if not stat.S_ISLNK(status.st_mode):
                os.close(place)
                place = here
                continue
            target = os.readlink("", dir_fd=here)
            os.close(here)
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            todo += target.split("/")[::-1]
            if target.startswith("/"):
                os.close(place)
                place = os.open("/", _O_PATH | os.O_CLOEXEC)
                top = os.fstat(place)
                safe = safe and before.st_uid in (0, top.st_uid)
                before = top
    except OSError:
        os.close(place)
        raise
    return place, safe


def remove(path: str) -> None:
    """Remove the PID file of a dead service, as far as it is there and we may."""
    try:
        os.unlink(path)
    except OSError:
        return  # most services remove theirs; one that cannot be removed is replaced by the next start


class Watch:
    """Calls back whenever something is written or moved into a file's directory, or into the nearest one above it that
    exists. Raises OSError."""

    def __init__(self, loop: Loop, path: str, callback: Callable[[], object]) -> None:
        self._loop = loop
        self._directory = os.path.dirname(path)
        self._watched = ""
        self._callback = callback
        self._fd = syscalls.inotify()
        try:
            self._watch()
        except OSError:
            os.close(self._fd)
            raise
        loop.add(self._fd, READ, self._ready)
        # It may have been written between the last look and the watch.
        loop.call_soon(callback)

    def _watch(self) -> None:
        """Watch the deepest directory there is; look again after each, for one that was made meanwhile."""
        while self._watched != self._directory:
            directory = self._deepest()
            if directory == self._watched:
                return
            self._watched = directory

    def _deepest(self) -> str:
        """The deepest directory there is, now watched."""
        directory = self._directory
        while True:
            try:
                syscalls.watch_path(self._fd, directory, _EVENTS)
                return directory
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR) or directory in ("/", ""):
                    raise
            directory = os.path.dirname(directory)

    def _ready(self, _events: int) -> None:
        try:
            os.read(self._fd, 65536)
        except BlockingIOError:
            return
        try:
            self._watch()
        except OSError:
            pass  # the start timeout of the unit ends a wait in vain
        self._callback()

    def close(self) -> None:
        self._loop.remove(self._fd)
        os.close(self._fd)
