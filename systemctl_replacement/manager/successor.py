"""Whether the program that is to take our place starts at all: found out before we give up ours for it.

An upgrade may have removed the interpreter, or be half done. PID 1 that executes something broken ends the container.
"""

from __future__ import annotations

import os

from systemctl_replacement.manager.loop import READ, Loop, now_monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

SIGKILL = 9

# Importing everything takes a fraction of a second; a machine that does many things at once gets more.
_PATIENCE_USEC = 30_000_000

ALIVE = b"READY\n"


class Probe:
    """Runs `command --probe`, which imports all a manager needs, and tells `done` what is wrong, "" for nothing."""

    def __init__(self, loop: Loop, command: list[str], done: Callable[[str], object]) -> None:
        """OSError if it cannot be executed."""
        self._loop = loop
        self._done = done
        self._answer = b""
        self._read, write = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = os.posix_spawn(
                command[0], [*command, "--probe"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)]
            )
        except OSError:
            os.close(self._read)
            raise
        finally:
            os.close(write)
        os.set_blocking(self._read, False)
        loop.add(self._read, READ, self._ready)
        self._timer = loop.call_at(now_monotonic() + _PATIENCE_USEC, self._too_late)

    def _ready(self, _events: int) -> None:
        data = os.read(self._read, 64)
        self._answer += data
        if not data:
            self._end("" if self._answer == ALIVE else "the program does not start")

    def _too_late(self) -> None:
        # Not reaped before the pipe is closed, so that the pid is still its own.
        os.kill(self._pid, SIGKILL)
        self._end("the program does not start in time")

    def _end(self, problem: str) -> None:
        self._timer.cancel()
        self._loop.remove(self._read)
        os.close(self._read)
        self._done(problem)
