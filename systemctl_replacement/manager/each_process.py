"""Log lines about the processes of a unit one by one: those that get a signal, those that a stop leaves.

The processes are looked for at once, because a line comes before what follows from it; but not without end, because a
unit may have any number of them.
"""

from __future__ import annotations

from systemctl_replacement.log_limit import BURST
from systemctl_replacement.process.descendants import children, name, start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.supervision.unit_processes import Tracking


def some_of(tracking: Optional[Tracking], most: int = BURST) -> list[int]:
    """The processes of a unit, zombies too. Of more than `most` one more, which the limit on lines leaves out."""
    if tracking is None:
        return []
    found = [*(children(tracking.supervisor) if tracking.supervisor else ()), *tracking.lost]
    for pid in found:  # the list grows during the walk
        if len(found) > most:
            break
        found += children(pid)
    return list(dict.fromkeys(found))[: most + 1]


def log_each(core: Core, unit: str, level: int, text: str, pids: Iterable[int], news: bool = True) -> None:
    """Log a line about each of these processes that has not ended, with its pid and name for `{}` in the text. What
    follows a line break there is a line of its own, which does not name the unit."""
    first, *more = text.split("\n")

    def say(level: int, line: str) -> None:
        core.log_unit(unit, level, line, news)

    for pid in pids:
        if start_time(pid) is not None and core.limits.admits(("processes", unit), say):
            say(level, first.format(f"{pid} ({name(pid)})"))
            for line in more:
                core.log_about(unit, level, line, news)
