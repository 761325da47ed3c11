"""The life of supervisors: requested, heard, looked after while they owe something, survived and replaced.

What falls to the manager itself is the reaper's; forkserver and console are the helpers'. What the units' processes do
is told to observers.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.loop import READ, Loop, now_stamp
from systemctl_replacement.observers import Observers
from systemctl_replacement.process import descendants
from systemctl_replacement.process.link import Link, close_fds
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.supervision import links
from systemctl_replacement.supervision.asking import identity
from systemctl_replacement.supervision.client import ForkServer
from systemctl_replacement.supervision.console import ConsoleHandle
from systemctl_replacement.supervision.helpers import Helpers
from systemctl_replacement.supervision.log_limits import LogLimits
from systemctl_replacement.supervision.news import Descriptors, ProcessEvent
from systemctl_replacement.supervision.pace import Pace
from systemctl_replacement.supervision.patience import ANSWER, NOTHING, WORK, Helper, Patience
from systemctl_replacement.supervision.question import Question
from systemctl_replacement.supervision.reaper import Reaper
from systemctl_replacement.supervision.reports import report, undelivered
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.units.events import Empty, Event, Exited, Removed, RemoverDied, SpawnFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

# What a supervisor says about what its unit has printed, when it ends.
_LAST_WORDS = ("unshown", "log-dropped")


class Supervisors:
    """The supervisors of all units, by unit id, and the helpers that make and serve them."""

    def __init__(
        self,
        loop: Loop,
        forkserver: ForkServer,
        console: ConsoleHandle | None,
        runtime: str,
        journal: Callable[[str], dict[str, Any]],
        log_unit: Callable[[str, int, str], None],
        patience: Patience,
        is_changing: Callable[[str], bool],
        room: Callable[[str], int],
    ) -> None:
        self.loop = loop
        self.trackings: dict[str, Tracking] = {}
        self.invocations: dict[str, str] = {}
        self.settings: dict[str, dict[str, Any]] = {}  # what a unit's supervisor must know; Tracking's owner sets it
        self.events: Observers[ProcessEvent] = Observers(loop.guard)
        self.descriptors: Observers[Descriptors] = Observers(loop.guard)
        self.idle: Observers[str] = Observers(loop.guard)  # units that have no process left, or no supervisor
        # Something is otherwise in which processes are a unit's, as whoever is told sees in its tracking.
        self.attributed: Observers[Tracking] = Observers(loop.guard)
        self.reaper = Reaper(
            loop, self.trackings, self._own_children, self._on_event, self._settled, self.attributed.tell
        )
        self._by_supervisor: dict[int, Tracking] = {}
        self._runtime = runtime
        self._journal = journal  # what a unit's supervisor must know of its file
        self._is_changing = is_changing  # whether a unit waits for something that its supervisor is to tell
        self._room = room  # how many more descriptors a unit may store
        self._log_unit = log_unit
        self._notify_number = 0
        self._removals = 0
        self._limits = LogLimits(loop)
        self._released: Callable[[], object] | None = None
        self._patience = patience
        self.helpers = Helpers(
            loop,
            forkserver,
            console,
            patience,
            lambda _level, text: self._trouble("", text),
            self._made,
            self._never_made,
            self.trackings,
            self._send,
        )

    def _on_event(self, unit: str, event: Event, never_made: bool = False) -> None:
        self.events.tell(ProcessEvent(unit, event, never_made))

    # --- forkserver and console ---

    def close(self) -> None:
        """Close every link. The forkserver, the console and the supervisors then exit."""
        for tracking in self.trackings.values():
            tracking.close()
        self.helpers.close()

    def _trouble(self, unit: str, text: str, level: int = LOG_ERR) -> None:
        """Log a problem, but not each time: the attempt may be repeated for long."""
        self._limits.log(unit, level, text, lambda level, text: self._log_unit(unit, level, text))

    def _own_children(self) -> set[int]:
        """The pids of our helpers: forkserver, console, supervisors."""
        return {*self.helpers.pids, *self._by_supervisor}

    def is_own(self, pid: int) -> bool:
        """Whether a process is the manager or one of its helpers."""
        if pid == os.getpid() or pid in self._own_children():
            return True
        # Children of the forkserver are helpers even before it has reported them.
        status = descendants.read_stat(pid)
        return status is not None and status[1] == self.helpers.forkserver.pid != 0

    def _made(self, tracking: Tracking, pid: int, problem: str) -> None:
        """The forkserver has answered a request."""
        if pid:
            self._appeared(tracking, pid)
        else:
            self._supervisor_failed(tracking, f"Failed to fork: {problem}")

    def _appeared(self, tracking: Tracking, pid: int) -> None:
        tracking.supervisor = pid
        self._by_supervisor[pid] = tracking
        self.helpers.settled(tracking)
        self.attributed.tell(tracking)
        self._tell_name(tracking)
        self._expect(tracking)

    # --- supervisors ---

    def track(self, unit: str, notify: bool) -> Tracking:
        """The tracking of a unit, whose supervisor is requested if there is none. OSError when descriptors run out."""
        tracking = self.trackings.get(unit)
        if tracking is not None and tracking.releasing:
            # Its supervisor has been told to end and would not hear of a new life of the unit, but may still read what
            # is sent to the old channels: the new life gets everything new.
            self._part_with(tracking)
            tracking.close()
            tracking = None
        if tracking is None:
            tracking = Tracking(unit)
            self._notify_number += 1
            path = f"{self._runtime}/notify/{os.getpid()}-{self._notify_number}" if notify else ""
            try:
                tracking.open_channels(path)
            except OSError:
                tracking.close()
                raise
            self.trackings[unit] = tracking
        if tracking.link is None:
            self._supervise(tracking)
        return tracking

    def _supervise(self, tracking: Tracking) -> None:
        settings = self.settings.get(tracking.unit, {})
        journal = {**self._journal(tracking.unit), **settings.get("journal", {})}
        tracking.link = link = self.helpers.ask(tracking, journal, settings.get("stopping", {}))
        tracking.supervisor = 0
        tracking.ready = tracking.is_unmade = False
        tracking.early, tracking.room = [], 0
        self.helpers.expect(tracking)
        try:
            self.loop.add(link.fileno(), READ, lambda _events: self._link_ready(tracking, link))
            tracking.users.give_all(lambda message, fds: self._send(tracking, message, fds))
            self._tell_room(tracking)
            if tracking.degraded:
                self._send(tracking, {"op": "adopted", "pids": list(tracking.lost)})
                self._send(tracking, identity(tracking))
            for question in tracking.questions:
                self._send(tracking, question.message)
        except OSError:
            self._drop_link(tracking)
            raise

    def adopt(self, tracking: Tracking) -> None:
        """Take over a tracking after a re-execution."""
        self.trackings[tracking.unit] = tracking
        self._removals = max(self._removals, tracking.removing)
        link = tracking.link
        if link is not None:
            self.loop.add(link.fileno(), READ, lambda _events: self._link_ready(tracking, link))
        if tracking.supervisor:
            self._by_supervisor[tracking.supervisor] = tracking
        elif link is not None and not tracking.ready:
            self.helpers.expect(tracking)
        self._tell_name(tracking)
        self._expect(tracking)
        self.reaper.inherit(tracking)
        self.loop.call_soon(lambda: self._see_to_reader(tracking))

    def _tell_name(self, tracking: Tracking) -> None:
        """Tell a supervisor what its unit is called now. One that is not there yet may never be, and is told later."""
        if tracking.supervisor and tracking.known_as != tracking.unit and not tracking.releasing:
            tracking.known_as = tracking.unit
            self._send(tracking, {"op": "rename", "unit": tracking.unit, "journal": self._journal(tracking.unit)})

    def _tell_room(self, tracking: Tracking, is_answer: bool = False) -> None:
        room = self._room(tracking.unit)
        if is_answer or room != tracking.room:
            tracking.room = room
            self._send(tracking, {"op": "store", "room": room, "answer": is_answer})

    def _never_made(self, tracking: Tracking) -> None:
        """Perhaps no supervisor has the other end of the link. Make sure, and request one again."""
        assert tracking.link is not None
        for message, fds in tracking.link.cut():
            self.loop.guard(self._received, tracking, message, fds)
        if tracking.ready:  # it is there, but it cannot be heard any more
            descendants.send(tracking.supervisor, SIGKILL)
            self._supervisor_died(tracking)
        elif self.helpers.is_there:
            self._supervise_again(tracking)
        else:
            self.loop.remove(tracking.link.fileno())
            tracking.is_unmade = True  # for the next forkserver

    def _supervise_again(self, tracking: Tracking) -> None:
        """The supervisor was never made. Request it again and repeat what it was told."""
        early = tracking.early
        self._drop_link(tracking)
        try:
            self._supervise(tracking)
        except OSError as error:
            self._supervisor_failed(tracking, f"Failed to fork: {error.strerror}")
            return
        for message in early:
            self._send(tracking, message)
        # What came with descriptors cannot be repeated: those are with the one that never was.
        repeated = {message["token"] for message in early if message["op"] == "spawn"}
        self._spawn_again(tracking, tracking.tokens - repeated, "Forkserver died")

    def _supervisor_failed(self, tracking: Tracking, message: str) -> None:
        self._drop_link(tracking)
        removing, tracking.removing = tracking.removing, 0
        if tracking.releasing:
            self._forget(tracking)  # no supervisor can be made to remove what its users leave
            return
        tokens, tracking.tokens = tracking.tokens, set()
        for token in sorted(tokens):
            self._on_event(tracking.unit, SpawnFailed(token, message))
        if removing:
            self._on_event(tracking.unit, Removed())
        self._settled(tracking)
        if self._needs_reader(tracking):
            self._trouble(tracking.unit, f"Cannot start a new supervisor, trying again: {message}")
        self._see_to_reader(tracking)

    def _spawn_again(self, tracking: Tracking, tokens: set[int], message: str) -> None:
        """Request processes once more that were certainly never made."""
        for token in sorted(tokens):
            tracking.tokens.discard(token)
            self._on_event(tracking.unit, SpawnFailed(token, message), never_made=True)

    def _drop_link(self, tracking: Tracking, is_closed: bool = True) -> None:
        if tracking.link is not None:
            self.loop.remove(tracking.link.fileno())
            if is_closed:
                tracking.link.close()
            tracking.link = None
        self._patience.over(tracking)
        self.helpers.settled(tracking)
        self._by_supervisor.pop(tracking.supervisor, None)
        tracking.supervisor = 0
        tracking.ready = False
        tracking.early, tracking.unanswered = [], []
        self.attributed.tell(tracking)

    def _part_with(self, tracking: Tracking) -> None:
        link = tracking.link
        self._drop_link(tracking, is_closed=False)
        if link is not None:
            self.loop.add(link.fileno(), READ, lambda _events: self._hear_out(tracking, link))
            self._hear_out(tracking, link)

    def _hear_out(self, tracking: Tracking, link: Link) -> None:
        """Pass on the last words of a supervisor that has been told to end, and is nobody's any more."""
        try:
            link.flush()
            received = link.receive()
        except (EOFError, OSError, ValueError, MemoryError):
            self.loop.remove(link.fileno())
            link.close()
            return
        for message, fds in received:
            close_fds(fds)
            if message["ev"] in _LAST_WORDS:
                self.loop.guard(self._received, tracking, message, [])
        links.watch(self.loop, link, lambda: self._hear_out(tracking, link), any(fds for _, fds in received))

    def _send(self, tracking: Tracking, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        link = tracking.link
        if link is None:
            return
        try:
            link.send(message, list(fds))
        except OSError as error:
            if fds or message["op"] == "spawn":
                raise
            self._undelivered(tracking, message, error)
            return
        if not (tracking.ready or fds or message["op"] == "store"):
            # To be repeated to another supervisor if this one never comes to be, which is made with its descriptors.
            tracking.early.append(message)
        if message["op"] in ("signal", "signal-all"):
            tracking.unanswered.append(message)
        links.watch(self.loop, link, lambda: self._link_ready(tracking, link))
        self._expect(tracking)

    def _undelivered(self, tracking: Tracking, message: dict[str, Any], error: OSError) -> None:
        undelivered(tracking, message, error, self._on_event, self._trouble)
        self._settle_questions(tracking)
        if message["op"] == "release":
            self.forget(tracking.unit)  # the end of the link says the same to who has nothing left to stop

    def when_heard(self, unit: str, then: Callable[[], object]) -> None:
        """Call back once everything that the unit's processes have sent, and their ends, is passed on; see
        :mod:`.question`. At once if there is no supervisor that could."""
        tracking = self.trackings.get(unit)
        if tracking is None or tracking.link is None or tracking.idle or not (tracking.ready or tracking.has_strays):
            then()
            return
        question = Question(self.loop, then)
        tracking.questions.append(question)
        self._send(tracking, question.message)

    def _settle_questions(self, tracking: Tracking) -> None:
        asked = tracking.questions
        if asked:
            tracking.questions = [each for each in asked if any(each.message is sent for sent in tracking.unanswered)]
            for question in asked:
                if question not in tracking.questions:
                    self.loop.guard(question.settle)

    # --- what supervisors owe ---

    def _expect(self, tracking: Tracking) -> None:
        if tracking.supervisor and self._debt(tracking):
            self._patience.expect(tracking, lambda: self._helper(tracking), lambda: self._debt(tracking))

    def _debt(self, tracking: Tracking) -> int:
        if not tracking.supervisor or tracking.link is None:
            return NOTHING
        if tracking.owes_answer:
            return ANSWER
        return WORK if tracking.removing or self._is_changing(tracking.unit) else NOTHING

    def _helper(self, tracking: Tracking) -> Helper:
        name = f"supervisor of {tracking.unit}"
        return Helper(tracking.supervisor, name, lambda: self._abandon(tracking))

    def _abandon(self, tracking: Tracking) -> None:
        """Go on without a supervisor that was killed but does not end."""
        link = tracking.link
        for message, fds in link.cut() if link is not None else ():
            self.loop.guard(self._received, tracking, message, fds)
        if link is not None and tracking.link is link:
            self._supervisor_died(tracking)

    def _link_ready(self, tracking: Tracking, link: Link) -> None:
        if tracking.link is not link:
            return
        for message, error in link.flush():
            self.loop.guard(self._undelivered, tracking, message, error)
        received: list[tuple[dict[str, Any], list[int]]] = []
        try:
            received = link.receive()
        except (OSError, ValueError, MemoryError) as error:
            self._trouble(tracking.unit, f"A message of the supervisor is lost: {error}")
        except EOFError:
            self.helpers.look()  # the forkserver may have died before it made one
            if tracking.link is link and not (tracking.ready or tracking.supervisor):
                self._never_made(tracking)
            elif tracking.link is link:
                self._supervisor_died(tracking)
            return
        for message, fds in received:
            self.loop.guard(self._received, tracking, message, fds)
        if tracking.link is link:
            rests = any(fds for _, fds in received)
            links.watch(self.loop, link, lambda: self._link_ready(tracking, link), rests)
        if not self._debt(tracking):
            self._patience.answered(tracking)
        self._settled(tracking)

    def _received(self, tracking: Tracking, message: dict[str, Any], fds: list[int]) -> None:
        if message.get("fds_lost"):
            self._trouble(tracking.unit, f"Failed to receive descriptors: {os.strerror(errno.EMFILE)}")
        if message["ev"] == "notify" and (fds or "refused" in message):
            self.descriptors.tell(Descriptors(tracking.unit, message["text"], fds, message.get("refused", 0)))
        else:
            close_fds(fds)
        if message["ev"] == "ready":
            tracking.ready, tracking.early = True, []
            self._appeared(tracking, message["pid"])
        elif message["ev"] == "console-full":
            if self.helpers.console is not None:
                self.helpers.console.look()
        elif message["ev"] == "unshown":
            if self.helpers.console is not None:
                self.helpers.console.print(message["text"])
        else:
            report(tracking, message, self._on_event, self._log_unit)
            if message["ev"] == "signalled":
                self._settle_questions(tracking)
            if fds or "asks" in message:
                self._tell_room(tracking, is_answer="asks" in message)

    def _supervisor_died(self, tracking: Tracking) -> None:
        """The supervisor died, most likely killed. Its processes are ours now. A new one takes over the output."""
        unit, released, unanswered, died = tracking.unit, tracking.releasing, tracking.unanswered, tracking.supervisor
        is_there = died in self._patience.left  # still their parent: we shall not reap them
        tracking.elsewhere |= is_there
        self._drop_link(tracking)
        removing, tracking.removing = tracking.removing, 0
        if released:
            self._forget(tracking)
            return
        self._trouble(unit, "Supervisor died; its processes are watched by the manager directly.", LOG_WARNING)
        tracking.degraded, tracking.populated = True, False
        self.reaper.adopt(tracking, self.invocations.get(unit, ""), died)
        self.attributed.tell(tracking)
        self._spawn_again(tracking, set(tracking.tokens), "Supervisor died")
        if self.trackings.get(unit) is not tracking:
            return  # what the unit does then has ended its life, and this was all of it
        self._see_to_reader(tracking)
        for message in unanswered:  # it may not have got so far
            tracking.signal_lost(message)
        # Ends that came before the death was noticed.
        self.loop.call_soon(self.reaper.reap)
        self._check_lost(tracking, died, is_there)
        if removing:
            self._on_event(tracking.unit, RemoverDied())

    # --- somebody must read ---

    def _needs_reader(self, tracking: Tracking) -> bool:
        """Whether nobody reads the output and the notifications of processes that are left, or what they have left."""
        is_over = tracking.releasing or self.trackings.get(tracking.unit) is not tracking
        return not is_over and tracking.link is None and (tracking.has_strays or tracking.has_unread_output)

    def _see_to_reader(self, tracking: Tracking) -> None:
        """Request a supervisor for a unit that needs one to read; after a pause if the last one was requested just now.

        The only place that decides so, whatever has become of the one before."""
        if self._needs_reader(tracking):
            if tracking.replacing is None:
                tracking.replacing = Pace(self.loop, lambda: self._make_reader(tracking))
            tracking.replacing.want()
        elif tracking.link is None:
            self._settle_questions(tracking)  # there is nothing to be read

    def _make_reader(self, tracking: Tracking) -> None:
        if self._needs_reader(tracking):
            try:
                self._supervise(tracking)
            except OSError as error:
                self._supervisor_failed(tracking, str(error.strerror))

    def _check_lost(self, tracking: Tracking, supervisor: int, is_there: bool) -> None:
        for pid, code, status in self.reaper.untold_ends(tracking, supervisor, is_there):
            self._on_event(tracking.unit, Exited(pid, code, status, now_stamp(), last=not tracking.has_strays))
        if not tracking.has_strays and not tracking.main and not tracking.control:
            self._on_event(tracking.unit, Empty())
        self._settled(tracking)

    def _settled(self, tracking: Tracking) -> None:
        if tracking.idle and self.trackings.get(tracking.unit) is tracking:
            self.idle.tell(tracking.unit)

    def forget(self, unit: str) -> None:
        """A unit has no processes left, and its name is another's: its supervisor, which may end, is nobody's."""
        tracking = self.trackings.get(unit)
        if tracking is not None:
            self._drop_link(tracking)
            self._forget(tracking)

    def _forget(self, tracking: Tracking) -> None:
        tracking.close()
        for question in tracking.questions:
            self.loop.call_soon(question.settle)
        if self.trackings.get(tracking.unit) is tracking:
            del self.trackings[tracking.unit]
            self.invocations.pop(tracking.unit, None)
            self.settings.pop(tracking.unit, None)
            self.idle.tell(tracking.unit)
            if self._released is not None and not self.trackings:
                self._released()
