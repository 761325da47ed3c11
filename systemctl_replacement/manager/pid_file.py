"""PIDFile=: reading it without being tricked, waiting for it, removing it (systemd.service(5))."""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import syscalls
from systemctl_replacement.loop import READ, Loop
from systemctl_replacement.units.events import PidFileRead
from systemctl_replacement.units.numbers import PID_MAX, c_integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# A PID and its newline are shorter, even after many blanks or zeros. Anything longer is no PID.
_MAX_SIZE = 4096
_MAX_LINKS = 32

_O_PATH = 0o10000000  # os.O_PATH, in case the C library does not have it

# inotify(7): MODIFY ATTRIB CLOSE_WRITE, and MOVED_TO CREATE DELETE_SELF MOVE_SELF.
_OF_FILE = 0x2 | 0x4 | 0x8
_OF_DIRECTORY = 0x80 | 0x100 | 0x400 | 0x800 | 0x4
_MISSING = (errno.ENOENT, errno.ENOTDIR)


def read(
    path: str, state: str, main: int, unsuitable: Callable[[int], str], belongs: Callable[[int], bool]
) -> PidFileRead:
    """The process that a PID file names, if it can be trusted: it is alive and belongs to the unit, or (on a safe path)
    the file belongs to root.

    state: the service's, for messages. main: its main process so far, which needs no proof. unsuitable: why a process
    cannot be anybody's main process. belongs: whether one is the unit's. FIFOs and devices are not read.
    """
    try:
        place, safe = _chase(path)
    except OSError as error:
        return PidFileRead(0, message=f"Can't open PID file {path} (yet?) after {state}: {error.strerror}")
    try:
        status = os.fstat(place)
        if not stat.S_ISREG(status.st_mode):
            return PidFileRead(0, message=f"PID file {path} is not a regular file, refusing.", refused=True)
        text = _first_line(place)
    except OSError as error:
        return PidFileRead(0, message=f"Can't read PID file {path}: {error.strerror}", refused=True)
    finally:
        os.close(place)
    pid = c_integer(text.decode(errors="replace"))
    if pid is None or not 0 < pid <= PID_MAX:
        reason = os.strerror(errno.EINVAL if pid is None else errno.ERANGE)
        return PidFileRead(0, message=f"Failed to parse PID from file {path}: {reason}")
    if pid == main:
        return PidFileRead(pid)
    problem = unsuitable(pid)
    if problem:
        return PidFileRead(0, message=problem)
    if belongs(pid):
        return PidFileRead(pid)
    if not safe:
        message = (
            f"Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: {path}"
        )
    elif status.st_uid not in (0, os.geteuid()):
        message = f"New main PID {pid} does not belong to service, and PID file is not owned by root. Refusing."
    else:
        return PidFileRead(pid, alien=True)
    return PidFileRead(0, message=message, refused=True)


def _first_line(place: int) -> bytes:
    """The first line of the file behind an O_PATH descriptor."""
    fd = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(fd, _MAX_SIZE).split(b"\n", 1)[0]
    finally:
        os.close(fd)


def _chase(path: str) -> tuple[int, bool]:
    """Follow a path, including links. Returns an O_PATH descriptor of its end, and whether the path is safe.

    It is not if something that one user owns leads to something that another one owns: the first chose what we read.
    Raises OSError.
    """
    links = 0
    safe = True
    todo = path.split("/")[::-1]
    place, here = os.open("/", _O_PATH | os.O_CLOEXEC), -1
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
                place, here = here, place
            else:
                target = os.readlink("", dir_fd=here)
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                todo += target.split("/")[::-1]
                if target.startswith("/"):
                    os.close(here)
                    here = -1
                    here = os.open("/", _O_PATH | os.O_CLOEXEC)
                    place, here = here, place
                    top = os.fstat(place)
                    safe = safe and before.st_uid in (0, top.st_uid)
                    before = top
            os.close(here)
            here = -1
    except OSError:
        for fd in (place, here):
            if fd >= 0:
                os.close(fd)
        raise
    return place, safe


def remove(path: str) -> None:
    """Remove the PID file of a dead service, if it exists and we may."""
    try:
        os.unlink(path)
    except OSError:
        return  # most services remove theirs, and the next start replaces one that cannot be removed


class Watch:
    """Reports the contents of a PID file when they change. Neither the file nor the directories above it need exist.

    Raises OSError.
    """

    def __init__(
        self, loop: Loop, path: str, read: Callable[[], PidFileRead], tell: Callable[[PidFileRead], object]
    ) -> None:
        self._loop = loop
        self._path = path
        self._read = read
        self._tell = tell
        self._told: PidFileRead | None = None
        self._fd = syscalls.inotify()
        try:
            self._watch()
            loop.add(self._fd, READ, self._ready)
        except OSError:
            os.close(self._fd)
            raise
        # It may have been written between the last look and the watch.
        loop.call_soon(self._look)

    def _watch(self) -> None:
        """Watch the file, to which a daemon may write without ever closing it, and the place where it would be made."""
        directory = self._watch_directory()
        while True:
            try:
                syscalls.watch_path(self._fd, self._path, _OF_FILE)
            except OSError as error:
                if error.errno not in _MISSING:
                    raise
            # This finds what was made before the directory above was watched. Each turn gets at least one level deeper.
            deepest = self._watch_directory()
            if deepest == directory:
                return
            directory = deepest

    def _watch_directory(self) -> str:
        """Watch the deepest existing directory on the way to the file, and return it."""
        directory = os.path.dirname(self._path)
        while True:
            try:
                syscalls.watch_path(self._fd, directory, _OF_DIRECTORY)
                return directory
            except OSError as error:
                if error.errno not in _MISSING or directory in ("/", ""):
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
            pass  # the unit's start timeout ends a futile wait
        self._look()

    def _look(self) -> None:
        if self._fd < 0:
            return
        read = self._read()
        if read != self._told:
            self._told = read
            self._tell(read)

    def close(self) -> None:
        self._loop.remove(self._fd)
        os.close(self._fd)
        self._fd = -1
