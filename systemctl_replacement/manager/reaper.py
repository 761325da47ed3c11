"""The one place where the manager waits for children: orphans of killed supervisors, and those of strangers.

The processes of a killed supervisor fall to us. They are watched until they end, each end told to its unit; other
children that nobody knows (of `docker exec` sessions, say) are collected and never touched.
"""

from __future__ import annotations

import os

from systemctl_replacement.manager.loop import now_stamp
from systemctl_replacement.manager.tracking import Tracking
from systemctl_replacement.process import descendants
from systemctl_replacement.units.events import Empty, Event, Exited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Callable, Optional, TypeVar

    T = TypeVar("T")

# No chain of parents is longer: a guard against reading /proc while it changes.
_DEEPEST = 1024


class Reaper:
    """Waits for children, and knows which unit a process belongs to."""

    def __init__(
        self,
        trackings: dict[str, Tracking],
        own: Callable[[], set[int]],
        on_event: Callable[[str, Event], None],
        on_settled: Callable[[Tracking], None],
    ) -> None:
        self._trackings = trackings
        self._own = own  # the pids of forkserver, console and supervisors
        self._on_event = on_event
        self._on_settled = on_settled

    def owner(self, pid: int) -> Optional[str]:
        """The unit that a process belongs to."""
        return _at_once(self.looking_for_owner(pid))

    def pids(self, unit: str) -> list[int]:
        """Every process of a unit."""
        return _at_once(self.looking_for_pids(unit))

    def looking_for_owner(self, pid: int) -> Generator[None, None, Optional[str]]:
        """`owner`, found a little at each step."""
        supervised = {
            tracking.supervisor: tracking.unit for tracking in self._trackings.values() if tracking.supervisor
        }
        lost = {pid: tracking.unit for tracking in self._trackings.values() for pid in tracking.lost}
        if pid in supervised:
            return None
        for _ in range(_DEEPEST):
            if pid in supervised:
                return supervised[pid]
            stat = descendants.read_stat(pid)
            if pid in lost or stat is None or stat[1] <= 1:
                return lost.get(pid)
            pid = stat[1]
            yield
        return None

    def looking_for_pids(self, unit: str) -> Generator[None, None, list[int]]:
        """`pids`, found a little at each step."""
        tracking = self._trackings.get(unit)
        if tracking is None:
            return []
        found = descendants.children(tracking.supervisor) if tracking.supervisor else []
        for pid in found:  # grows while we walk
            found += descendants.children(pid)
            yield
        if tracking.lost:
            tracking.refresh_lost(self.foreign_children())
            found += list(tracking.lost)
        return found

    def foreign_children(self) -> list[int]:
        """Our direct children that are none of our own making."""
        own = self._own()
        return [pid for pid in descendants.children(os.getpid()) if pid not in own]

    def reap(self) -> None:
        """Collect every child that ended: SIGCHLD came. Orphans of nobody we know are reaped and forgotten."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._reaped(pid, status)

    def _reaped(self, pid: int, status: int) -> None:
        for tracking in list(self._trackings.values()):
            # A main process that is a zombie already counts as lost no longer, but its end is still to be told.
            if tracking.lost or pid in (tracking.main, tracking.control):
                self._lost_ended(tracking, pid, status)

    def _lost_ended(self, tracking: Tracking, pid: int, status: int) -> None:
        was_ours = pid in tracking.lost or pid in (tracking.main, tracking.control)
        tracking.forget_lost(pid)
        tracking.refresh_lost(self.foreign_children())
        empty = not tracking.lost and not tracking.populated
        if was_ours:
            code, number = decode_status(status)
            self._on_event(tracking.unit, Exited(pid, code, number, now_stamp(), last=empty))
        elif empty:
            self._on_event(tracking.unit, Empty())
        self._on_settled(tracking)


def _at_once(search: Generator[None, None, T]) -> T:
    while True:
        try:
            next(search)
        except StopIteration as end:
            found: T = end.value
            return found


def decode_status(status: int) -> tuple[str, int]:
    """(exited killed dumped, exit status or signal) of a wait status."""
    if os.WIFSIGNALED(status):
        return ("dumped" if os.WCOREDUMP(status) else "killed"), os.WTERMSIG(status)
    return "exited", os.WEXITSTATUS(status)
