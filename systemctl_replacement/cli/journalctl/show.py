"""Showing entries: which of them, in which order, and what stands between them."""

from __future__ import annotations

from itertools import islice

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.cli.journalctl.output.separators import boot_line
from systemctl_replacement.journal.cursor import parse_cursor
from systemctl_replacement.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.cli.journalctl.output.output import Output
    from systemctl_replacement.journal.entry import Entry
    from systemctl_replacement.journal.query import Journal, Query

# So many of the last entries are kept in memory. For more the place of the first one is looked for.
_KEPT = 10_000


class Shower:
    """Shows entries one after the other, and remembers the last one."""

    def __init__(self, options: Options, output: Output, colors: bool) -> None:
        self._options = options
        self._output = output
        self._colors = colors
        self._separated = not options.merge and not options.quiet
        self._boot = b""
        self.count = 0
        self.last: Entry | None = None

    def show(self, entries: Iterable[Entry]) -> None:
        write = streams.stdout.write_bytes
        for entry in entries:
            if self._separated:
                boot = entry.head[3]
                if boot != self._boot:
                    if self._boot:
                        write(boot_line(entry.boot_id, self._colors))
                    self._boot = boot
            write(self._output.format(entry))
            self.count += 1
            self.last = entry

    def cursor(self, journal: Journal, query: Query, start: str | None) -> str:
        """Where the next command can go on: behind the last entry that was shown; otherwise where this one was to
        start, or at the end, whatever the pattern finds. "" if there is no entry."""
        if self.last is not None:
            return self.last.cursor
        if start is not None:
            return start
        last = next(journal.entries(replace(query, grep=None), newest_first=True), None)
        return last.cursor if last is not None else ""


def starting_point(options: Options) -> tuple[str | None, bool]:
    """The cursor at which to start, None without one, and whether with the entry that is there.

    Failure if the file with it cannot be read. What the file says comes before what the command line says.
    """
    given = options.cursor if options.cursor is not None else options.after_cursor
    if options.cursor_file is not None:
        try:
            with open(options.cursor_file, encoding="utf-8", errors="surrogateescape") as file:
                return file.readline().rstrip("\n"), False
        except FileNotFoundError:
            pass
        except OSError as error:
            raise Failure(f"Failed to read cursor file {options.cursor_file}: {error.strerror}") from None
    return given, options.cursor is not None


def chosen(journal: Journal, query: Query, options: Options) -> Iterator[Entry]:
    """The entries that are asked for, in the order in which they are shown."""
    lines = options.lines if options.lines >= 0 else None
    if query.after is None and lines is not None and not options.reverse and not options.oldest:
        return _last(journal, query, options, lines)
    return islice(wanted(journal.entries(query, options.reverse), options), lines)


def started(query: Query, cursor: str, inclusive: bool) -> Query:
    """The query, from a cursor on. Failure if that is none."""
    try:
        return replace(query, after=parse_cursor(cursor), inclusive=inclusive)
    except ValueError:
        raise Failure("Failed to seek to cursor: Invalid argument") from None


def _last(journal: Journal, query: Query, options: Options, lines: int) -> Iterator[Entry]:
    """The last entries, oldest first."""
    backwards = islice(wanted(journal.entries(query, newest_first=True), options), lines)
    if lines <= _KEPT:
        yield from list(backwards)[::-1]
        return
    first = None
    for entry in backwards:
        first = entry
    if first is not None:
        query = replace(query, after=parse_cursor(first.cursor), inclusive=True)
        yield from islice(wanted(journal.entries(query), options), lines)


def wanted(entries: Iterator[Entry], options: Options) -> Iterator[Entry]:
    """The entries without those of --exclude-identifier=."""
    if not options.excluded_identifiers:
        return entries
    excluded = set(options.excluded_identifiers)
    return (entry for entry in entries if entry.fields.get("SYSLOG_IDENTIFIER") not in excluded)
