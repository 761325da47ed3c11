"""The units that the manager has told of, and which process each of them begins at."""

from __future__ import annotations

import time

from systemctl_replacement.journal import record
from systemctl_replacement.process.rate_limit import RateLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

_UNSET = -1


class Unit:
    """One unit: what its records say, and which of its messages are kept."""

    __slots__ = ("changes", "extra", "extra_text", "invocation", "limit", "max_priority", "name", "slice")

    def __init__(self, name: str) -> None:
        self.name = name
        self.invocation = ""
        self.slice = ""
        self.extra: dict[str, str] = {}
        self.extra_text = ""  # the same, as part of a record
        self.max_priority = 7
        self.limit = RateLimit(0, 0)
        self.changes = 1  # what was made of the settings is remade when this has grown

    def configure(self, order: dict[str, Any], interval: int, burst: int) -> None:
        """Take the settings of an order; interval and burst are those of units that say nothing of them."""
        journal = order.get("journal", {})
        self.invocation = order.get("invocation", "")
        self.slice = order.get("slice", "")
        self.extra = journal.get("fields", {})
        self.extra_text = record.encode_fields(self.extra)
        self.max_priority = journal.get("max_priority", 7)
        own_interval, own_burst = journal.get("interval", _UNSET), journal.get("burst", _UNSET)
        interval = interval if own_interval == _UNSET else own_interval
        self.set_limit(interval, burst if own_burst == _UNSET else own_burst)
        self.changes += 1

    def set_limit(self, interval: int, burst: int) -> None:
        """Limit the messages. What was counted counts on unless the limit is another one."""
        if (self.limit.interval, self.limit.burst) != (interval, burst):
            self.limit = RateLimit(interval, burst)


class Units:
    """The units, and the processes that the manager has said to be theirs: supervisors, or others."""

    def __init__(self) -> None:
        self.interval = 0
        self.burst = 0
        self._by_name: dict[str, Unit] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        self._by_pid: dict[int, Unit] = {}

    def named(self, name: str) -> Unit | None:
        """A unit that the manager has told of, and that has not been renamed."""
        return self._by_name.get(name)

    def of(self, pid: int) -> Unit | None:
        """The unit that a process was said to belong to, with all that descends from it."""
        return self._by_pid.get(pid)

    def set_limits(self, interval: int, burst: int) -> None:
        """Change the limit of all units that have none of their own."""
        self.interval, self.burst = interval, burst
        for name, order in self._orders.items():
            self._by_name[name].configure(order, interval, burst)

    def tell(self, order: dict[str, Any]) -> None:
        """A unit has a supervisor, or a process without one, or other settings than before."""
        unit = self._get(order["unit"])
        self._orders[unit.name] = order
        unit.configure(order, self.interval, self.burst)
        pid = order.get("supervisor") or order["pid"]
        before = self._by_pid.get(pid)
        self._by_pid[pid] = unit
        self._drop_unused(before)

    def forget(self, pid: int) -> None:
        """A process has ended, or is about to be reaped: its pid may be anybody's next."""
        self._drop_unused(self._by_pid.pop(pid, None))

    def forget_all_but(self, pids: Collection[int]) -> None:
        """The manager has told of these, and nothing else that it has told of is so any more."""
        for pid in set(self._by_pid).difference(pids):
            self.forget(pid)

    def _drop_unused(self, unit: Unit | None) -> None:
        """A unit's name may be another's next when no process has it."""
        if unit is not None and self._by_name.get(unit.name) is unit and unit not in self._by_pid.values():
            del self._by_name[unit.name]
            self._orders.pop(unit.name, None)

    def rename(self, name: str, new: str) -> None:
        """A unit has another name from now on."""
        unit = self._by_name.pop(name, None)
        if unit is None:
            return
        unit.name = new
        unit.changes += 1
        self._by_name[new] = unit
        if name in self._orders:
            self._orders[new] = self._orders.pop(name)

    def _get(self, name: str) -> Unit:
        unit = self._by_name.get(name)
        if unit is None:
            unit = self._by_name[name] = Unit(name)
            unit.set_limit(self.interval, self.burst)
        return unit


def monotonic() -> int:
    """The monotonic clock, microseconds."""
    return time.monotonic_ns() // 1000
