"""journalctl's options: the table, what each of them sets, and which of them exclude each other.

It has all options of journalctl 252; from newer versions `--exclude-identifier=` (-T, 254), `--lines=+N` (254),
`--invocation=` (-I) and `--list-invocations` (257).
Source: journalctl(1).
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.failure import TextShown
from systemctl_replacement.cli.journalctl.option_values import SIMPLE, VALUES, case_sensitive, this_boot
from systemctl_replacement.cli.journalctl.options import LINES_ALL, LINES_DEFAULT, Options
from systemctl_replacement.cli.options import NO, OPTIONAL, REQUIRED, CommandLine, OptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LINES_FOLLOWED = 10
_BROAD_SHOW = ("show", "dump-catalog", "list-catalog")

# In the order in which glibc lists the possibilities for an ambiguous abbreviation.
LONG = {
    "help": (NO, "help"),
    "version": (NO, "version"),
    "no-pager": (NO, "no_pager"),
    "pager-end": (NO, "pager_end"),
    "follow": (NO, "follow"),
    "force": (NO, "ignored"),
    "output": (REQUIRED, "output"),
    "all": (NO, "all"),
    "full": (NO, "full"),
    "no-full": (NO, "no_full"),
    "lines": (OPTIONAL, "lines"),
    "no-tail": (NO, "no_tail"),
    "new-id128": (NO, "new-id128"),
    "quiet": (NO, "quiet"),
    "merge": (NO, "merge"),
    "this-boot": (NO, "this_boot"),
    "boot": (OPTIONAL, "boot"),
    "list-boots": (NO, "list-boots"),
    "dmesg": (NO, "dmesg"),
    "system": (NO, "system"),
    "user": (NO, "user"),
    "directory": (REQUIRED, "directory"),
    "file": (REQUIRED, "file"),
    "root": (REQUIRED, "root"),
    "image": (REQUIRED, "image"),
    "header": (NO, "header"),
    "invocation": (REQUIRED, "invocation"),
    "list-invocations": (NO, "list-invocations"),
    "identifier": (REQUIRED, "identifier"),
    "exclude-identifier": (REQUIRED, "exclude_identifier"),
    "priority": (REQUIRED, "priority"),
    "facility": (REQUIRED, "facility"),
    "grep": (REQUIRED, "grep"),
    "case-sensitive": (OPTIONAL, "case_sensitive"),
    "setup-keys": (NO, "setup-keys"),
    "interval": (REQUIRED, "interval"),
    "verify": (NO, "verify"),
    "verify-key": (REQUIRED, "verify_key"),
    "disk-usage": (NO, "disk-usage"),
    "cursor": (REQUIRED, "cursor"),
    "cursor-file": (REQUIRED, "cursor_file"),
    "after-cursor": (REQUIRED, "after_cursor"),
    "show-cursor": (NO, "show_cursor"),
    "since": (REQUIRED, "since"),
    "until": (REQUIRED, "until"),
    "unit": (REQUIRED, "unit"),
    "user-unit": (REQUIRED, "user_unit"),
    "field": (REQUIRED, "field"),
    "fields": (NO, "list-fields"),
    "catalog": (NO, "catalog"),
    "list-catalog": (NO, "list-catalog"),
    "dump-catalog": (NO, "dump-catalog"),
    "update-catalog": (NO, "update-catalog"),
    "reverse": (NO, "reverse"),
    "machine": (REQUIRED, "machine"),
    "utc": (NO, "utc"),
    "flush": (NO, "flush"),
    "relinquish-var": (NO, "relinquish-var"),
    "smart-relinquish-var": (NO, "smart-relinquish-var"),
    "sync": (NO, "sync"),
    "rotate": (NO, "rotate"),
    "vacuum-size": (REQUIRED, "vacuum_size"),
    "vacuum-files": (REQUIRED, "vacuum_files"),
    "vacuum-time": (REQUIRED, "vacuum_time"),
    "no-hostname": (NO, "no_hostname"),
    "output-fields": (REQUIRED, "output_fields"),
    "namespace": (REQUIRED, "namespace"),
}
SHORT = {
    "h": (NO, "help"),
    "e": (NO, "pager_end"),
    "f": (NO, "follow"),
    "o": (REQUIRED, "output"),
    "a": (NO, "all"),
    "l": (NO, "full"),
    "n": (OPTIONAL, "lines"),
    "q": (NO, "quiet"),
    "m": (NO, "merge"),
    "b": (OPTIONAL, "boot"),
    "k": (NO, "dmesg"),
    "D": (REQUIRED, "directory"),
    "p": (REQUIRED, "priority"),
    "g": (REQUIRED, "grep"),
    "c": (REQUIRED, "cursor"),
    "S": (REQUIRED, "since"),
    "U": (REQUIRED, "until"),
    "I": (NO, "last_invocation"),
    "t": (REQUIRED, "identifier"),
    "T": (REQUIRED, "exclude_identifier"),
    "u": (REQUIRED, "unit"),
    "N": (NO, "list-fields"),
    "F": (REQUIRED, "field"),
    "x": (NO, "catalog"),
    "r": (NO, "reverse"),
    "M": (REQUIRED, "machine"),
}
# Newer than 252: they must not change what an abbreviation means.
_UNABBREVIATED = ("exclude-identifier", "invocation", "list-invocations")
_ACTIONS = frozenset(
    (
        "new-id128", "list-boots", "list-invocations", "header", "setup-keys", "verify", "disk-usage", "list-fields",
        "list-catalog", "dump-catalog", "update-catalog", "flush", "relinquish-var", "smart-relinquish-var", "sync",
    )
)  # fmt: skip
_FLAGS = {
    "system": ("system", True),
    "user": ("user", True),
    "merge": ("merge", True),
    "quiet": ("quiet", True),
    "no_pager": ("pager", False),
    "all": ("all", True),
    "full": ("full", True),
    "no_full": ("full", False),
    "no_tail": ("no_tail", True),
    "show_cursor": ("show_cursor", True),
    "catalog": ("catalog", True),
    "reverse": ("reverse", True),
    "utc": ("utc", True),
    "no_hostname": ("hostname", False),
    "follow": ("follow", True),
}
# Options whose value is stored unchanged.
_TEXTS = ("root", "image", "machine", "directory", "cursor", "cursor_file", "after_cursor")
_LISTS = {
    "identifier": "identifiers",
    "exclude_identifier": "excluded_identifiers",
    "unit": "units",
    "user_unit": "user_units",
    "file": "files",
}


def parse(argv: Sequence[str], on_help: Callable[[Options], str], version: str) -> tuple[Options, list[str]]:
    """The options and the operands. Raises OptionError, Failure, and TextShown."""
    options = Options()
    line = CommandLine(argv, LONG, SHORT, _UNABBREVIATED)
    for key, value in line.options():
        if key in _FLAGS:
            setattr(options, *_FLAGS[key])
        elif key in _ACTIONS:
            options.action = key
        elif key == "help":
            raise TextShown(on_help(options))
        elif key == "version":
            raise TextShown(version)
        elif key in _TEXTS:
            setattr(options, key, value)
        elif key in _LISTS:
            getattr(options, _LISTS[key]).append(value)
        elif key in ("lines", "boot") and value is None:
            # A value that is optional may also be the next word, if it can be one.
            if line.next_word is not None and _tried(VALUES[key], options, line.next_word):
                line.take_word()
            elif key == "lines":
                options.lines = _LINES_FOLLOWED
            else:
                this_boot(options)
        elif key in VALUES:
            VALUES[key](options, value or "")
        elif key in SIMPLE:
            SIMPLE[key](options)
        elif key == "case_sensitive":
            options.case_sensitive = True if value is None else case_sensitive(value)
    _complete(options, line.operands)
    return options, line.operands


def _tried(setter: Callable[[Options, str], None], options: Options, value: str) -> bool:
    try:
        setter(options, value)
    except OptionError:
        return False
    return True


def _complete(options: Options, operands: Sequence[str]) -> None:
    """Refuse what cannot go together, and fill in what follows from several options."""
    if options.no_tail:
        options.lines = LINES_ALL
    if options.follow and options.since is None and options.lines == LINES_DEFAULT:
        options.lines = _LINES_FOLLOWED
    places = (options.directory, options.machine)
    sources = (*(place is not None for place in places), options.files, options.root, options.image)
    if sum(map(bool, sources)) > 1:
        raise OptionError("Please specify at most one of -D/--directory=, --file=, -M/--machine=, --root=, --image=.")
    if options.since is not None and options.until is not None and options.since > options.until:
        raise OptionError("--since= must be before --until=.")
    positions = (options.cursor, options.after_cursor, options.since)
    if sum(position is not None for position in positions) > 1:
        raise OptionError("Please specify only one of --since=, --cursor=, and --after-cursor=.")
    if options.follow and options.reverse:
        raise OptionError("Please specify either --reverse= or --follow=, not both.")
    if options.action not in _BROAD_SHOW and operands:
        raise OptionError(f"Extraneous arguments starting with '{operands[0]}'")
    if (options.boot or options.action == "list-boots") and options.merge:
        raise OptionError("Using --boot or --list-boots with --merge is not supported.")
    if options.user and not options.system:
        # A unit's messages are not in a user's journal, those of a user's unit are.
        options.user_units += options.units
        options.units = []
    if options.follow and not options.merge:
        options.boot = True
    if options.pattern is not None and options.lines >= 0 and not options.oldest and not options.follow:
        options.reverse = True
