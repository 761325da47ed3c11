"""Processes that still run when every unit is down: left behind by units on purpose, or sessions of `docker exec`.

They are signalled, waited for and finally killed, as by systemd-shutdown. None is killed without a signal before. Who
cannot be looked at, because we have no descriptors, is signalled all the same (as PID 1), and given a moment.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.few_names import few
from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import READ, now_monotonic
from systemctl_replacement.process import descendants
from systemctl_replacement.signals import SIGKILL, SIGTERM
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.loop import Loop, Timer


# Wait for this many at a time, because there may be more processes than we have descriptors.
_MOST_WATCHED = 64
# Between two looks without a pidfd.
_LOOK_USEC = 100_000
# Who ends within this time needs no line in the log, as with systemd-shutdown.
_SLOW_USEC = 10_000_000
# A client that asked for the halt and was answered exits by itself within this time.
_SPARED_USEC = 1_000_000
# How long those have to end who were signalled without a look at them.
UNSEEN_USEC = 2_000_000
# Before another look if the last one may have missed a process.
_DOUBT_USEC = 5_000


class Remains:
    """The processes that `find` names, again and again until it names none.

    tell_unseen: sends SIGTERM to all processes, whoever they are; False if that is not ours to do.
    """

    def __init__(
        self,
        loop: Loop,
        find: Callable[[], Iterable[int]],
        log: Callable[[int, str], object],
        tell_unseen: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._find = find
        self._tell_unseen = tell_unseen
        self._log = log
        self._told: dict[int, int] = {}  # pid -> start time, of those that were signalled
        self._denied: set[int] = set()
        self._spared: dict[int, tuple[int, int]] = {}  # pid -> (start time, until when)
        self._dead: set[tuple[int, int]] = set()  # (pid, start time) of those that the last look has found dead
        self._in_doubt = False  # a process ended while we looked, and its children may have been missed
        self._watched: dict[int, int] = {}  # pid -> pidfd
        self._unseen = ""  # why the last look failed
        self._unseen_until = 0  # when those that were signalled without a look are given up
        self._next_look: Timer | None = None
        self._limit: Timer | None = None
        self._slow: Timer | None = None  # when it is said who is waited for
        self._killing = False
        self._on_kill: Callable[[], object] | None = None  # once it is time to kill
        self._then: Callable[[], object] | None = None

    @property
    def told(self) -> list[tuple[int, int]]:
        """(pid, start time) of those that were signalled."""
        return list(self._told.items())

    @told.setter
    def told(self, told: Iterable[tuple[int, int]]) -> None:
        self._told = dict(told)

    def spare(self, pid: int) -> None:
        """Leave a process alone for a moment that is about to exit by itself, with its own status."""
        stat = descendants.read_stat(pid)
        if stat is not None:
            self._spared[pid] = (stat[3], now_monotonic() + _SPARED_USEC)

    def is_spared(self, pid: int, start: int) -> bool:
        """Whether a process is left alone for now."""
        of, until = self._spared.get(pid, (0, 0))
        return of == start and now_monotonic() < until

    @property
    def any_left(self) -> bool:
        """Whether any are left."""
        return bool(self._left()) or bool(self._unseen)

    def terminate(self) -> list[int]:
        """SIGTERM to each that had none, SIGHUP if it has a terminal (shells ignore SIGTERM). Returns who is left."""
        left = self._left()
        if self._unseen and not self._unseen_until and self._tell_unseen():
            self._unseen_until = now_monotonic() + UNSEEN_USEC
            self._log(LOG_WARNING, f"Cannot look at processes ({self._unseen}). Sent SIGTERM to all of them.")
        untold = [(pid, start) for pid, start in left if self._told.get(pid) != start]
        if any(self.is_spared(*process) for process in untold):
            self._look_later(_LOOK_USEC)
            untold = [process for process in untold if not self.is_spared(*process)]
        if untold and not self._told:
            self._log(LOG_INFO, "Sending SIGTERM to remaining processes...")
        for pid, start in untold:
            self._told[pid] = start
            self._send(pid, SIGTERM, hup=descendants.has_terminal(pid))
        return [pid for pid, _ in left]

    def kill(self) -> list[int]:
        """Send SIGKILL to all. Returns those that existed."""
        left = self._left()
        if left and not self._killing:
            self._log(LOG_WARNING, "Sending SIGKILL to remaining processes...")
        for pid, _ in left:
            if not self._killing:
                self._log(LOG_WARNING, f"Sending SIGKILL to PID {pid} ({descendants.name(pid)}).")
            self._send(pid, SIGKILL)
        self._killing = self._killing or not self._unseen
        return [pid for pid, _ in left]

    def _left(self) -> list[tuple[int, int]]:
        """(pid, start time) of the living ones that we may signal. Nobody if they cannot be looked at: there are no
        descriptors or memory, which may change."""
        self._unseen = ""
        try:
            return self._find_living()
        except OSError as error:
            self._unseen = error.strerror or str(error)
            return []

    def _find_living(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        dead: set[tuple[int, int]] = set()
        ended = False
        for pid in self._find():
            stat = descendants.read_stat(pid)
            if stat is None:
                ended = True
            elif stat[0] in "ZX":
                dead.add((pid, stat[3]))
            elif pid not in self._denied:
                found.append((pid, stat[3]))
        # Whoever was dead before this look has no children that it could have missed.
        self._in_doubt = ended or not dead <= self._dead
        self._dead = dead
        return found

    def _send(self, pid: int, signal: int, hup: bool = False) -> None:
        if not descendants.send(pid, signal, cont=True, hup=hup):
            self._denied.add(pid)

    # --- waiting ---

    def end(self, usec: int, kill_usec: int, killed: Callable[[], object], then: Callable[[], object]) -> None:
        """Terminate them. After `usec` (INFINITY: never) call `killed`, if any are left, and kill. If none is left, or
        `kill_usec` after that, call `then`."""
        self._then = then

        def kill() -> None:
            self._limit = self._loop.call_at(now_monotonic() + kill_usec, self._give_up)
            self._on_kill = killed
            self._look()

        self._slow = self._loop.call_at(now_monotonic() + _SLOW_USEC, self._say_who_is_left)
        if usec != INFINITY:
            self._limit = self._loop.call_at(now_monotonic() + usec, kill)
        self._look()

    def _give_up(self) -> None:
        """There was time enough to kill them. Whoever is left ends with us."""
        if self._in_doubt and self._on_kill is not None:
            self._log(LOG_WARNING, "Cannot catch remaining processes: each has ended before it could be looked at.")
            self._on_kill()
        self._over()

    def _say_who_is_left(self) -> None:
        left = [f"{pid} ({descendants.name(pid)})" for pid, _ in self._left()]
        if left:
            self._log(LOG_WARNING, f"Waiting for process: {few(left)}")

    def _look(self) -> None:
        if self._then is None:
            return
        left = self.kill() if self._on_kill is not None or self._killing else self.terminate()
        if self._unseen:
            if self._unseen_until and now_monotonic() >= self._unseen_until:
                self._over()  # whoever is left ends with us
            else:
                self._look_later(_LOOK_USEC)
            return
        if not left and not self._in_doubt:
            self._over()
            return
        if self._on_kill is not None:
            self._on_kill()
        for pid in left:
            if len(self._watched) < _MOST_WATCHED:
                self._watch(pid)
        if not self._watched:
            self._look_later(_LOOK_USEC if left else _DOUBT_USEC)

    def _watch(self, pid: int) -> None:
        if pid in self._watched:
            return
        try:
            fd = syscalls.open_pidfd(pid)
        except OSError:  # it is gone, which the next look will notice, or there are no pidfds
            self._look_later(_LOOK_USEC)
            return
        try:
            self._loop.add(fd, READ, lambda _events: self._ended(pid))
        except OSError:  # too many are watched
            os.close(fd)
            self._look_later(_LOOK_USEC)
            return
        self._watched[pid] = fd

    def _look_later(self, usec: int) -> None:
        if self._next_look is None:
            self._next_look = self._loop.call_at(now_monotonic() + usec, self._look_again)

    def _look_again(self) -> None:
        self._next_look = None
        self._look()

    def _ended(self, pid: int) -> None:
        self._unwatch(pid)
        if not self._watched:
            self._look()

    def _unwatch(self, pid: int) -> None:
        fd = self._watched.pop(pid)
        self._loop.remove(fd)
        os.close(fd)

    def _over(self) -> None:
        for timer in (self._limit, self._next_look, self._slow):
            if timer is not None:
                timer.cancel()
        for pid in list(self._watched):
            self._unwatch(pid)
        then, self._then = self._then, None
        if then is not None:
            then()
