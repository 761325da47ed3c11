"""What an earlier life of the container has left in /run, which engines keep: files of processes that are no more.

systemd finds an empty /run at each boot. Here what is older than PID 1 is of an earlier life, or of the image; what is
younger was written by the entry point that PID 1 has been before (`exec systemctl init`), or for it. PID 1 removes
sockets and PID files when it begins; what belongs to a unit goes before the first of its processes in this life.
"""

from __future__ import annotations

import os
import stat
import time

from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process import exec_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_RUN = "/run"

# The kernel counts the start of a process in ticks, and stamps files by a clock that may be as much behind.
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_UNSHARP_USEC = 1_000_000 // _TICKS_PER_SECOND


def clocks() -> tuple[int, int]:
    """Realtime, which may be set, and the time since the machine has booted, which may not; microseconds."""
    realtime, boottime = map(time.clock_gettime_ns, (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME))
    return realtime // 1000, boottime // 1000


def before_this_life() -> int:
    """Realtime in microseconds before which PID 1 was not there; 0 if nothing can be said."""
    try:
        with open("/proc/1/stat", encoding="utf-8", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        mounted = os.stat("/proc").st_ctime_ns // 1000
    except (OSError, ValueError, IndexError):
        return 0
    return reckon(*clocks(), ticks * 1_000_000 // _TICKS_PER_SECOND, mounted)


def reckon(realtime: int, boottime: int, started: int, mounted: int) -> int:
    """Realtime before which PID 1, started at that time of the boottime clock, was not there.

    mounted: the stamp of its /proc, which it was given when it began. Where the clock was set forward since, that one
    is right. Where it was set back the other one is too early, as what was written since may seem to be. All in
    microseconds.
    """
    return min(realtime - (boottime - started), mounted) - _UNSHARP_USEC


def set_back(before: int, offset_then: int, offset_now: int) -> int:
    """What `before` is when the clock may have been set since it was reckoned: what was written after that may bear a
    stamp that is so much earlier. The offsets are realtime less boottime."""
    return before + min(offset_now - offset_then, 0)


def _offset() -> int:
    realtime, boottime = clocks()
    return realtime - boottime


def clear_run(before: int, kept: str = "") -> None:
    """Remove sockets, and files that are called PID files, in /run and the directories in it. Mounts are left alone,
    and so is what the path `kept` leads to."""
    spared = _identity_of(kept)
    try:
        device = os.lstat(_RUN).st_dev
    except OSError:
        return
    for directory in (_RUN, *_directories(device)):
        for path, status in _entries(directory):
            is_stale = status.st_dev == device and status.st_ctime_ns < before * 1000
            is_pid_file = stat.S_ISREG(status.st_mode) and path.endswith(".pid")
            if is_stale and _identity(status) != spared and (is_pid_file or stat.S_ISSOCK(status.st_mode)):
                try:
                    os.unlink(path)
                except OSError:
                    continue  # what we may not remove is not ours to worry about


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _identity_of(path: str) -> tuple[int, int] | None:
    try:
        return _identity(os.stat(path))
    except OSError:
        return None  # there is none, or it is no path


def _directories(device: int) -> Iterator[str]:
    for path, status in _entries(_RUN):
        if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
            yield path


def _entries(directory: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    yield entry.path, entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # gone meanwhile
    except OSError:
        return


class Leftovers:
    """What the first process of each unit removes first. The state is kept in `boot`, which survives a re-execution.

    Any manager has it removed: on a machine that has booted, nothing in /run is older than PID 1.
    """

    def __init__(self, boot: dict[str, Any], root: str) -> None:
        if "before_this_life" not in boot:
            boot["before_this_life"] = 0 if root else before_this_life()
        self._before: int = boot["before_this_life"]
        self._offset: int = boot.setdefault("clock_offset", _offset())
        self._started: dict[str, bool] = boot.setdefault("started", {})
        self._clearing: set[str] = set()  # units for which a process that removes the files was requested

    def to_remove(self, unit: ManagedUnit) -> exec_spec.LeftoverFiles | None:
        """What a process that is about to be made for a unit removes: it is the first one, or there is nothing."""
        if not self._before or unit.id in self._started:
            return None
        directories = [entry[0] for entry in unit.own("RuntimeDirectory") or ()]
        pid_file = unit.kind.pid_file(unit.config)
        if not directories and not pid_file:
            return None
        self._clearing.add(unit.id)
        before = set_back(self._before, self._offset, _offset())
        return exec_spec.LeftoverFiles(before, tuple(directories), pid_file)

    def forked(self, unit_id: str) -> None:
        """A process of the unit is there: it removes them before anything else.

        Only now does none of them count as left any more.
        """
        if unit_id in self._clearing:
            self._clearing.discard(unit_id)
            self._started[unit_id] = True

    def rename(self, old: str, new: str) -> None:
        """A unit has another id."""
        if self._started.pop(old, False):
            self._started[new] = True
        if old in self._clearing:
            self._clearing.remove(old)
            self._clearing.add(new)
