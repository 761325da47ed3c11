"""Watching paths that need not exist, nor the directories above them (systemd.path(5))."""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import syscalls
from systemctl_replacement.manager.ports.inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    Watcher,
)
from systemctl_replacement.units.events import CHANGED, DIRECTORY_NOT_EMPTY, EXISTS, EXISTS_GLOB, MODIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.manager.ports.inotify import Inotify

_GONE = IN_DELETE_SELF | IN_MOVE_SELF
_CHANGED = _GONE | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO

# What is looked for on the path itself, as systemd does.
_EVENTS = {
    EXISTS: _GONE | IN_ATTRIB,
    DIRECTORY_NOT_EMPTY: _GONE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO,
    CHANGED: _CHANGED,
    MODIFIED: _CHANGED | IN_MODIFY,
}
# On the directory in which the way to it ends for now.
_END = _GONE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO

_MISSING = (errno.ENOENT, errno.EACCES)
_MOST_LINKS = 40  # as in the kernel
# Whoever owns a directory on the way may make links that lead through thousands of others.
MOST_PARTS = 256
_MOST_BYTES = 4095  # of a path that the kernel takes
_WILDCARDS = "*?[{\\"
_MOST_MATCHING = 256  # directories that are watched because their names match

# Files that systemd counts as none, as package managers and editors leave them.
_NO_FILES = ("lost+found", "aquota.user", "aquota.group")
_BACKUPS = (
    "rpmnew", "rpmsave", "rpmorig", "dpkg-old", "dpkg-new", "dpkg-tmp", "dpkg-dist", "dpkg-bak", "dpkg-backup",
    "dpkg-remove", "ucf-new", "ucf-old", "ucf-dist", "swp", "bak", "old", "new",
)  # fmt: skip


