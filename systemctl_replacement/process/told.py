"""Which processes the stop of their unit has signalled: a halt signals everybody in time, and nobody twice.

Many programs take a second SIGTERM as an order to drop everything.
"""

from __future__ import annotations

from systemctl_replacement.process import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

# Why a signal is sent. Signals for any other reason (`systemctl kill`, a reload) are neither recorded nor held back.
STOP = "stop"
"""The unit's own stop (systemd.kill(5)). It leaves out, once, the processes that a reminder has reached already."""
REMINDER = "reminder"
"""The stop timeout of a halt has nearly expired. It reaches only processes that got this signal neither from a stop
nor from an earlier reminder."""


class Told:
    """The living processes that have been signalled, and with which signals."""

    __slots__ = ("_reminded", "_told")

    def __init__(self, entries: Iterable[Iterable[int]] = ()) -> None:
        """entries: the :attr:`entries` of another instance."""
        self._told: dict[tuple[int, int, int], None] = {}  # (pid, start time, signal)
        self._reminded: set[tuple[int, int, int]] = set()
        for pid, start, signal, reminded in entries:
            self._told[pid, start, signal] = None
            if reminded:
                self._reminded.add((pid, start, signal))

    @property
    def entries(self) -> list[tuple[int, int, int, int]]:
        """As plain data: (pid, start time, signal, whether by a reminder)."""
        return [(*key, int(key in self._reminded)) for key in self._told]

    def filter(self, purpose: str, signal: int, spare: Collection[int] = ()) -> Callable[[int], bool]:
        """A function that says whether a process is to get the signal, and records that it does.

        Processes that have ended are forgotten. Descendants of a spared process (a command that goes on) are not
        reminded either.
        """
        if not purpose:
            return lambda _pid: True
        self._forget_ended()
        above = spare if purpose == REMINDER else ()
        return lambda pid: (
            not any(descendants.is_below(pid, root) for root in above) and self._is_due(pid, signal, purpose)
        )

    def _is_due(self, pid: int, signal: int, purpose: str) -> bool:
        start = descendants.start_time(pid)
        if start is None:
            return True
        key = (pid, start, signal)
        if purpose == STOP:
            if key in self._reminded:
                self._reminded.discard(key)
                return False
        elif key in self._told:
            return False
        else:
            self._reminded.add(key)
        self._told[key] = None
        return True

    def _forget_ended(self) -> None:
        self._told = {key: None for key in self._told if descendants.start_time(key[0]) == key[1]}
        self._reminded.intersection_update(self._told)
