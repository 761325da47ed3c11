"""Giving our place to the program executed anew, once it is known that it starts at all.

An upgrade may have removed the interpreter, or be half done. PID 1 that executes something broken ends the container.
"""

from __future__ import annotations

import os

from systemctl_replacement import paths
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.loop import READ, Loop, now_monotonic
from systemctl_replacement.process.spawn_program import spawn_program
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.supervision.manager_log import ManagerLog
from systemctl_replacement.supervision.patience import NOTHING, WORK, Helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.supervision.patience import Patience

# Importing everything takes a fraction of a second; a machine that does many things at once gets more.
_PATIENCE_USEC = 30_000_000

# A re-execution waits for messages to be taken: a little longer each time, about five seconds in all.
_DELAY_USEC = 1000
_MOST_DELAYS = 100

ALIVE = b"READY\n"


class Probe:
    """Runs `command --probe`, which imports all a manager needs, and tells `done` what is wrong, "" for nothing."""

    def __init__(self, loop: Loop, patience: Patience, command: list[str], done: Callable[[str], object]) -> None:
        """OSError if it cannot be executed."""
        self._loop = loop
        self._patience = patience
        self._done = done
        self._has_ended = False
        self._answer = b""
        self._read, write = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = spawn_program([*command, "--probe"], {}, {1: write})
            os.set_blocking(self._read, False)
            loop.add(self._read, READ, self._ready)
        except OSError:
            os.close(self._read)
            raise
        finally:
            os.close(write)
        self._timer = loop.call_at(now_monotonic() + _PATIENCE_USEC, self._too_late)
        helper = Helper(self._pid, "process that probes the program", self._gone)
        patience.expect(self, lambda: helper, lambda: NOTHING if self._has_ended else WORK)

    def _ready(self, _events: int) -> None:
        data = os.read(self._read, 64)
        self._answer += data
        if not data:
            self._end("" if self._answer == ALIVE else "the program does not start")

    def _gone(self) -> None:
        """It was killed and does not end; or it has ended just now, and what it has said is still to be read."""
        try:
            while not self._has_ended:
                self._ready(READ)
        except BlockingIOError:
            self._end("the program does not end")

    def _too_late(self) -> None:
        # Not reaped before the pipe is closed, so that the pid is still its own.
        os.kill(self._pid, SIGKILL)
        self._end("the program does not start in time")

    def _end(self, problem: str) -> None:
        self._has_ended = True
        self._timer.cancel()
        self._patience.over(self)
        self._loop.remove(self._read)
        os.close(self._read)
        self._done(problem)


class Succession:
    """A re-execution, from the request to the exec; if it fails nothing changes, and who asked for it is told.

    obstacle: what is on its way that could not be taken along, "" for nothing; rest: from now on nothing new is to be
    begun, so that the rest ends; go_on: it is, after all; execute: does it, or raises.
    """

    def __init__(
        self,
        loop: Loop,
        patience: Patience,
        obstacle: Callable[[], str],
        rest: Callable[[], object],
        go_on: Callable[[], object],
        execute: Callable[[], object],
        log: ManagerLog,
    ) -> None:
        self._loop = loop
        self._patience = patience
        self._obstacle = obstacle
        self._rest = rest
        self._go_on = go_on
        self._execute = execute
        self._log = log
        self._under_way = False
        self._waiters: list[Callable[[str], object]] = []
        self._delays = 0

    def begin(self, failed: Callable[[str], object] | None = None) -> None:
        """Execute ourselves again and keep everything; `failed` is told why if that cannot be."""
        self._waiters += [failed] if failed is not None else []
        if self._under_way:
            return
        self._under_way = True
        self._delays = 0
        try:
            Probe(self._loop, self._patience, paths.self_command(), self._probed)
        except OSError as error:
            self._fail(str(error))

    def _probed(self, problem: str) -> None:
        if problem:
            self._fail(problem)
        else:
            self._rest()
            self._go()

    def _go(self) -> None:
        obstacle = self._obstacle()
        if obstacle:
            self._delays += 1
            if self._delays > _MOST_DELAYS:
                self._fail(obstacle)
            else:
                self._loop.call_at(now_monotonic() + _DELAY_USEC * self._delays, self._go)
            return
        try:
            self._execute()
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, problem: str) -> None:
        self._under_way = False
        self._go_on()
        text = f"Cannot reexecute: {problem}"
        self._log.manager(LOG_ERR, text)
        waiters, self._waiters = self._waiters, []
        for failed in waiters:
            self._loop.guard(failed, text)
