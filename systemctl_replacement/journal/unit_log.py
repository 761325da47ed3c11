"""The last lines of a unit, and of the manager about it: what `systemctl status` shows."""

from __future__ import annotations

import os
from itertools import islice

from systemctl_replacement.journal.expression import All, Any, Is
from systemctl_replacement.journal.names import MANAGER_FILE, RECEIVED, file_name, open_file
from systemctl_replacement.journal.query import Journal, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.journal.entry import Entry
    from systemctl_replacement.journal.expression import Expression
    from systemctl_replacement.paths import Paths


def about_unit(unit: str) -> Expression:
    """What a unit's processes have logged (of a slice: those of its units), and what the manager has logged about
    it."""
    name = unit.encode("utf-8", "surrogateescape")
    found: list[Expression] = [
        Is("_SYSTEMD_UNIT", name),
        All([Is("UNIT", name), Is("_SYSTEMD_UNIT", b"init.scope")]),
    ]
    if name.endswith(b".slice"):
        found.append(Is("_SYSTEMD_SLICE", name))
    return Any(found)


def last_of_unit(paths: Paths, unit: str, count: int, since_monotonic: int = 0) -> list[Entry]:
    """The last entries about a unit in the latest boot, oldest first.

    since_monotonic: microseconds of the monotonic clock. Earlier ones belong to an earlier run of the unit.
    """
    if count == 0:
        return []
    expression = about_unit(unit)

    def wanted(name: str, received: bool) -> bool:
        return name == MANAGER_FILE or expression.could_match(name, received)

    journal = Journal(paths.log_candidates(), wanted=wanted)
    try:
        boot = journal.latest_boot()
        query = Query(expression, boots=(boot,) if boot else ())
        found = []
        for entry in islice(journal.entries(query, newest_first=True), count):
            if entry.monotonic < since_monotonic:
                break
            found.append(entry)
        return found[::-1]
    finally:
        journal.close()


def has_lost_lines(paths: Paths, unit: str, since_monotonic: int) -> bool:
    """Whether lines of a unit, or of the manager about it, since that time in the latest boot may have been removed to
    make room for others."""
    lines = Is("_SYSTEMD_UNIT", unit.encode("utf-8", "surrogateescape"))

    def wanted(name: str, received: bool) -> bool:
        return name == MANAGER_FILE or lines.could_match(name, received)

    journal = Journal(paths.log_candidates(), wanted=wanted)
    try:
        boot = journal.latest_boot().encode()
        firsts = [chain.first() for chain in journal.chains]
        return any(first[0] > 1 and first[3] == boot and first[2] > since_monotonic for first in firsts if first)
    finally:
        journal.close()


def is_access_blocked(paths: Paths, unit: str) -> bool:
    """Whether the caller may not read a file that could have lines of a unit."""
    for directory in paths.log_candidates():
        for name in (file_name(unit), MANAGER_FILE, f"{RECEIVED}/{file_name(unit)}"):
            try:
                os.close(open_file(f"{directory}/{name}", os.O_RDONLY))
            except PermissionError:
                return True
            except OSError:
                continue
    return False
