"""Who has sent a message: the kernel tells its pid, /proc the ancestors up to a process that the manager has told of.

A sender may be gone before its message is read, and its pid may be another process's by then. So a process counts as
the sender only if it was there when the message was sent; one that is gone, only if it has been seen just before. What
cannot be known is left out: nothing is attributed to the wrong unit. All times are microseconds of CLOCK_BOOTTIME,
which the start times in /proc count.
"""

from __future__ import annotations

import sys
import time

from systemctl_replacement.journal import record
from systemctl_replacement.process import seen_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, TypeVar

    from systemctl_replacement.process.collector.units import Unit, Units

    K = TypeVar("K")
    V = TypeVar("V")

_FRESH_USEC = 20_000
"""So long after it was looked at a process is not looked at again: no pid comes around in that time."""
_GONE_USEC = 250_000
"""A process that is gone is believed to have sent what was sent so long after it was seen."""
_DETAILS_USEC = 1_000_000
"""So long the command line is believed, as by journald: a process may execute another program."""
_ROUNDING_USEC = 2 * seen_process.TICK_USEC
_KNOWN_MAX = 256
_DEPTH_MAX = 200
_INIT = 1


def now_boottime() -> int:
    """The clock of all times here."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def sent_at(since: int) -> int:
    """When something may have been sent that came at that time or later: now, unless a pid may have come around."""
    now = now_boottime()
    return now if now - since < _GONE_USEC else since


class Place:
    """The fields that all records have: of the boot, the machine, the host."""

    __slots__ = ("changes", "fields")

    def __init__(self) -> None:
        self.fields: dict[str, record.Value] = {}
        self.changes = 0

    def set(self, fields: dict[str, record.Value]) -> None:
        """Change them."""
        if fields != self.fields:
            self.fields = fields
            self.changes += 1


class Sender:
    """A process that sends, and what all its records say about it."""

    __slots__ = (
        "_heads",
        "began",
        "capabilities",
        "command_line",
        "detailed",
        "executable",
        "gid",
        "name",
        "pid",
        "start",
        "uid",
        "unit",
        "verified",
    )

    def __init__(self, pid: int, uid: int, gid: int) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self.start = 0  # in ticks, to tell it from another process with its pid; 0: it was never seen
        self.began = 0  # it has sent nothing earlier
        self.unit: Unit | None = None
        self.name = b""
        self.command_line = self.executable = self.capabilities = ""
        self.verified = 0  # when it was seen last, and when all about it was read
        self.detailed = 0
        self._heads: dict[str, tuple[tuple[int, int], str]] = {}

    def as_of(self, unit: Unit) -> Sender:
        """The same process, of a unit that is known by other means."""
        other = Sender(self.pid, self.uid, self.gid)
        other.start, other.began, other.name, other.verified = self.start, self.began, self.name, self.verified
        other.unit = unit
        return other

    def head(self, transport: str, place: Place) -> str:
        """The fields about the sender and the place, as the end of a record."""
        changes = place.changes, self.unit.changes if self.unit else 0
        kept = self._heads.get(transport)
        if kept is not None and kept[0] == changes:
            return kept[1]
        fields = {"_TRANSPORT": transport, **self.described("_"), **place.fields}
        text = record.encode_fields(fields)
        self._heads[transport] = changes, text
        return text

    def described(self, prefix: str) -> dict[str, record.Value]:
        """The fields that describe the process: `_PID=` … of a sender, `OBJECT_PID=` … of what it writes about."""
        fields: dict[str, record.Value] = {f"{prefix}PID": self.pid}
        if self.uid >= 0:
            fields[f"{prefix}UID"], fields[f"{prefix}GID"] = self.uid, self.gid
        if self.start:
            fields[f"{prefix}COMM"] = self.name
        fields[f"{prefix}EXE"] = self.executable
        fields[f"{prefix}CMDLINE"] = self.command_line
        fields[f"{prefix}CAP_EFFECTIVE"] = self.capabilities
        if self.unit:
            fields[f"{prefix}SYSTEMD_SLICE"] = self.unit.slice
            fields[f"{prefix}SYSTEMD_UNIT"] = self.unit.name
            fields[f"{prefix}SYSTEMD_INVOCATION_ID"] = self.unit.invocation
        return {name: value for name, value in fields.items() if value != ""}

    def read_details(self, now: int) -> None:
        """Read what /proc says beside the name. What it does not say any more is remembered."""
        self.command_line = seen_process.read_command_line(self.pid) or self.command_line
        self.executable = seen_process.read_executable(self.pid) or self.executable
        self.capabilities = seen_process.read_capabilities(self.pid) or self.capabilities
        self.detailed = now
        self._heads.clear()


class Senders:
    """The processes that have sent something, and their parents, as far as they are remembered."""

    def __init__(self, units: Units, listen: Callable[[], bool]) -> None:
        """listen: read what the manager has said meanwhile, and return whether that was anything. It tells of a unit
        before the unit's processes run."""
        self._units = units
        self._listen = listen
        self._senders: dict[bytes, Sender] = {}
        self._parents: dict[int, tuple[int, Unit, int]] = {}  # pid: start in ticks, unit, when it was seen

    def find(self, credentials: bytes, sent: int) -> Sender:
        """The sender of a message. credentials: pid, uid, gid, as the kernel passes them (struct ucred)."""
        now = now_boottime()
        known = self._senders.get(credentials)
        if known is not None and sent < known.began:
            known = None  # that was another process
        if known is not None and now - known.verified < _FRESH_USEC:
            return known
        pid = int.from_bytes(credentials[:4], sys.byteorder)
        stat = seen_process.read_stat(pid) if pid > 0 else None
        began = _began(stat[2]) if stat else 0
        if stat is None or sent < began:
            if known is not None and sent - known.verified < _GONE_USEC:
                return known
            return _unknown(credentials)
        name, parent, start = stat
        if known is None or known.start != start:
            known = self._remember(credentials)
            known.start, known.began = start, began
        known.verified = now
        if known.unit is None:
            known.unit = self._unit_of(pid, parent, start, now)
        if known.name != name:
            known.name, known.detailed = name, 0
        return known

    def complete(self, sender: Sender) -> None:
        """Read the rest about a sender. That takes longer than to find it, while others may end."""
        if sender.start and sender.verified - sender.detailed > _DETAILS_USEC:
            sender.read_details(sender.verified)

    def describe(self, pid: int) -> Sender:
        """Any process, by its pid alone."""
        described = Sender(pid, *seen_process.read_ids(pid))
        stat = seen_process.read_stat(pid)
        if stat is not None:
            now = now_boottime()
            described.name, parent, described.start = stat
            described.unit = self._unit_of(pid, parent, described.start, now)
            described.read_details(now)
        return described

    def _remember(self, credentials: bytes) -> Sender:
        _make_room(self._senders)
        self._senders.pop(credentials, None)
        sender = self._senders[credentials] = _unknown(credentials)
        return sender

    def _unit_of(self, pid: int, parent: int, start: int, now: int) -> Unit | None:
        ancestors: list[int] = []
        unit = self._climb(pid, parent, start, now, ancestors)
        if unit is None and self._listen():
            for ancestor in ancestors:
                unit = unit or self._units.of(ancestor)
        return unit

    def _climb(self, pid: int, parent: int, start: int, now: int, ancestors: list[int]) -> Unit | None:
        """Go up to a process that the manager has told of. A parent has begun before its child: what has begun later
        has only the parent's number. The parent is remembered: it may have more children that send."""
        first: tuple[int, int] | None = None
        unit = self._units.of(pid)
        ancestors.append(pid)
        while unit is None and parent > _INIT and len(ancestors) < _DEPTH_MAX:
            pid = parent
            ancestors.append(pid)
            unit = self._units.of(pid)
            if unit is not None:
                break
            known = self._parents.get(pid)
            if known is not None and now - known[2] < _FRESH_USEC and known[0] <= start:
                return known[1]
            stat = seen_process.read_stat(pid)
            if stat is None or stat[2] > start:
                return None
            _, parent, start = stat
            first = first or (pid, start)
            if known is not None and known[0] == start:
                unit = known[1]
        if unit is not None and first is not None:
            _make_room(self._parents)
            self._parents[first[0]] = first[1], unit, now
        return unit


def _unknown(credentials: bytes) -> Sender:
    """A process of which nothing is known but what the kernel passes."""
    numbers = [int.from_bytes(credentials[at : at + 4], sys.byteorder) for at in (0, 4, 8)]
    return Sender(numbers[0], numbers[1], numbers[2])


def _began(start: int) -> int:
    """The earliest time at which a process can have sent something: its start time is rounded."""
    return start * seen_process.TICK_USEC - _ROUNDING_USEC


def _make_room(known: dict[K, V]) -> None:
    """Forget half of what is known, what was met first, where there is too much of it."""
    if len(known) >= _KNOWN_MAX:
        for key in list(known)[: _KNOWN_MAX // 2]:
            del known[key]
