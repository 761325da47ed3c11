"""The only place where the manager reaps children: processes of killed supervisors, and orphans of strangers.

The processes of a killed supervisor fall to us. They are watched until they end, each end told to its unit; other
children that nobody knows (of `docker exec` sessions, say) are collected and never touched. Those of a supervisor that
was taken over beside another PID 1 fall to that one: how they end nobody tells us, only that they do.
"""

from __future__ import annotations

import os

from systemctl_replacement.fair_queue import FairQueue
from systemctl_replacement.loop import LINKS, READ, SIGNALS, Loop, now_monotonic, now_stamp
from systemctl_replacement.process import descendants
from systemctl_replacement.process.foreign import LOOK_INTERVAL, Foreign
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.supervision.unit_processes import Tracking, session_of
from systemctl_replacement.units.events import Empty, Event, Exited
from systemctl_replacement.wait_status import decode_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Callable, Optional, TypeVar

    T = TypeVar("T")

# After this many in a row, a few milliseconds, everything else has its turn: new zombies may be made without end.
_REAPED_PER_TURN = 1000

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
        on_members: Callable[[Tracking], object],
    ) -> None:
        """on_members: other processes without a supervisor are a unit's than before."""
        self._loop = loop
        self._trackings = trackings
        self._own = own  # the pids of forkserver, console and supervisors
        self._on_event = on_event
        self._on_settled = on_settled
        self._on_members = on_members
        self.awaited: dict[int, Callable[[int], object]] = {}  # children of no unit -> whom their wait status is told
        self.stopped: dict[int, Callable[[], object]] = {}  # children -> who is told that somebody has stopped them
        self._reaping = False  # some are left for the next turn
        self._looks = FairQueue(loop, LINKS)
        self._asked: set[Tracking] = set()  # those that wait for a look
        self._deciding: set[Tracking] = set()  # those with a later look ahead, because of an exec
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
            try:
                yield from tracking.looking(self._strangers(tracking), thorough=True)
            finally:  # the caller may go away
                self._looked(tracking)
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
        return [(pid, *decode_status(descendants.wait_status(pid))) for pid in tracking.untracked]

    def inherit(self, tracking: Tracking) -> None:
        """Take over the processes that another manager tracked."""
        me = os.getpid()
        tracking.elsewhere |= me != 1 and not all(descendants.is_below(pid, me) for pid in tracking.roots)
        self.follow(tracking)

    def refresh(self, tracking: Tracking) -> None:
        """Update a unit's processes that have no supervisor, all at once."""
        tracking.refresh_lost(self._strangers(tracking))
        self._looked(tracking)

    def _looked(self, tracking: Tracking) -> None:
        self.follow(tracking)
        if not tracking.has_strays:
            self._look_soon(tracking)  # and tell that it is empty

    def follow(self, tracking: Tracking) -> None:
        """Watch a unit's processes that have no supervisor."""
        self._watch(tracking)
        self._on_members(tracking)
        if tracking.undecided:
            self._decide_later(tracking, _FIRST_LOOK_USEC)

    def _decide_later(self, tracking: Tracking, usec: int) -> None:
        """Look again at the processes in the middle of an exec, after twice the time if they still are."""
        if tracking not in self._deciding:
            self._deciding.add(tracking)
            at = now_monotonic() + usec
            self._loop.call_at(at, lambda: self._looks.add(tracking, self._decide(tracking, usec)))

    def _decide(self, tracking: Tracking, usec: int) -> Generator[None, None, None]:
        try:
            yield from self._look_again(tracking)
        finally:
            self._deciding.discard(tracking)
        if usec >= _LAST_LOOK_USEC:
            tracking.dismiss_undecided()
        if tracking.undecided:
            self._decide_later(tracking, 2 * usec)
        yield from self._tell(tracking, [])

    def _look_soon(self, tracking: Tracking) -> None:
        """Look at a unit, then tell which of its processes have ended, and whether it is empty."""
        if tracking not in self._asked:
            self._asked.add(tracking)
            self._looks.add(tracking, self._look(tracking))

    def _look(self, tracking: Tracking) -> Generator[None, None, None]:
        self._asked.discard(tracking)
        ended = list(tracking.ended)  # what ends from now on is for the next look
        try:
            yield from self._look_again(tracking)
        except Exception:
            self._looks.add(tracking, self._tell(tracking, ended))  # they are known all the same
            raise
        yield from self._tell(tracking, ended)

    def _look_again(self, tracking: Tracking) -> Generator[None, None, None]:
        if self._trackings.get(tracking.unit) is tracking:
            yield from tracking.looking(self._strangers(tracking))
            self.follow(tracking)

    def _tell(self, tracking: Tracking, ended: list[int]) -> Generator[None, None, None]:
        """Tell of these ends, and whether the unit is empty. Those that matter come last: they may begin another
        life, which has nothing to do with the others."""
        told_all = False
        for pid in sorted(ended, key=lambda pid: pid in (tracking.main, tracking.control)):
            if self._trackings.get(tracking.unit) is not tracking:
                return
            end = tracking.ended.pop(pid, None)
            if end is not None:
                code, number = decode_status(end[0])
                told_all = not (tracking.has_strays or tracking.populated)
                self._on_event(tracking.unit, Exited(pid, code, number, end[1], last=told_all))
                yield
        if self._trackings.get(tracking.unit) is not tracking:
            return
        if not (told_all or tracking.has_strays or tracking.populated or tracking.tokens):
            self._on_event(tracking.unit, Empty())
        self._on_settled(tracking)

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
        self._loop.call_at(now_monotonic() + int(LOOK_INTERVAL * 1_000_000), self._look_after_foreign)

    def _look_after_foreign(self) -> None:
        self._foreign.look()
        if self._foreign.to_be_looked_after:
            self._look_later()

    def _ended_elsewhere(self, pid: int) -> None:
        # How it ended is its parent's to know. Where the kernel does not tell us, it is taken for a success, which
        # systemd does as well.
        self._note({pid: (session_of(pid), descendants.wait_status(pid), now_stamp())})

    def _strangers(self, tracking: Tracking) -> list[int]:
        """Processes that have lost their parent, among which may be some of the unit's: they are children of ours or,
        elsewhere, of PID 1. What is known to be another unit's is left out: where many supervisors are killed, each
        unit would judge the processes of all."""
        others = self._own()
        found = descendants.children(os.getpid())
        if tracking.elsewhere:
            found += [pid for pid in descendants.children(1) if pid != os.getpid()]
        else:  # nobody else has the number of a child of ours
            trackings = [other for other in self._trackings.values() if other is not tracking]
            about_to_be_lost = [pid for other in trackings for pid, _ in other.children]
            others = others.union(about_to_be_lost, *[other.lost for other in trackings])
        return [pid for pid in found if pid not in others]

    def reap(self) -> None:
        """Reap every child that has ended (SIGCHLD), and see which have been stopped. Unknown orphans are reaped and
        forgotten."""
        ends: dict[int, tuple[int, int, tuple[int, int]]] = {}
        while len(ends) < _REAPED_PER_TURN:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is None:
                    break
                session = session_of(ended.si_pid)  # as long as it has one
                pid, status = os.waitpid(ended.si_pid, os.WNOHANG)
            except ChildProcessError:
                break
            ends[pid] = session, status, now_stamp()
        else:
            self._reap_later()
        self._note(ends)
        for pid in self.awaited.keys() & ends.keys():
            self._loop.guard(self.awaited.pop(pid), ends[pid][1])
        for pid, tell in list(self.stopped.items()):
            if _was_stopped(pid):
                self._loop.guard(tell)

    def _reap_later(self) -> None:
        """No further signal will come for those that are left."""
        if not self._reaping:
            self._reaping = True
            self._loop.defer(SIGNALS, self._reap_the_rest)

    def _reap_the_rest(self) -> None:
        self._reaping = False
        self.reap()

    def _note(self, ends: dict[int, tuple[int, int, tuple[int, int]]]) -> None:
        for tracking in list(self._trackings.values()) if ends else ():
            self._loop.guard(self._note_of, tracking, ends)

    def _note_of(self, tracking: Tracking, ends: dict[int, tuple[int, int, tuple[int, int]]]) -> None:
        if tracking.note_ends(ends):
            self._on_members(tracking)
            self._look_soon(tracking)


def _was_stopped(pid: int) -> bool:
    """Whether a child has been stopped since it was asked for last."""
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG) is not None
    except ChildProcessError:
        return False  # it has ended, or is somebody else's


def _at_once(search: Generator[None, None, T]) -> T:
    while True:
        try:
            next(search)
        except StopIteration as end:
            found: T = end.value
            return found