class PathWatch(Watcher):
    """A path and what is looked for there. changed: called when the answer of `look_at` may be another one.

    All files on the way to it are watched, links too: it may come, go, or become another one at each of them.
    """

    def __init__(self, inotify: Inotify, root: str, path: str, what: str, changed: Callable[[], object]) -> None:
        super().__init__(changed)
        self.path = path
        self.what = what
        self._inotify = inotify
        self._root = root
        self._primary = -1  # the watch of what is at the path
        self._place = ""  # where that really is
        self._last: tuple[int, ...] | None = None  # what was there at the last look, if anything
        self._looked = False
        self._too_long = False  # there is more on the way than is watched
        self._said = False

    def saved(self) -> dict[str, Any]:
        """All that is known, as plain data."""
        return {
            "fd": self._inotify.fd,
            "path": self.path,
            "what": self.what,
            "watches": list(self.watches.items()),
            "primary": self._primary,
            "place": self._place,
            "last": self._last,
            "said": self._said,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on where another one has ended. Without its descriptor what has happened is told by what has changed."""
        try:
            self._inotify.restore(self, saved["fd"], dict(saved["watches"]))
        except OSError:
            self.overflowed = True
        self._primary, self._place = saved["primary"], saved["place"]
        self._last = None if saved["last"] is None else tuple(saved["last"])
        self._looked = True
        self._said = saved.get("said", False)

    def close(self) -> None:
        self._inotify.close(self)

    def look_at(self) -> str:
        """The path for which the condition holds now, "" if it does not; CHANGED and MODIFIED hold if something has
        happened to it since the last look. OSError: it cannot be watched."""
        # What has happened is about what has been watched so far. Otherwise one look is enough, which may be dear.
        found = self._holds() if self.what in (CHANGED, MODIFIED) or not self.watches else ""
        if found and not self.watches:
            return found  # it need not be watched
        try:
            self._watch()
        except OSError:
            found = found or self._holds()
            if not found:
                raise
        return found or self._holds()  # it may have come meanwhile

    def problem(self) -> str:
        """What has come up that the log should say, "" for nothing. It is said once."""
        if not self._too_long or self._said:
            return ""
        self._said = True
        return f"Too many directories and links on the way to {self.path}, watching the first {MOST_PARTS} only."

    # --- watching ---

    def _watch(self) -> None:
        """Watch all that there is on the way."""
        before = self._primary, self._place
        wanted: dict[int, tuple[str, int]] = {}
        top = here = self._root or "/"
        # The names still to go: of the path itself, and before them those to which links lead.
        own, linked = _parts(self.path), list[str]()
        self._primary = -1
        self._too_long = False
        links = parts = 0
        events = _EVENTS.get(self.what, _GONE)
        self._add(wanted, here, _GONE)
        while own or linked:
            is_own = not linked
            name = (linked or own).pop()
            there = os.path.dirname(here) if name == ".." else os.path.join(here, name)
            parts += 1
            self._too_long = parts > MOST_PARTS or len(os.fsencode(there)) > _MOST_BYTES
            if self._too_long:
                break
            if name == "..":
                here = here if here == top else there
                continue
            if is_own and self.what == EXISTS_GLOB and _has_wildcards(name):
                self._add_matching(wanted, here, [name, *reversed(own)])
                break
            if self._add_next(wanted, here, there, _GONE if own or linked else events) < 0:
                break
            target = _target(there)
            if target is None:
                here = there
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                here = top
            linked += _parts(target)
            del linked[: -MOST_PARTS - 1]  # which is more than will be looked at
        else:
            self._primary = self._try_add(wanted, here, events)
        self._inotify.keep(self, wanted)
        self._place = here if self._primary >= 0 else ""
        if before[0] not in (-1, self._primary) and before[1] == self._place:
            self.happened.add(self._primary)  # it was replaced, and that may not have been read yet

    def _add(self, wanted: dict[int, tuple[str, int]], path: str, events: int) -> int:
        number = self._inotify.watch(self, path, events)
        wanted[number] = (path, events | wanted.get(number, (path, 0))[1])
        return number

    def _add_next(self, wanted: dict[int, tuple[str, int]], here: str, there: str, events: int) -> int:
        """Watch the next file on the way, or else the directory that it may appear in: -1 then."""
        number = self._try_add(wanted, there, events)
        if number >= 0 or self._try_add(wanted, here, _END) < 0:
            return number  # if its directory has gone in between, that will be told
        return self._try_add(wanted, there, events)  # what appears from now on is told

    def _add_matching(self, wanted: dict[int, tuple[str, int]], here: str, names: list[str]) -> None:
        """Watch the directories in which something may appear that matches, below one that no link leads on from."""
        self._try_add(wanted, here, _END)
        self._try_add(wanted, os.path.join(here, names[0]), _GONE)  # as systemd does: it fails where no directory is
        pattern = _escaped(here)
        for name in names[:-1]:
            pattern = os.path.join(pattern, name)
            for path in _matching(pattern)[:_MOST_MATCHING]:
                self._try_add(wanted, path, _END)

    def _try_add(self, wanted: dict[int, tuple[str, int]], path: str, events: int) -> int:
        """Watch a file; -1 if there is none."""
        try:
            return self._add(wanted, path, events)
        except OSError as error:
            if error.errno not in _MISSING:
                raise
        return -1

    # --- looking ---

    def _holds(self) -> str:
        """The path for which it is so now, or something has happened."""
        happened, overflowed = self.happened, self.overflowed
        self.happened, self.overflowed = set(), False
        path = self._root + self.path
        if self.what == EXISTS:
            return self.path if os.path.exists(path) else ""
        if self.what == EXISTS_GLOB:
            return next(iter(_matching(path)), "")[len(self._root) :]
        if self.what == DIRECTORY_NOT_EMPTY:
            return self.path if _has_entries(path) else ""
        last, self._last = self._last, _identity(path)
        looked, self._looked = self._looked, True
        changed = looked and (last is None) != (self._last is None)
        if overflowed and self._last is not None:
            # A directory does not show that a file in it was written to.
            changed = changed or last != self._last or stat.S_ISDIR(self._last[0])
        return self.path if changed or self._primary in happened else ""


def _parts(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _target(path: str) -> str | None:
    """Where a link leads, None if it is none. One that has just gone leads nowhere: that is told."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _identity(path: str) -> tuple[int, ...] | None:
    """What is at a path, so that it can be seen whether it has changed."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mode, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _has_wildcards(name: str) -> bool:
    return any(character in name for character in _WILDCARDS)


def _escaped(path: str) -> str:
    """A pattern that matches nothing but the path."""
    return "".join(f"\\{character}" if character in _WILDCARDS else character for character in path)


def _matching(pattern: str) -> list[str]:
    return [path for path in syscalls.glob(pattern, braces=True) if os.path.basename(path) not in (".", "..")]


def _has_entries(path: str) -> bool:
    """Whether a directory has anything in it but hidden files and backups, as systemd counts them; also if that cannot
    be told."""
    try:
        with os.scandir(path) as entries:
            return any(not _is_hidden_or_backup(entry.name) for entry in entries)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR)


def _is_hidden_or_backup(name: str) -> bool:
    return name.startswith(".") or name.endswith("~") or name in _NO_FILES or name.rpartition(".")[2] in _BACKUPS
