"""One inotify descriptor (inotify(7)) for everything that is watched: users may have few of them, 128 by default.

The kernel keeps one watch for each file of a descriptor. Here is noted who wants to hear of what of it, and what is
nobody's any more is watched no more. What arrives is read piece by piece, one in each turn of the loop, and whoever is
concerned looks one by one: who changes files without end holds up nobody.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.loop import READ, STRANGERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from systemctl_replacement.loop import Loop

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_UNMOUNT, _OVERFLOW, _IGNORED = 0x2000, 0x4000, 0x8000
_DONT_FOLLOW, _MASK_ADD = 0x2000000, 0x20000000
_NO_WATCH = 0xFFFFFFFF  # -1

_PIECE_BYTES = 16_384


class WatchError(OSError):
    """A file cannot be watched; `said` is what systemd says about that."""

    said = ""


class Watcher:
    """Who watches some files. look: called when something has happened to one of them.

    watches: what of which files, by the numbers that the descriptor has for them. happened: those that something has
    happened to since the last look; overflowed: the kernel has lost what has happened.
    """

    def __init__(self, look: Callable[[], object]) -> None:
        self.look = look
        self.watches: dict[int, int] = {}
        self.happened: set[int] = set()
        self.overflowed = False


class Inotify:
    """The descriptor: made when somebody watches something, closed when nobody does. fd: -1 if there is none."""

    def __init__(self, loop: Loop) -> None:
        self.fd = -1
        self._loop = loop
        self._watchers: dict[int, list[Watcher]] = {}
        self._asked: dict[int, int] = {}  # of the kernel
        self._to_look: dict[Watcher, None] = {}

    def restore(self, watcher: Watcher, fd: int, watches: Mapping[int, int]) -> None:
        """Go on with a descriptor that was there before a re-execution. OSError."""
        if self.fd < 0:
            os.fstat(fd)
            self._open(fd)
        elif fd != self.fd:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        for watch, events in watches.items():
            self._note(watcher, watch, events)

    def watch(self, watcher: Watcher, path: str, events: int) -> int:
        """Watch a file, or a link as such, for more events; the number of the watch. WatchError."""
        try:
            if self.fd < 0:
                self._open(syscalls.inotify())
            number = syscalls.watch_path(self.fd, path, events | _DONT_FOLLOW | _MASK_ADD)
        except OSError as error:
            raise _watch_error(path, error) from None
        self._note(watcher, number, watcher.watches.get(number, 0) | events)
        return number

    def keep(self, watcher: Watcher, wanted: Mapping[int, tuple[str, int]]) -> None:
        """Watch nothing else: the paths and events of the watches that are wanted."""
        for number in [number for number in watcher.watches if number not in wanted]:
            self._let_go(watcher, number)
        for number, (path, events) in wanted.items():
            if watcher.watches.get(number, events) != events:
                watcher.watches[number] = events
                self._narrow(number, path)

    def close(self, watcher: Watcher) -> None:
        """Watch nothing for it."""
        self.keep(watcher, {})
        self._to_look.pop(watcher, None)
        if not self._watchers and self.fd >= 0:
            self._loop.remove(self.fd)
            os.close(self.fd)
            self.fd = -1

    # --- who watches what ---

    def _open(self, fd: int) -> None:
        try:
            # What files are called and what is in them is up to anybody.
            self._loop.add(fd, READ, lambda _events: self._read(), STRANGERS)
        except OSError:
            os.close(fd)
            raise
        self.fd = fd

    def _note(self, watcher: Watcher, number: int, events: int) -> None:
        watcher.watches[number] = events
        watchers = self._watchers.setdefault(number, [])
        if watcher not in watchers:
            watchers.append(watcher)
        self._asked[number] = self._asked.get(number, 0) | events

    def _let_go(self, watcher: Watcher, number: int) -> None:
        del watcher.watches[number]
        watchers = self._watchers[number]
        watchers.remove(watcher)
        if not watchers:
            self._forget(number)
            syscalls.unwatch(self.fd, number)

    def _forget(self, number: int) -> list[Watcher]:
        self._asked.pop(number, None)
        return self._watchers.pop(number, [])

    def _narrow(self, number: int, path: str) -> None:
        """Ask the kernel for no more than is still wanted of a file."""
        wanted = 0
        for watcher in self._watchers[number]:
            wanted |= watcher.watches[number]
        if not self._asked[number] & ~wanted:
            return
        try:
            other = syscalls.watch_path(self.fd, path, wanted | _DONT_FOLLOW)
        except OSError:
            return  # it is gone, which is told
        if other == number:
            self._asked[number] = wanted
        elif other not in self._watchers:
            syscalls.unwatch(self.fd, other)
        else:  # the path is another file's by now, of which too little may have been asked for a moment
            syscalls.watch_path(self.fd, path, self._asked[other] | _DONT_FOLLOW | _MASK_ADD)
            self._have_lost(self._watchers[other])

    # --- what happens ---

    def _read(self) -> None:
        try:
            data = os.read(self.fd, _PIECE_BYTES)
        except BlockingIOError:
            return
        for number, events, _name in syscalls.inotify_events(data):
            self._happened(number, events)

    def _happened(self, number: int, events: int) -> None:
        if number == _NO_WATCH:
            if events & _OVERFLOW:
                self._have_lost([watcher for watchers in self._watchers.values() for watcher in watchers])
            return
        watchers = self._watchers.get(number, ())
        if events & _IGNORED:
            for watcher in self._forget(number):
                del watcher.watches[number]
                self._must_look(watcher)
            return
        for watcher in watchers:
            if events & (watcher.watches[number] | _UNMOUNT):
                watcher.happened.add(number)
                self._must_look(watcher)

    def _have_lost(self, watchers: list[Watcher]) -> None:
        for watcher in watchers:
            watcher.overflowed = True
            self._must_look(watcher)

    def _must_look(self, watcher: Watcher) -> None:
        if not self._to_look:
            self._loop.defer(STRANGERS, self._look_one)
        self._to_look[watcher] = None

    def _look_one(self) -> None:
        if not self._to_look:
            return
        watcher = next(iter(self._to_look))
        del self._to_look[watcher]
        if self._to_look:
            self._loop.defer(STRANGERS, self._look_one)
        watcher.look()


def _watch_error(path: str, error: OSError) -> WatchError:
    failed = WatchError(error.errno, error.strerror)
    if error.errno == errno.ENOSPC:
        failed.said = f"Failed to add a watch for {path}: inotify watch limit reached"
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        failed.said = f"Failed to allocate inotify fd: {error.strerror}"
    else:
        failed.said = f"Failed to add a watch for {path}: {error.strerror}"
    return failed
