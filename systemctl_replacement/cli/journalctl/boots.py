"""Boots: which one an offset means, and the list of all of them (journalctl(1) --boot=, --list-boots)."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.cli.terminal import Terminal
    from systemctl_replacement.journal.query import Boot

_NO_SUCH_BOOT = "Data from the specified boot ({}) is not available: No such boot ID in journal"


def chosen_boot(options: Options, boots: Sequence[Boot]) -> str:
    """The id of the boot that --boot= means. boots: all, oldest first. Failure if there is no such one."""
    found = by_offset([boot.id for boot in boots], options.boot_id, options.boot_offset)
    if found is None:
        raise Failure(_NO_SUCH_BOOT.format(options.boot_id or f"{options.boot_offset:+d}"))
    return found


def by_offset(ids: Sequence[str], named: str, offset: int) -> str | None:
    """One of some ids, oldest first. An offset counts from the one that is named, otherwise up from the first one (1)
    or down from the last one (0, -1)."""
    if named:
        position = ids.index(named) + offset if named in ids else -1
    else:
        position = offset - 1 if offset > 0 else len(ids) - 1 + offset
    return ids[position] if 0 <= position < len(ids) else None


def table_of_boots(boots: Sequence[Boot], options: Options, terminal: Terminal, what: str = "BOOT") -> Iterator[str]:
    """The lines of --list-boots, or of another list with as much to say."""
    if options.output.startswith("json"):
        from systemctl_replacement.cli.json_text import json_text

        objects = [
            {"index": number, f"{what.lower()}_id": boot.id, "first_entry": boot.first, "last_entry": boot.last}
            for number, boot in enumerate(boots, 1 - len(boots))
        ]
        yield json_text(objects[::-1] if options.reverse else objects, options.output)
        return
    from systemctl_replacement.cli.table import table_lines
    from systemctl_replacement.cli.timestamps import format_timestamp

    if not boots:
        return
    head = ("IDX", f"{what} ID", "FIRST ENTRY", "LAST ENTRY")
    numbers = [str(number - len(boots) + 1) for number in range(len(boots))]
    width = max(len(numbers[0]), 0 if options.quiet else len(head[0]))
    # --utc is for entries alone.
    rows = [
        (number.rjust(width), boot.id, format_timestamp(boot.first), format_timestamp(boot.last))
        for number, boot in zip(numbers, boots)
    ]
    if options.reverse:
        rows.reverse()
    yield from table_lines(head, rows, terminal, legend=not options.quiet, cuts=False)
