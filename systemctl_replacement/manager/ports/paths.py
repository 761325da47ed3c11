"""Watching paths that need not exist, nor the directories above them (systemd.path(5), inotify(7))."""

from __future__ import annotations

import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.units.events import CHANGED, DIRECTORY_NOT_EMPTY, EXISTS, EXISTS_GLOB, MODIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_IGNORED = 0x8000
_GONE = _DELETE_SELF | _MOVE_SELF | _ATTRIB

# What is looked for on the path itself.
_EVENTS = {
    EXISTS: _GONE,
    EXISTS_GLOB: _GONE,
    DIRECTORY_NOT_EMPTY: _GONE | _CREATE | _MOVED_TO | _MOVED_FROM | _DELETE,
    CHANGED: _GONE | _CLOSE_WRITE | _CREATE | _DELETE | _MOVED_FROM | _MOVED_TO,
    MODIFIED: _GONE | _CLOSE_WRITE | _CREATE | _DELETE | _MOVED_FROM | _MOVED_TO | _MODIFY,
}
# And on the directories above it: it may appear, with or without them.
_ABOVE = _GONE | _CREATE | _MOVED_TO | _MOVED_FROM | _DELETE

# What either holds or does not. The others happen.
CONDITIONS = (EXISTS, EXISTS_GLOB, DIRECTORY_NOT_EMPTY)

_MISSING = (errno.ENOENT, errno.ENOTDIR)
_HEADER_BYTES = 16
_WILDCARDS = "*?["


class PathWatch:
    """An inotify descriptor and what is looked for with it.

    on_path: the number of the watch of the path itself on the descriptor, -1: there is none; existed: whether there was
    something at the path at the last look. With these a watch goes on where another one of the descriptor has ended.
    """

    def __init__(self, fd: int, path: str, what: str, on_path: int = -1, existed: bool = False) -> None:
        self._fd = fd
        self._path = path
        self._what = what
        self._above = _directories_above(path, what)
        self.on_path = on_path
        self.existed = existed

    def begin(self) -> None:
        """Watch what there is on the way. OSError; what is watched already stays so."""
        for directory in self._above:
            self._add(directory, _ABOVE)
        self.on_path = -1 if self._what == EXISTS_GLOB else self._add(self._path, _EVENTS[self._what])
        self.existed = os.path.lexists(self._path)

    def _add(self, path: str, events: int) -> int:
        try:
            return syscalls.watch_path(self._fd, path, events)
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            return -1

    def look(self) -> bool | None:
        """Read what has happened. Whether the condition holds; of what happens, True if it has, else None."""
        happened = any(watch == self.on_path and bool(mask & _EVENTS[self._what]) for watch, mask in self._read())
        existed = self.existed
        try:
            self.begin()  # there may be more on the way now
        except OSError:
            pass  # out of watches: what is watched already goes on
        if self._what in CONDITIONS:
            return self._holds()
        return True if happened or existed != self.existed else None

    def _holds(self) -> bool:
        if self._what == EXISTS:
            return os.path.exists(self._path)
        if self._what == EXISTS_GLOB:
            return bool(syscalls.glob(self._path))
        try:
            return any(not _is_hidden_or_backup(name) for name in os.listdir(self._path))
        except OSError:
            return False

    def _read(self) -> Iterator[tuple[int, int]]:
        """Watch and mask of each event that has arrived."""
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        start = 0
        while start + _HEADER_BYTES <= len(data):
            watch, mask, _cookie, length = memoryview(data)[start : start + _HEADER_BYTES].cast("i")
            if not mask & _IGNORED:
                yield watch, mask
            start += _HEADER_BYTES + length


def _directories_above(path: str, what: str) -> list[str]:
    """The directories on the way to a path, from / on; of a pattern, to where its wildcards begin."""
    found = ["/"]
    for part in os.path.dirname(path).split("/"):
        if what == EXISTS_GLOB and any(character in part for character in _WILDCARDS):
            break
        if part:
            found.append(os.path.join(found[-1], part))
    return found


def _is_hidden_or_backup(name: str) -> bool:
    return name.startswith(".") or name.endswith("~")
