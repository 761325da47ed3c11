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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_RUN = "/run"

# The kernel counts the start of a process in ticks, and stamps files by a clock that may be as much behind.
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_UNSHARP_USEC = 1_000_000 // _TICKS_PER_SECOND


def before_this_life() -> int:
    """Realtime in microseconds before which PID 1 was not there; 0 if nothing can be said."""
    try:
        with open("/proc/1/stat", encoding="utf-8", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / _TICKS_PER_SECOND
    except (OSError, ValueError, IndexError):
        return 0
    return int((time.time() - age) * 1_000_000) - _UNSHARP_USEC


def clear_run(before: int) -> None:
    """Remove sockets, and files that are called PID files, in /run and the directories in it. Mounts are left alone."""
    try:
        device = os.lstat(_RUN).st_dev
    except OSError:
        return
    for directory in (_RUN, *_directories(device)):
        for path, status in _entries(directory):
            is_stale = status.st_dev == device and status.st_ctime_ns < before * 1000
            is_pid_file = stat.S_ISREG(status.st_mode) and path.endswith(".pid")
            if is_stale and (is_pid_file or stat.S_ISSOCK(status.st_mode)):
                try:
                    os.unlink(path)
                except OSError:
                    continue  # what we may not remove is not ours to worry about


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
        self._started: dict[str, bool] = boot.setdefault("started", {})
        self._clearing: set[str] = set()  # those whose process that does it is asked for

    def add_to(self, spec: dict[str, Any], unit: ManagedUnit) -> None:
        """Have a process that is about to be made for a unit remove them, if it is the first one."""
        if not self._before or unit.id in self._started:
            return
        directories = [entry[0] for entry in unit.get("Service", "RuntimeDirectory") or ()]
        pid_file = unit.config.pid_file
        if directories or pid_file:
            self._clearing.add(unit.id)
            spec["leftovers"] = {"before": self._before, "directories": directories, "pid_file": pid_file}

    def forked(self, unit_id: str) -> None:
        """A process of the unit is there: it removes them before anything else.

        Only now does none of them count as left any more: a clock that is set back makes new files look old.
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
