"""journalctl: from the command line to an exit status.

Every expected failure is a Failure or an OptionError with its text, and this is the one place that prints it. This is
on the hot path: what only some options need is imported when they are used.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.failure import Failure, TextShown
from systemctl_replacement.cli.journalctl.option_table import parse
from systemctl_replacement.cli.options import OptionError
from systemctl_replacement.cli.version import VERSION
from systemctl_replacement.journal.file import NoRoom

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Sequence

    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.cli.terminal import Terminal
    from systemctl_replacement.journal.query import Journal, Query

_NO_KERNEL_LOG = "The kernel's log is the machine's: none of it is kept here."
_NO_EFFECT = "Specifying boot ID or boot offset has no effect, no persistent journal was found."


def main(argv: Sequence[str]) -> int:
    """Run journalctl with this command line. Returns the exit status."""
    # A reader that goes away ends us, like every other command.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    streams.open_missing()
    try:
        options, operands = parse(["journalctl", *argv[1:]], _help, VERSION)
        return _ACTIONS.get(options.action, _other)(options, operands)
    except TextShown as shown:
        streams.out(str(shown))
        return 0
    except OptionError as error:
        streams.err(str(error))
        return 1
    except Failure as failure:
        if failure.text:
            streams.err(failure.text)
        return failure.status
    except NoRoom as error:
        streams.err(str(error))
        return 1
    finally:
        streams.finish()


def _help(options: Options) -> str:
    from systemctl_replacement.cli.journalctl.help_text import HELP

    _page(options)
    return HELP


def _page(options: Options) -> Terminal:
    """Show everything printed from now on in a pager, on a terminal and without --no-pager."""
    from systemctl_replacement.cli.terminal import Terminal

    terminal = Terminal()
    if options.pager and terminal.tty and not options.follow:
        from systemctl_replacement.cli.pager import open_pager

        open_pager(at_end=options.pager_end)
    return terminal


def _say(options: Options) -> Callable[[str], None]:
    return (lambda text: None) if options.quiet else streams.err


def _other(options: Options, operands: Sequence[str]) -> int:
    """What only few people ask for."""
    from systemctl_replacement.cli.journalctl import maintenance

    return maintenance.run(options, operands)


def _opened(options: Options, operands: Sequence[str] | None = None) -> Journal:
    """operands: of who asks for entries, and needs no files that cannot have such ones."""
    from systemctl_replacement.cli.journalctl.sources import opened, opened_for, warn

    journal = opened(options) if operands is None else opened_for(options, operands)
    warn(journal, options)
    return journal


def _show(options: Options, operands: Sequence[str]) -> int:
    """Show entries."""
    from systemctl_replacement.cli.journalctl.output.make import make
    from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
    from systemctl_replacement.cli.journalctl.show import Shower, chosen, started, starting_point

    pattern = _pattern(options)
    journal = _opened(options, operands)
    query = _query(journal, options, operands, pattern)
    if query is None:
        return 0
    if options.invocation:
        from systemctl_replacement.cli.journalctl.invocations import within

        query = within(journal, query, options)
    cursor, inclusive = starting_point(options)
    if cursor is not None:
        query = started(query, cursor, inclusive)
    terminal = _page(options)
    settings = OutputSettings(
        mode=options.output,
        utc=options.utc,
        hostname=options.hostname,
        all=options.all,
        full=options.full,
        columns=terminal.columns,
        fields=None if options.output_fields is None else frozenset(options.output_fields),
        catalog=options.catalog,
        colors=terminal.colors,
        highlight=pattern,
        tty=terminal.tty,
    )
    shower = Shower(options, make(settings), terminal.colors)
    shower.show(chosen(journal, query, options))
    if options.follow:
        from systemctl_replacement.cli.journalctl.follow import follow

        return follow(journal, query, options, shower)
    if not shower.count and not options.quiet:
        streams.out("-- No entries --")
    wants_cursor = options.show_cursor or options.cursor_file is not None
    # With -n 0 nothing was looked for, but journalctl says so only as long as it has to tell no cursor.
    status = 1 if pattern is not None and (options.lines or wants_cursor) and not shower.count else 0
    if wants_cursor:
        return _end_at(shower.cursor(journal, query, cursor), options) or status
    return status


def _pattern(options: Options) -> re.Pattern[str] | None:
    if options.pattern is None:
        return None
    from systemctl_replacement.cli.journalctl.pattern import compile_pattern

    return compile_pattern(options.pattern, options.case_sensitive)


def _query(
    journal: Journal, options: Options, operands: Sequence[str], pattern: re.Pattern[str] | None
) -> Query | None:
    """What is asked of the journal, None if nothing is to be shown."""
    from systemctl_replacement.cli.journalctl.matches import expression
    from systemctl_replacement.journal.query import Query

    boots: tuple[str, ...] = ()
    if options.boot_offset and journal.chains and _is_volatile(journal, options) and len(journal.boots()) < 2:
        streams.err(_NO_EFFECT)
        return None
    if options.boot:
        boots = (_boot(journal, options),)
    if options.dmesg:
        _say(options)(_NO_KERNEL_LOG)
    return Query(
        expression(options, operands, journal, _say(options)),
        since=options.since or 0,
        until=options.until or 0,
        boots=boots,
        grep=pattern,
    )


def _boot(journal: Journal, options: Options) -> str:
    from systemctl_replacement.cli.journalctl.boots import chosen_boot
    from systemctl_replacement.cli.journalctl.sources import is_elsewhere

    if options.boot_id or options.boot_offset or is_elsewhere(options):
        return chosen_boot(options, journal.boots())
    return journal.latest_boot()


def _is_volatile(journal: Journal, options: Options) -> bool:
    """Whether there is but the journal of the running system, in memory."""
    from systemctl_replacement.cli.journalctl.sources import is_elsewhere, is_persistent

    return not is_elsewhere(options) and not is_persistent(journal)


def _end_at(cursor: str, options: Options) -> int:
    """Tell the cursor at which the next command can go on. Returns the exit status."""
    if not cursor:
        return 1
    if options.show_cursor:
        from systemctl_replacement.cli.journalctl.output.separators import cursor_line

        streams.stdout.write_bytes(cursor_line(cursor))
    if options.cursor_file is not None:
        try:
            with open(options.cursor_file, "w", encoding="utf-8") as file:
                file.write(f"{cursor}\n")
        except OSError as error:
            raise Failure(f"Failed to write new cursor to {options.cursor_file}: {error.strerror}") from None
    return 0


def _list_boots(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.cli.journalctl.boots import table_of_boots

    journal = _opened(options)
    boots = journal.boots()
    return _print_table(table_of_boots(boots, options, _page(options)))


def _print_table(lines: Iterable[str]) -> int:
    for line in lines:
        streams.out(line)
    if problem := streams.unwritten():
        text = f"Failed to print table: {problem}"
        raise Failure(f"{text}\n{text}")  # as journalctl says it
    return 0


def _list_invocations(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.cli.journalctl.boots import table_of_boots
    from systemctl_replacement.cli.journalctl.invocations import invocations, require_unit

    require_unit(options, "--list-invocations")
    journal = _opened(options)
    query = _query(journal, options, operands, None)
    found = [] if query is None else invocations(journal, query)
    return _print_table(table_of_boots(found, options, _page(options), "INVOCATION"))


def _field(options: Options, operands: Sequence[str]) -> int:
    """The values of a field."""
    journal = _opened(options)
    if not _is_field(options.field):
        raise Failure("Failed to query unique data objects: Invalid argument")
    _page(options)
    newest_first = list(journal.unique(options.field))[::-1]
    for value in newest_first[: options.lines] if options.lines >= 0 else newest_first:
        streams.stdout.write_bytes(value + b"\n")
    return 0


def _is_field(name: str) -> bool:
    letters = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
    return bool(name) and letters.issuperset(name) and not name.startswith("__") and not name[0].isdigit()


def _list_fields(options: Options, operands: Sequence[str]) -> int:
    for name in _opened(options).field_names():
        streams.out(name)
    return 0


_ACTIONS: dict[str, Callable[[Options, Sequence[str]], int]] = {
    "show": _show,
    "list-boots": _list_boots,
    "list-invocations": _list_invocations,
    "field": _field,
    "list-fields": _list_fields,
}
