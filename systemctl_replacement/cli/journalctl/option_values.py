"""What each of journalctl's options makes of its value.

What only some options need is imported when they are used.
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.failure import Failure, TextShown
from systemctl_replacement.cli.journalctl.options import LINES_ALL, LINES_DEFAULT
from systemctl_replacement.cli.options import OptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.cli.journalctl.options import Options

_ID_LENGTH = 32
_LINES_IN_PAGER = 1000


def this_boot(options: Options) -> None:
    options.boot, options.boot_id, options.boot_offset = True, "", 0


def _dmesg(options: Options) -> None:
    options.dmesg = options.boot = True


def _pager_end(options: Options) -> None:
    options.pager_end = options.boot = True
    if options.lines == LINES_DEFAULT:
        options.lines = _LINES_IN_PAGER


def _rotate(options: Options) -> None:
    options.action = "rotate-and-vacuum" if options.action == "vacuum" else "rotate"


def _vacuum(options: Options) -> None:
    options.action = "rotate-and-vacuum" if options.action == "rotate" else "vacuum"


def _boot(options: Options, value: str) -> None:
    found = _descriptor(value, "boot")
    options.boot = found is not None
    options.boot_id, options.boot_offset = found or ("", 0)


def _invocation(options: Options, value: str) -> None:
    found = _descriptor(value, "invocation")
    options.invocation = found is not None
    options.invocation_id, options.invocation_offset = found or ("", 0)


def _descriptor(value: str, what: str) -> tuple[str, int] | None:
    """(id or "", offset); None for "all"."""
    wrong = OptionError(f"Failed to parse {what} descriptor '{value}'")
    if value == "all":
        return None
    identifier, offset = "", value
    if len(value) >= _ID_LENGTH:
        identifier, offset = value[:_ID_LENGTH].lower(), value[_ID_LENGTH:]
        if not set(identifier) <= set("0123456789abcdef") or offset[:1] not in ("", "+", "-"):
            raise wrong
    number = 0 if identifier and not offset else _integer(offset)
    if number is None:
        raise wrong
    return identifier, number


def _last_invocation(options: Options) -> None:
    options.invocation, options.invocation_id, options.invocation_offset = True, "", 0


def _lines(options: Options, value: str) -> None:
    if value == "all":
        options.lines, options.oldest = LINES_ALL, False
        return
    number = _integer(value)
    if number is None or number < 0:
        raise OptionError(f"Failed to parse lines '{value}'")
    options.lines, options.oldest = number, value.startswith("+")


def _integer(text: str) -> int | None:
    """A number as systemd takes it, None if it is none or has more than 32 bits."""
    if text.isascii() and text.isdigit() and text[0] != "0" and len(text) < 10:
        return int(text)
    from systemctl_replacement.unitfile.values import parse_integer

    try:
        return parse_integer(text)
    except (ValueError, OverflowError):
        return None


def _output(options: Options, value: str) -> None:
    from systemctl_replacement.cli.option_table import OUTPUT_MODES

    if value == "help":
        raise TextShown("\n".join(OUTPUT_MODES))
    if value not in OUTPUT_MODES:
        raise OptionError(f"Unknown output format '{value}'.")
    options.output = value
    if value in ("export", "json", "json-pretty", "json-sse", "json-seq", "cat"):
        options.quiet = True


def _output_fields(options: Options, value: str) -> None:
    options.output_fields = (options.output_fields or []) + [word for word in value.split(",") if word]


def _priority(options: Options, value: str) -> None:
    first, dots, last = value.partition("..")
    if dots:
        levels = [_level(first), _level(last)]
        if None in levels:
            raise OptionError(f"Failed to parse log level range {value}")
        low, high = sorted(level for level in levels if level is not None)
        options.priorities = range(low, high + 1)
        return
    level = _level(value)
    if level is None:
        raise OptionError(f"Unknown log level {value}")
    options.priorities = range(level + 1)


def _level(text: str) -> int | None:
    from systemctl_replacement.log_levels import NAMES

    if text in NAMES:
        return NAMES.index(text)
    number = _integer(text)
    return number if number is not None and 0 <= number < len(NAMES) else None


_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "12", "13", "14", "15", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
_LAST_FACILITY = 127


def _facility(options: Options, value: str) -> None:
    options.facilities = options.facilities or set()
    for word in value.split(","):
        if word == "help":
            raise TextShown("\n".join(["Available facilities:", *_FACILITIES]))
        if not word:
            continue
        number = _FACILITIES.index(word) if word in _FACILITIES else _integer(word)
        if number is None or not 0 <= number <= _LAST_FACILITY:
            raise OptionError(f'Bad --facility= argument "{word}".')
        options.facilities.add(number)


def case_sensitive(value: str) -> bool:
    from systemctl_replacement.booleans import boolean

    wanted = boolean(value)
    if wanted is None:
        raise OptionError(f'Bad --case-sensitive= argument "{value}": Invalid argument')
    return wanted


def _grep(options: Options, value: str) -> None:
    options.pattern = value


def _moment(value: str) -> int:
    from systemctl_replacement.cli.journalctl.moments import parse_timestamp

    try:
        return parse_timestamp(value)
    except ValueError:
        raise OptionError(f"Failed to parse timestamp: {value}") from None


def _since(options: Options, value: str) -> None:
    options.since = _moment(value)


def _until(options: Options, value: str) -> None:
    options.until = _moment(value)


def _field(options: Options, value: str) -> None:
    options.action, options.field = "field", value


def _vacuum_size(options: Options, value: str) -> None:
    from systemctl_replacement.unitfile.values import parse_size

    try:
        options.vacuum_size = parse_size(value)
    except ValueError:
        raise OptionError(f"Failed to parse vacuum size: {value}") from None
    _vacuum(options)


def _vacuum_files(options: Options, value: str) -> None:
    number = _integer(value)
    if number is None or number < 0:
        raise OptionError(f"Failed to parse vacuum files: {value}")
    options.vacuum_files = number
    _vacuum(options)


def _vacuum_time(options: Options, value: str) -> None:
    from systemctl_replacement.unitfile.values import parse_time_span

    try:
        options.vacuum_time = parse_time_span(value)
    except ValueError:
        raise OptionError(f"Failed to parse vacuum time: {value}") from None
    _vacuum(options)


def _interval(options: Options, value: str) -> None:
    from systemctl_replacement.unitfile.values import parse_time_span

    try:
        sensible = parse_time_span(value) > 0
    except ValueError:
        sensible = False
    if not sensible:
        raise OptionError(f"Failed to parse sealing key change interval: {value}")


def _verify_key(options: Options, value: str) -> None:
    raise Failure("Journals are not sealed here: there is nothing that --verify-key= could check.")


def _namespace(options: Options, value: str) -> None:
    if value not in ("", "*") and not value.startswith("+"):
        raise Failure("There are no journal namespaces here.")


VALUES: dict[str, Callable[[Options, str], None]] = {
    "lines": _lines,
    "boot": _boot,
    "invocation": _invocation,
    "output": _output,
    "output_fields": _output_fields,
    "priority": _priority,
    "facility": _facility,
    "grep": _grep,
    "since": _since,
    "until": _until,
    "field": _field,
    "vacuum_size": _vacuum_size,
    "vacuum_files": _vacuum_files,
    "vacuum_time": _vacuum_time,
    "interval": _interval,
    "verify_key": _verify_key,
    "namespace": _namespace,
}
SIMPLE: dict[str, Callable[[Options], None]] = {
    "this_boot": this_boot,
    "dmesg": _dmesg,
    "last_invocation": _last_invocation,
    "pager_end": _pager_end,
    "rotate": _rotate,
    "ignored": lambda options: None,
}
