"""Supervisors whose manager was killed, or left a state that cannot be read: each stops its unit and exits.

Until then no job begins, or what they stop would run twice.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.loop import READ, Loop, now_monotonic
from systemctl_replacement.process.descendants import descendants, read_stat, send
from systemctl_replacement.signals import SIGCONT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from systemctl_replacement.supervision.unit_processes import Tracking


_SUPERVISOR, _FORKSERVER = b"supervisor: ", b"forkserver"

# Between two looks, only where the kernel or the engine has no pidfds.
_LOOK_USEC = 100_000


def orphans(root: str, trackings: Collection[Tracking]) -> dict[int, str]:
    """The supervisors that have lost their manager: pid -> unit. trackings: those of our own supervisors."""
    own = {tracking.supervisor for tracking in trackings}
    coming = [tracking.known_as for tracking in trackings if not tracking.supervisor]
    heirs = {os.getpid()}
    if not root and not _is_below_a_directory(1):
        heirs.add(1)
    # They are children of an heir, or will be when the forkserver that made them has ended, too. Below a directory only
    # those below us are looked for: nothing tells which directory others belong to.
    found = {}
    for pid in descendants(os.getpid()) if root else _all():
        title = _title(pid)
        if pid not in own and title.startswith(_SUPERVISOR) and _reaper(pid) in heirs and _has_our_root(pid):
            found[pid] = title[len(_SUPERVISOR) :].decode(errors="replace")
    # A title has room only for the beginning of a long name.
    return {pid: unit for pid, unit in found.items() if not any(one.startswith(unit) for one in coming)}


def _all() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _title(pid: int) -> bytes:
    """The command line of a process of our user, up to the first NUL."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            # Any process can have such a title: that of another user must not delay us.
            return file.read().partition(b"\0")[0] if os.fstat(file.fileno()).st_uid == os.geteuid() else b""
    except OSError:
        return b""


def _reaper(pid: int) -> int:
    """The parent of a supervisor, or of the forkserver that is its parent; 0 if it has ended."""
    stat = read_stat(pid)
    while stat is not None and _title(stat[1]) == _FORKSERVER:
        stat = read_stat(stat[1])
    return 0 if stat is None or stat[0] in "ZX" else stat[1]


def _has_our_root(pid: int) -> bool:
    """Another container can share the process ids."""
    try:
        theirs, ours = os.stat(f"/proc/{pid}/root"), os.stat("/")
    except OSError:
        return False
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def _is_below_a_directory(pid: int) -> bool:
    """Whether a process is a manager with a directory of its own (`--root=`), whose supervisors are no orphans."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return any(word.startswith(b"--root") for word in file.read().split(b"\0"))
    except OSError:
        return False


class Wait:
    """Calls `done` when the last of the given processes has ended."""

    def __init__(self, loop: Loop, pids: Iterable[int], done: Callable[[], object]) -> None:
        self._loop = loop
        self._done = done
        self._left: dict[int, int] = {}  # pid -> its pidfd, -1 where there is none
        for pid in pids:
            try:
                self._left[pid] = syscalls.open_pidfd(pid)
            except ProcessLookupError:
                continue
            except OSError:
                self._left[pid] = -1
            send(pid, SIGCONT)  # a stopped process would never end
        for pid, fd in list(self._left.items()):
            if fd >= 0:
                self._watch(pid, fd)
        self._look()

    @property
    def goes_on(self) -> bool:
        return bool(self._left)

    def _watch(self, pid: int, fd: int) -> None:
        try:
            self._loop.add(fd, READ, lambda _events: self._ended(pid))
        except OSError:  # too many watches
            os.close(fd)
            self._left[pid] = -1

    def _look(self) -> None:
        """Check the processes that have no pidfd."""
        for pid in [pid for pid, fd in self._left.items() if fd < 0]:
            stat = read_stat(pid)
            if stat is None or stat[0] in "ZX" or not _title(pid).startswith(_SUPERVISOR):
                self._ended(pid)
        if -1 in self._left.values():
            self._loop.call_at(now_monotonic() + _LOOK_USEC, self._look)

    def _ended(self, pid: int) -> None:
        fd = self._left.pop(pid)
        if fd >= 0:
            self._loop.remove(fd)
            os.close(fd)
        if not self._left:
            self._loop.call_soon(self._done)
