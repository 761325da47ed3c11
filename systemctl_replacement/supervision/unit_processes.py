"""What the manager keeps of one unit's processes: the supervisor, what outlives it, and those that lost it.

The log pipe, the notify socket and the users of DynamicUser= belong to the manager, so that a new supervisor can take
them over. When a supervisor is killed its processes fall to us; which they are is known from its last reports and from
/proc.
"""

from __future__ import annotations

import _socket
import os
import select

from systemctl_replacement.process.descendants import (
    children,
    has_environment,
    read_stat,
    send,
    start_time,
    with_reserve,
)
from systemctl_replacement.process.link import Link
from systemctl_replacement.process.told import Told
from systemctl_replacement.supervision.kept_users import KeptUsers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping
    from typing import Any

    from systemctl_replacement.supervision.pace import Pace
    from systemctl_replacement.supervision.question import Question

# An end pays for a look at so many processes. The look at all of them comes when ends have paid for it.
_LOOKS_PER_END = 8


class Tracking:
    """The processes of one unit. `lost` maps the pids that have no supervisor to their start time in ticks."""

    __slots__ = (
        "_ends",
        "children",
        "control",
        "degraded",
        "early",
        "elsewhere",
        "ended",
        "has_foreign_main",
        "invocation_id",
        "is_unmade",
        "known_as",
        "late",
        "link",
        "log_read",
        "log_write",
        "lost",
        "main",
        "notify",
        "notify_access",
        "notify_path",
        "populated",
        "questions",
        "ready",
        "releasing",
        "removing",
        "replacing",
        "room",
        "sessions",
        "settings",
        "strangers",
        "supervisor",
        "tokens",
        "told",
        "unanswered",
        "undecided",
        "unit",
        "users",
    )

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.known_as = unit  # the name under which its supervisor knows the unit
        self.link: Link | None = None
        self.supervisor = 0
        self.ready = False
        self.is_unmade = False  # the supervisor was never made and never will be
        self.log_read = -1
        self.log_write = -1
        self.notify_path = ""
        self.notify: _socket.socket | None = None
        self.users = KeptUsers()
        self.children: list[tuple[int, int]] = []
        self.lost: dict[int, int] = {}
        self.sessions: set[int] = set()  # sessions of the lost processes, when last looked at
        self.undecided: dict[int, int] = {}  # as `lost`: in the middle of an exec, so that their unit cannot be told
        self.strangers: dict[int, int] = {}  # as `lost`: judged, and not the unit's
        self.ended: dict[int, tuple[int, tuple[int, int]] | None] = {}  # see `note_ends`
        self._ends = 0  # since all lost processes were last looked at
        self.late: list[dict[str, Any]] = []  # signals to all processes that the undecided have not had yet
        self.told = Told()  # of those that are lost; the supervisor knows of its own
        self.elsewhere = False  # its supervisor was taken over and is not below us, nor will its orphans be
        self.degraded = False
        self.invocation_id = ""  # of the life in which the supervisor died
        self.tokens: set[int] = set()  # spawn requests whose process has not been reported yet
        self.early: list[dict[str, Any]] = []  # messages sent to a supervisor before it said that it is ready
        self.unanswered: list[dict[str, Any]] = []  # requests to signal processes that have not been confirmed
        self.questions: list[Question] = []  # whether all that had arrived was passed on
        self.settings: dict[str, Any] = {}  # what the supervisor was told of its journal and of stopping
        self.removing = 0  # number of the request to remove directories that is under way
        self.populated = False
        self.main = 0
        self.control = 0
        self.has_foreign_main = False  # the main process is not below the supervisor
        self.releasing = False
        self.replacing: Pace | None = None  # of the supervisor, once one has died
        self.notify_access = ""  # as the supervisor was told
        self.room = 0  # how many more descriptors the unit may store, as the supervisor was told

    def open_channels(self, notify_path: str) -> None:
        """Make the log pipe and the notify socket. OSError."""
        self.log_read, self.log_write = os.pipe2(os.O_CLOEXEC)
        if notify_path:
            self.notify = make_notify_socket(notify_path)
            self.notify_path = notify_path

    def close(self) -> None:
        """Close and remove everything."""
        for fd in (self.log_read, self.log_write):
            if fd >= 0:
                os.close(fd)
        self.log_read = self.log_write = -1
        self.users.close()
        if self.notify is not None:
            self.notify.close()
            self.notify = None
        if self.notify_path:
            try:
                os.unlink(self.notify_path)
            except OSError:
                pass  # a tmpfs was emptied under us: the socket is gone in any case
            self.notify_path = ""
        if self.link is not None:
            self.link.close()
            self.link = None

    @property
    def idle(self) -> bool:
        """Whether no process is left or requested, and nothing is being removed."""
        return not (self.populated or self.tokens or self.has_strays or self.removing)

    @property
    def has_strays(self) -> bool:
        """Whether there are processes without a supervisor that belong, or may belong, to the unit."""
        return bool(self.lost or self.undecided or self.ended)

    @property
    def owes_answer(self) -> bool:
        """Whether the supervisor has yet to confirm a request."""
        return self.link is not None and bool(self.unanswered or self.tokens or self.releasing)

    @property
    def roots(self) -> list[int]:
        """The supervisor, above all processes of the unit, or those that have none."""
        return [self.supervisor] if self.supervisor else list(self.lost)

    @property
    def has_unread_output(self) -> bool:
        """Whether there is unread output in the log pipe."""
        if self.log_read < 0:
            return False
        poll = select.poll()
        poll.register(self.log_read, select.POLLIN)
        try:
            return bool(poll.poll(0))
        except OSError:
            return True  # poll(2) asks about no more than RLIMIT_NOFILE: there may be something

    # --- processes without a supervisor ---

    def adopt_orphans(self, invocation_id: str, foreign: Collection[int]) -> None:
        """The supervisor died: record every process that is known to be the unit's, or can be recognised as one."""
        self.invocation_id = invocation_id
        self.strangers = {}  # of another life
        known = {pid for pid, start in self.children if start_time(pid) == start}
        known.update(pid for pid in (self.main, self.control) if pid)
        self.sessions = _sessions(known)
        self.children = []  # they are lost now, or have ended
        self.note_lost(known)
        self.refresh_lost(foreign)

    def vanished(self, supervisor: int) -> list[int]:
        """Of the main and the control process those that have ended and nobody can tell how any more.

        A supervisor that is being killed closes its link before its children become ours.
        """
        heirs = (os.getpid(), supervisor)
        return [pid for pid in self.untracked if _is_gone(pid, heirs)]

    @property
    def untracked(self) -> list[int]:
        """Of the main and the control process those whose end we do not wait for, nor have to tell yet."""
        return [pid for pid in (self.main, self.control) if pid and pid not in self.lost and pid not in self.ended]

    def note_lost(self, pids: Iterable[int]) -> None:
        """Watch these processes, unless they have ended."""
        new = {pid: start for pid in pids if (start := start_time(pid)) is not None and self.lost.get(pid) != start}
        self.lost.update(new)
        for message in self.late if new else ():
            self._signal(new, message)

    def note_ends(self, ends: Mapping[int, tuple[int, int, tuple[int, int]]]) -> bool:
        """Take note of the processes among these that are the unit's, or may be: they wait in `ended` until the unit
        has been looked at. Whether there are any. Of who was in the middle of an exec there is nothing to tell.

        ends: pid -> (session, wait status, stamp); none of them exists any more.
        """
        for pid in ends.keys() & self.strangers.keys():
            del self.strangers[pid]  # another process may get the number
        unsure, ours = ends.keys() & self.undecided.keys(), ends.keys() & self.lost.keys()
        # A main process whose supervisor is dying may not count as lost yet.
        ours |= ends.keys() & {self.main, self.control}
        for pid in [pid for pid in ends if pid in ours or pid in unsure] if ours or unsure else ():
            self.lost.pop(pid, None)
            self.undecided.pop(pid, None)
            session, status, stamp = ends[pid]
            # A child may not have had the time to leave it.
            self.sessions |= {session} - {0}
            self.ended[pid] = (status, stamp) if pid in ours else None
            self._ends += 1
        return bool(ours or unsure)

    def refresh_lost(self, foreign: Collection[int]) -> None:
        """`looking` with thoroughness, all at once."""
        for _ in self.looking(foreign, thorough=True):
            pass

    def looking(self, foreign: Collection[int], thorough: bool = False) -> Generator[None, None, None]:
        """Update the set, one small step at a time: processes whose parent in the unit has ended; if `thorough`, also
        those that were forked below others. Ends may be noted in between, and several of these may be under way.

        foreign: the processes that have lost their parent.
        """
        orphans = set(foreign)
        # Of those that have ended, too: see `note_ends`.
        before = set(self.sessions)
        sessions = before | _sessions(self.lost)
        pinned: set[int] = set()
        if not self.elsewhere:
            # What is our child ends only when we reap it. Until then nobody else has its number.
            pinned = orphans
            self.strangers = {pid: start for pid, start in self.strangers.items() if pid in orphans}
        # As long as one of the lost is our child, those that have ended below it can wait.
        if thorough or self._ends * _LOOKS_PER_END >= len(self.lost) or pinned.isdisjoint(self.lost):
            self._ends = 0
            yield from self._look_at_lost(pinned)
        for pid in (orphans | self.undecided.keys()) - self.lost.keys() - (pinned & self.strangers.keys()):
            yield
            if self._judge(pid, sessions):
                self.note_lost([pid])
                yield from self._walk([pid])
        if not self.undecided:
            self.late = []
        self.sessions = (self.sessions - before) | _sessions(self.lost)

    def _look_at_lost(self, pinned: Collection[int]) -> Generator[None, None, None]:
        """Forget those that have ended, and find those below the others."""
        for pid, start in list(self.lost.items()):
            if pid not in pinned:
                if start_time(pid) != start and self.lost.get(pid) == start:
                    del self.lost[pid]
                yield
        yield from self._walk(list(self.lost))

    def _walk(self, found: list[int]) -> Generator[None, None, None]:
        """Find those below these."""
        for pid in found:  # the list grows during the walk
            for child in children(pid):
                if child not in self.lost:
                    self.note_lost([child])
                    found.append(child)
                    yield
            yield

    def _judge(self, pid: int, sessions: Collection[int]) -> bool:
        """Whether a process that has lost its parent is the unit's. The answer is remembered."""
        start = start_time(pid)
        then = self.undecided.pop(pid, start)
        if start is None or then != start or pid in self.lost or self.strangers.get(pid) == start:
            return False
        # Who has left its parent's session before its parent ended is known by its environment only.
        ours = session_of(pid) in sessions or _has_invocation(pid, self.invocation_id)
        if ours is None:
            self.undecided[pid] = start
        elif not ours:
            self.strangers[pid] = start
        return bool(ours)

    def dismiss_undecided(self) -> None:
        """Count these as strangers: nothing tells to which unit they belong."""
        self.strangers.update(self.undecided)
        self.undecided, self.late = {}, []

    def signal_lost(self, message: dict[str, Any]) -> None:
        """Signal, of those whom a message to the supervisor means, the processes that have none."""
        if self.undecided and "pids" not in message:
            self.late.append(message)
        self._signal(self.lost, message)

    def _signal(self, pids: Iterable[int], message: dict[str, Any]) -> None:
        named, spare = message.get("pids", self.lost), message.get("except", ())
        is_due = self.told.filter(message["why"], message["signal"], spare)
        for pid in pids:
            if pid in named and pid not in spare and is_due(pid):
                send(pid, message["signal"], message["cont"], message["hup"])


