"""How far the boot is, and who waits for its end."""

from __future__ import annotations

from systemctl_replacement.loop import now_stamp
from systemctl_replacement.observers import Observers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class BootProgress:
    """The boot that this manager does, or did before a re-execution.

    record: its id, its stamps `start` and `finish`, and what became of `named` units, as plain data. ended: told once,
    when no job of it is left.
    """

    def __init__(self, record: dict[str, Any], guard: Callable[..., object]) -> None:
        self.record = record
        self.done = False
        self.ended: Observers[BootProgress] = Observers(guard)

    def stamp(self, name: str) -> tuple[int, int]:
        """(realtime, monotonic) of `start` or `finish` in microseconds; zeros if it is still to come."""
        realtime, monotonic = self.record.get(name, (0, 0))
        return realtime, monotonic

    @property
    def named(self) -> dict[str, Any]:
        """The units that the command line names, with what `.named_units` keeps of each; empty if the container does
        not end with them."""
        named: dict[str, Any] = self.record.setdefault("named", {})
        return named

    def end(self) -> None:
        """No job of the boot is left."""
        self.record["finish"] = list(now_stamp())
        self.done = True
        self.ended.tell(self)
