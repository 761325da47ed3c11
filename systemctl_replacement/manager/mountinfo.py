"""What is mounted (proc(5), /proc/PID/mountinfo), and bringing it to the units' machines, whoever has mounted it.

The kernel tells that something has changed, never what. A thousand mounts cost no thousand readings: after a few within
a second the rest of it is waited for, as systemd does; nothing is read before somebody asks or there is a unit to be
told; and a line that was there before is not parsed again.
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.unit_change import new_invocation
from systemctl_replacement.unitfile.names import escape_path, valid_unit_name
from systemctl_replacement.unitfile.verify import is_api
from systemctl_replacement.units.events import Exited
from systemctl_replacement.units.mounted import Mounted, Unmounted
from systemctl_replacement.units.states import INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_driver import Driver
    from systemctl_replacement.units.events import Event

_PATH = "/proc/self/mountinfo"

# systemd's: as many readings in as many microseconds.
_BURST, _INTERVAL_USEC = 5, 1_000_000


class Mounts:
    """The mount units of what is mounted, read when they are asked for and may have changed."""

    def __init__(self, warn: Callable[[str], object], root: str) -> None:
        self._warn = warn
        self.is_followed = not root  # what the kernel tells is about the directories of this system
        self._fd = -1
        self._lines: dict[str, Optional[tuple[str, Mounted]]] = {}  # those of the last reading, parsed
        self._found: dict[str, Mounted] = {}
        self.is_stale = True

    def fileno(self) -> int:
        """What the kernel tells changes by. OSError."""
        if self._fd < 0:
            self._fd = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
        return self._fd

    def now(self) -> dict[str, Mounted]:
        """What is mounted, by the ids of units; must not be changed. Below a root it is nothing."""
        if self.is_stale and self.is_followed:
            self.is_stale = False
            try:
                self._read()
            except OSError as error:
                self._warn(f"Cannot read {_PATH}: {error.strerror}")
        return self._found

    def _read(self) -> None:
        # Not splitlines(): what of a name is no blank, newline or backslash is there as it is.
        lines = _read_all(self.fileno()).decode("utf-8", "surrogateescape").split("\n")
        known, self._lines = self._lines, {}
        found = {}
        for line in lines:
            mount = self._lines[line] = known[line] if line in known else parse(line)
            if mount is not None:
                found[mount[0]] = mount[1]  # of several at one place the last one is to be seen
        self._found = found


def _read_all(fd: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    pieces: list[bytes] = []
    while True:
        piece = os.read(fd, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def parse(line: str) -> Optional[tuple[str, Mounted]]:
    """The unit that a line of mountinfo is about, and what it says; None if there is none, or no sense in it."""
    place, _, source = line.partition(" - ")
    try:
        point, options = (_unescape_octal(text) for text in place.split(" ")[4:6])
        kind, what, superblock = (_unescape_octal(text) for text in source.split(" ")[:3])
        if is_api(point):
            return None
        name = f"{escape_path(point)}.mount"
    except ValueError:
        return None
    if not valid_unit_name(name):
        return None  # it is too long
    return name, Mounted(where=point, what=what, type=kind, options=_all_options(options, superblock))


def _all_options(mount: str, superblock: str) -> str:
    """The options of a mount and of its file system in one list, without duplicates. What one of the two has read-only
    cannot be written to."""
    words = dict.fromkeys((mount + "," + superblock).split(","))
    access = "ro" if "ro" in words else "rw"
    return ",".join((access, *[word for word in words if word not in ("ro", "rw")]))


def _unescape_octal(text: str) -> str:
    """Which characters are escaped depends on the field and on the file system. ValueError."""
    head, *pieces = text.split("\\")
    return head + "".join([chr(int(piece[:3], 8)) + piece[3:] for piece in pieces])


class MountWatch:
    """Tells the units of mounts what has become of them."""

    def __init__(self, core: Core, mounts: Mounts, driver: Driver) -> None:
        self._core = core
        self._mounts = mounts
        self._driver = driver
        self._begin = 0  # of the interval in which changes are counted
        self._count = 0

    def begin(self) -> None:
        """Follow what is mounted from now on, and catch up with it."""
        if not self._mounts.is_followed:
            return
        try:
            self._core.loop.watch_edges(self._mounts.fileno(), self._changed)
        except OSError as error:
            self._core.log.manager(LOG_WARNING, f"Cannot watch {_PATH}: {error.strerror}")
        self.look()

    def _changed(self, _events: int) -> None:
        self._mounts.is_stale = True
        now = now_monotonic()
        if now - self._begin > _INTERVAL_USEC:
            self._begin, self._count = now, 0
        self._count += 1
        if self._count > _BURST:
            # Nothing wakes us before the interval is over.
            self._core.loop.remove(self._mounts.fileno())
            self._core.loop.call_at(self._begin + _INTERVAL_USEC, self.begin)
        else:
            self.look()

    def before(self, unit: ManagedUnit, event: Event) -> None:
        """The end of mount(8) or umount(8) can be known before what it has done is told."""
        if unit.traits.from_mountinfo and isinstance(event, Exited):
            self._mounts.is_stale = True
            self.look()

    def look(self) -> None:
        """Tell the units in memory what has changed. Others are looked at when they are asked for."""
        registry = self._core.registry
        units = [unit for unit in registry if unit.traits.from_mountinfo and unit.id not in registry.perpetual]
        if not units:
            return
        mounts = self._mounts.now()
        for unit in units:
            if unit.kind.mounted(unit.state) != mounts.get(unit.id):
                self._core.loop.guard(self._tell, unit, mounts.get(unit.id))

    def _tell(self, unit: ManagedUnit, mounted: Mounted | None) -> None:
        if mounted is None:
            self._driver.step(unit, Unmounted())
            return
        if unit.active_state in INACTIVE_OR_FAILED:
            unit.invocation_id = new_invocation()
            self._core.registry.found_mounted(unit)
        self._driver.step(unit, mounted)
