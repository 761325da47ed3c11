"""What others make the manager say is limited by whom or what it is about, as :mod:`systemctl_replacement.log_limit`
has it."""

from __future__ import annotations

from systemctl_replacement.log_limit import BURST, LogLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Callable

    from systemctl_replacement.loop import Loop

_FEW = 64


class LogLimits:
    """The limits that were needed so far, by key."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._limits: dict[Hashable, LogLimit] = {}
        self._crowded = _FEW  # with so many, those whose interval is over are forgotten

    def __len__(self) -> int:
        return len(self._limits)

    def log(self, key: Hashable, priority: int, text: str, say: Callable[[int, str], object]) -> None:
        """Write a line with `say`, unless there were too many with this key."""
        if self.admits(key, say):
            say(priority, text)

    def admits(self, key: Hashable, say: Callable[[int, str], object], burst: int = BURST) -> bool:
        """Whether one more line with this key may be written. How many were not is told with `say` in the end."""
        limit = self._limits.get(key)
        if limit is None:
            if len(self._limits) >= self._crowded:
                self._limits = {known: one for known, one in self._limits.items() if not one.over}
                self._crowded = max(_FEW, 2 * len(self._limits))
            limit = self._limits[key] = LogLimit(say, burst)
        was_due = limit.due
        admitted = limit.admits()
        if limit.due is not None and was_due is None:
            self._loop.call_at(limit.due, lambda: self._tell(key, limit))
        return admitted

    def tell(self) -> None:
        """Tell now how many were not written."""
        for limit in list(self._limits.values()):
            limit.tell()

    def _tell(self, key: Hashable, limit: LogLimit) -> None:
        limit.tell()
        if self._limits.get(key) is limit:
            del self._limits[key]
