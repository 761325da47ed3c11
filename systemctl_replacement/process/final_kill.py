"""The final kill: SIGKILL to everything below the supervisor, again and again, until nothing is left.

One pass over the pids loses against processes that replace themselves by forking; see also
:func:`.descendants.kill_round`. What the kernel refuses to kill is told once, and never looped on.
"""

from __future__ import annotations

import os

from systemctl_replacement.process import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST_PAUSE, _LAST_PAUSE = 0.001, 1.0
"""Seconds between the rounds: they double, because what survives many rounds is stuck in the kernel."""


class FinalKill:
    """Whether a final kill is going on, which processes it spares, and when the next round is due."""

    __slots__ = ("_denied", "_spare", "active", "pause")

    def __init__(self) -> None:
        self.active = False
        self.pause = _FIRST_PAUSE
        """Seconds until the next round."""
        self._spare: frozenset[int] = frozenset()
        self._denied: set[int] = set()

    def begin(self, spare: Iterable[int]) -> list[int]:
        """Start with the first round. Returns the pids that the kernel refused to kill."""
        self.active = True
        self.pause = _FIRST_PAUSE
        self._spare = frozenset(spare)
        self._denied = set()
        return self.round()

    def end(self) -> None:
        """Stop: no child is left (ECHILD), or nobody waits for it any longer."""
        self.active = False

    def round(self) -> list[int]:
        """Kill every process found. Returns the pids that were refused for the first time."""
        before = set(self._denied)
        alive = descendants.kill_round(os.getpid(), self._spare, self._denied)
        self.pause = min(self.pause * 2, _LAST_PAUSE)
        if not alive and (self._spare or self._denied):
            self.active = False  # what is left cannot be killed by us, so ECHILD will not come
        return sorted(self._denied - before)
