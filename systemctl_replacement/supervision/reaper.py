"""The only place where the manager reaps children: processes of killed supervisors, and orphans of strangers.

The processes of a killed supervisor fall to us. They are watched until they end, each end told to its unit; other
children that nobody knows (of `docker exec` sessions, say) are collected and never touched. Those of a supervisor that
was taken over beside another PID 1 fall to that one: how they end nobody tells us, only that they do.
"""

from __future__ import annotations

import os

from systemctl_replacement.loop import READ, Loop, now_monotonic, now_stamp
from systemctl_replacement.process import descendants
from systemctl_replacement.process.foreign import LOOK_INTERVAL, Foreign
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.units.events import Empty, Event, Exited
from systemctl_replacement.wait_status import decode_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Callable, Optional, TypeVar

    T = TypeVar("T")

# After this many in a row everything else has its turn: new zombies may be made without end.
_REAPED_PER_TURN = 64

# No chain of parents is longer. It guards against loops while /proc changes.
_DEEPEST = 1024

# An exec takes less than a millisecond unless it has to wait for a processor or a disk. Where it takes seconds, or the
# kernel does not tell that it is over, the process counts as a stranger.
_FIRST_LOOK_USEC, _LAST_LOOK_USEC = 5_000, 2_560_000


class Reaper:
    """Reaps children, and knows to which unit a process belongs."""

    def __init__(
        self,
        loop: Loop,
        trackings: dict[str, Tracking],
        own: Callable[[], set[int]],
        on_event: Callable[[str, Event], None],
        on_settled: Callable[[Tracking], None],
    ) -> None:
        self._loop = loop
        self._trackings = trackings
        self._own = own  # the pids of forkserver, console and supervisors
        self._on_event = on_event
        self._on_settled = on_settled
        self._deciding: set[Tracking] = set()  # those with a look ahead
        self._foreign = Foreign(
            lambda fd, ended: loop.add(fd, READ, lambda _events: ended()), loop.remove, self._ended_elsewhere
        )

    def owner(self, pid: int) -> Optional[str]:
        """The unit that a process belongs to."""
        return _at_once(self.looking_for_owner(pid))

    def pids(self, unit: str) -> list[int]:
        """Every process of a unit."""
        return _at_once(self.looking_for_pids(unit))

    def looking_for_owner(self, pid: int) -> Generator[None, None, Optional[str]]:
        """`owner` as a generator, one small step at a time."""
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
        """`pids` as a generator, one small step at a time."""
        tracking = self._trackings.get(unit)
        if tracking is None:
            return []
        found = descendants.children(tracking.supervisor) if tracking.supervisor else []
        for pid in found:  # the list grows during the walk
            found += descendants.children(pid)
            yield
        if tracking.has_strays:
            self.refresh(tracking)
            found += list(tracking.lost)
        return found

    def adopt(self, tracking: Tracking, invocation_id: str, died: int) -> None:
        """The supervisor, process `died`, was killed: find the unit's processes, and watch them."""
        # It closes its link before its children become ours: looked for there first, none is between the two.
        below = descendants.children(died) if died else []
        tracking.adopt_orphans(invocation_id, [*below, *self._strangers(tracking)])
        self.follow(tracking)

    def untold_ends(self, tracking: Tracking, supervisor: int, is_there: bool) -> list[tuple[int, str, int]]:
        """(pid, code, status) of those of the main and the control process that have ended and that nobody tells of.

        supervisor: that was killed. It took the status of what it had reaped and not reported with it; if it is still
        there, because it does not end, it will never reap anybody.
        """
        if not is_there:
            return [(pid, "killed", SIGKILL) for pid in tracking.vanished(supervisor)]
        ended = [pid for pid in (tracking.main, tracking.control) if pid and pid not in tracking.lost]
        return [(pid, *decode_status(descendants.wait_status(pid))) for pid in ended]

    def inherit(self, tracking: Tracking) -> None:
        """Take over the processes that another manager tracked."""
        me = os.getpid()
        tracking.elsewhere |= me != 1 and not all(descendants.is_below(pid, me) for pid in tracking.roots)
        self.follow(tracking)

    def refresh(self, tracking: Tracking) -> None:
        """Update a unit's processes that have no supervisor."""
        tracking.refresh_lost(self._strangers(tracking))
        self.follow(tracking)

    def follow(self, tracking: Tracking) -> None:
        """Watch a unit's processes that have no supervisor."""
        self._watch(tracking)
        if tracking.undecided:
            self._decide_later(tracking, _FIRST_LOOK_USEC)

    def _decide_later(self, tracking: Tracking, usec: int) -> None:
        """Look again at the processes in the middle of an exec, after twice the time if they still are."""
        if tracking in self._deciding:
            return
        self._deciding.add(tracking)

        def look() -> None:
            self._deciding.discard(tracking)
            if self._trackings.get(tracking.unit) is not tracking:
                return
            tracking.refresh_lost(self._strangers(tracking))
            if tracking.undecided and usec >= _LAST_LOOK_USEC:
                tracking.dismiss_undecided()
            if tracking.undecided:
                self._decide_later(tracking, 2 * usec)
            self.follow(tracking)
            if not (tracking.has_strays or tracking.populated or tracking.tokens):
                self._on_event(tracking.unit, Empty())
                self._on_settled(tracking)

        self._loop.call_at(now_monotonic() + usec, look)

    def _watch(self, tracking: Tracking) -> None:
        """Watch for the end of processes that are not our children."""
        if not tracking.elsewhere:
            return
        was_looking = self._foreign.to_be_looked_after
        for pid in list(tracking.lost):
            self._foreign.watch(pid)
        if self._foreign.to_be_looked_after and not was_looking:
            self._look_later()

    def _look_later(self) -> None:
        self._loop.call_at(now_monotonic() + int(LOOK_INTERVAL * 1_000_000), self._look)

    def _look(self) -> None:
        self._foreign.look()
        if self._foreign.to_be_looked_after:
            self._look_later()

    def _ended_elsewhere(self, pid: int) -> None:
        # How it ended is its parent's to know. Where the kernel does not tell us, it is taken for a success, which
        # systemd does as well.
        self._reaped(pid, descendants.wait_status(pid))

    def _strangers(self, tracking: Tracking) -> list[int]:
        """Processes that have lost their parent, among which may be some of the unit's: they are children of ours or,
        elsewhere, of PID 1."""
        own = self._own()
        found = descendants.children(os.getpid())
        if tracking.elsewhere:
            found += [pid for pid in descendants.children(1) if pid != os.getpid()]
        return [pid for pid in found if pid not in own]

    def reap(self) -> None:
        """Reap every child that has ended (SIGCHLD). Unknown orphans are reaped and forgotten."""
        for _ in range(_REAPED_PER_TURN):
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._reaped(pid, status)
        self._loop.call_soon(self.reap)  # no further signal will come for those that are left

    def _reaped(self, pid: int, status: int) -> None:
        for tracking in list(self._trackings.values()):
            # A main process that is a zombie already counts as lost no longer, but its end is still to be told.
            if tracking.has_strays or pid in (tracking.main, tracking.control):
                self._loop.guard(self._lost_ended, tracking, pid, status)

    def _lost_ended(self, tracking: Tracking, pid: int, status: int) -> None:
        was_ours = pid in tracking.lost or pid in (tracking.main, tracking.control)
        tracking.forget_lost(pid)
        self.refresh(tracking)
        empty = not tracking.has_strays and not tracking.populated
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
