"""Noticing that local time is that of another zone: /etc/localtime leads elsewhere (localtime(5), inotify(7))."""

from __future__ import annotations

import os
import time

from systemctl_replacement import syscalls
from systemctl_replacement.loop import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.loop import Loop

_ATTRIB, _CLOSE_WRITE, _MOVED_TO, _CREATE, _MOVE_SELF = 0x4, 0x8, 0x80, 0x100, 0x800
_ONLYDIR, _DONT_FOLLOW = 0x1000000, 0x2000000


class ZoneWatch:
    """Calls back when the file of the time zone is another one. warn: told in words if it cannot be watched."""

    def __init__(self, loop: Loop, path: str, changed: Callable[[], object], warn: Callable[[str], object]) -> None:
        self._loop = loop
        self._path = path
        self._changed = changed
        self._warn = warn
        self._fd = -1
        self._identity = self._look()
        self._begin()

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _begin(self) -> None:
        """Watch the link itself, or the directory in which it is missing."""
        try:
            self._fd = syscalls.inotify()
            try:
                syscalls.watch_path(self._fd, self._path, _ATTRIB | _CLOSE_WRITE | _MOVE_SELF | _DONT_FOLLOW)
            except FileNotFoundError:
                syscalls.watch_path(self._fd, os.path.dirname(self._path), _CREATE | _MOVED_TO | _ONLYDIR)
            self._loop.add(self._fd, READ, self._read)
        except OSError as error:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            self._warn(f"Changes of the time zone go unnoticed, {self._path} cannot be watched: {error.strerror}")

    def _look(self) -> tuple[object, ...]:
        try:
            status = os.lstat(self._path)
        except OSError:
            return ()
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def _read(self, _events: int) -> None:
        self.close()
        self._begin()
        before, self._identity = self._identity, self._look()
        if self._identity != before:
            time.tzset()
            self._changed()