def make_notify_socket(path: str) -> _socket.socket:
    """A datagram socket that everyone may write to: credentials tell the senders apart."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK, 0)
    try:
        socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        socket.bind(path)
        os.chmod(path, 0o666)
    except BaseException:
        socket.close()
        raise
    return socket


def _is_gone(pid: int, parents: tuple[int, ...]) -> bool:
    """Whether a process has ended, unless one of these may still ask how."""
    stat = read_stat(pid)
    return stat is None or (stat[0] in "ZX" and stat[1] not in parents)


def session_of(pid: int) -> int:
    """The session of a process, 0 if it is gone or shares ours."""
    try:
        session = os.getsid(pid)
    except OSError:
        return 0
    return 0 if session == os.getsid(0) else session


def _sessions(pids: Iterable[int]) -> set[int]:
    return {session for session in map(session_of, pids) if session}


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _has_invocation(pid: int, invocation_id: str) -> bool | None:
    """Whether the process was started in the unit's present life, where its environment can be read. None in the
    middle of an exec, when it has none."""
    if not invocation_id:
        return False
    try:
        environment = with_reserve(_read, f"/proc/{pid}/environ")
        if not environment and not has_environment(pid):
            return None
    except OSError:
        return False
    return f"INVOCATION_ID={invocation_id}".encode() in environment.split(b"\0")
