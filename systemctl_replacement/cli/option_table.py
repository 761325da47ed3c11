"""systemctl's own options: the table, and what each of them sets.

It has all options of systemctl 252, --no-warn of 253 for package scripts, and --verbose of 257 for Dockerfiles written
for other replacements. This is on the hot path: what only some options need is imported when they are used.
"""

from __future__ import annotations

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli.options import NO, OPTIONAL, REQUIRED, CommandLine, OptionError
from systemctl_replacement.unitfile.names import UNIT_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOAD_STATES = ("stub", "loaded", "not-found", "bad-setting", "error", "merged", "masked")
OUTPUT_MODES = (
    "short", "short-full", "short-iso", "short-iso-precise", "short-precise", "short-monotonic", "short-delta",
    "short-unix", "verbose", "export", "json", "json-pretty", "json-sse", "json-seq", "cat", "with-unit",
)  # fmt: skip
PRESET_MODES = ("full", "enable-only", "disable-only")
TIMESTAMP_STYLES = ("pretty", "us", "utc", "us+utc", "unix")


class HelpShown(Exception):
    """An option asked for a text such as a list. It is printed on stdout, and the exit status is 0.

    table: systemctl reports a failure to write this text.
    """

    def __init__(self, text: str, table: bool = False) -> None:
        super().__init__(text)
        self.table = table


class Options:
    """What the command line says. Attributes are named after the options."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.states: list[str] = []
        self.properties: list[str] | None = None  # None: the option was not given; []: show none
        self.value = False
        self.all = False
        self.full = False
        self.plain = False
        self.legend = True
        self.pager = True
        self.quiet = False
        self.no_warn = False
        self.reverse = False
        self.after = False
        self.before = False
        self.show_types = False
        self.recursive = False
        self.with_dependencies = False
        self.lines = 10
        self.output = "short"
        self.timestamp = "pretty"
        self.job_mode = "replace"
        self.no_block = False
        self.wait = False
        self.show_transaction = False
        self.marked = False
        self.kill_whom: str | None = None
        self.signal = 15
        self.what: list[str] = []
        self.scope = "system"  # system, user, global
        self.root = ""
        self.image = ""
        self.host: str | None = None
        self.machine: str | None = None
        self.runtime = False
        self.force = 0
        self.now = False
        self.no_reload = False
        self.preset_mode = "full"
        self.dry_run = False
        self.wall = True
        self.message: str | None = None
        self.reboot_argument: str | None = None
        self.check_inhibitors = "auto"
        self.ask_password = True
        self.firmware_setup = False
        self.boot_loader_menu: str | None = None
        self.boot_loader_entry: str | None = None
        self.read_only = False
        self.mkdir = False
        self.verbose = False


# In the order in which glibc lists the possibilities for an ambiguous abbreviation.
LONG = {
    "help": (NO, "help"),
    "version": (NO, "version"),
    "type": (REQUIRED, "type"),
    "property": (REQUIRED, "property"),
    "all": (NO, "all"),
    "reverse": (NO, "reverse"),
    "after": (NO, "after"),
    "before": (NO, "before"),
    "show-types": (NO, "show_types"),
    "failed": (NO, "failed"),
    "full": (NO, "full"),
    "job-mode": (REQUIRED, "job_mode"),
    "fail": (NO, "fail"),
    "irreversible": (NO, "irreversible"),
    "ignore-dependencies": (NO, "ignore_dependencies"),
    "ignore-inhibitors": (NO, "ignore_inhibitors"),
    "check-inhibitors": (REQUIRED, "check_inhibitors"),
    "value": (NO, "value"),
    "user": (NO, "user"),
    "system": (NO, "system"),
    "global": (NO, "global"),
    "wait": (NO, "wait"),
    "no-block": (NO, "no_block"),
    "legend": (REQUIRED, "legend"),
    "no-legend": (NO, "no_legend"),
    "no-pager": (NO, "no_pager"),
    "no-wall": (NO, "no_wall"),
    "dry-run": (NO, "dry_run"),
    "quiet": (NO, "quiet"),
    "no-warn": (NO, "no_warn"),
    "root": (REQUIRED, "root"),
    "image": (REQUIRED, "image"),
    "force": (NO, "force"),
    "no-reload": (NO, "no_reload"),
    "kill-whom": (REQUIRED, "kill_whom"),
    "signal": (REQUIRED, "signal"),
    "no-ask-password": (NO, "no_ask_password"),
    "host": (REQUIRED, "host"),
    "machine": (REQUIRED, "machine"),
    "runtime": (NO, "runtime"),
    "lines": (REQUIRED, "lines"),
    "output": (REQUIRED, "output"),
    "plain": (NO, "plain"),
    "state": (REQUIRED, "state"),
    "recursive": (NO, "recursive"),
    "with-dependencies": (NO, "with_dependencies"),
    "preset-mode": (REQUIRED, "preset_mode"),
    "firmware-setup": (NO, "firmware_setup"),
    "boot-loader-menu": (REQUIRED, "boot_loader_menu"),
    "boot-loader-entry": (REQUIRED, "boot_loader_entry"),
    "now": (NO, "now"),
    "message": (REQUIRED, "message"),
    "show-transaction": (NO, "show_transaction"),
    "what": (REQUIRED, "what"),
    "reboot-argument": (REQUIRED, "reboot_argument"),
    "timestamp": (REQUIRED, "timestamp"),
    "read-only": (NO, "read_only"),
    "mkdir": (NO, "mkdir"),
    "marked": (NO, "marked"),
    "verbose": (NO, "verbose"),
}
SHORT = {
    "h": (NO, "help"),
    "t": (REQUIRED, "type"),
    "p": (REQUIRED, "property"),
    "P": (REQUIRED, "property_value"),
    "a": (NO, "all"),
    "l": (NO, "full"),
    "q": (NO, "quiet"),
    "f": (NO, "force"),
    "s": (REQUIRED, "signal"),
    "H": (REQUIRED, "host"),
    "M": (REQUIRED, "machine"),
    "n": (REQUIRED, "lines"),
    "o": (REQUIRED, "output"),
    "i": (NO, "ignore_inhibitors"),
    "T": (NO, "show_transaction"),
    "r": (NO, "recursive"),
    "v": (NO, "verbose"),
    ".": (OPTIONAL, "dot"),  # not an option: "-.slice" gets a helpful answer
}

# Options without a value: those that set the attribute of the same name, then those that set another one.
_FLAGS = {
    **{
        name: (name, True)
        for name in (
            "value",
            "all",
            "full",
            "plain",
            "quiet",
            "no_warn",
            "reverse",
            "after",
            "before",
            "show_types",
            "recursive",
            "with_dependencies",
            "no_block",
            "wait",
            "show_transaction",
            "marked",
            "runtime",
            "now",
            "no_reload",
            "dry_run",
            "firmware_setup",
            "read_only",
            "mkdir",
            "verbose",
        )
    },
    "system": ("scope", "system"),
    "user": ("scope", "user"),
    "global": ("scope", "global"),
    "fail": ("job_mode", "fail"),
    "irreversible": ("job_mode", "replace-irreversibly"),
    "ignore_dependencies": ("job_mode", "ignore-dependencies"),
    "ignore_inhibitors": ("check_inhibitors", "no"),
    "no_legend": ("legend", False),
    "no_pager": ("pager", False),
    "no_wall": ("wall", False),
    "no_ask_password": ("ask_password", False),
}
# Options whose value is stored unchanged.
_TEXTS = (
    "job_mode",
    "kill_whom",
    "host",
    "machine",
    "image",
    "message",
    "reboot_argument",
    "boot_loader_menu",
    "boot_loader_entry",
)


def parse(
    argv: Sequence[str], on_help: Callable[[Options], str], on_version: Callable[[], str]
) -> tuple[Options, list[str]]:
    """The options and the operands. Raises OptionError and HelpShown (with on_help's or on_version's text)."""
    options = Options()
    # These are newer than 252 and must not change what an abbreviation means.
    line = CommandLine(argv, LONG, SHORT, unabbreviated=("no-warn", "verbose"))
    for key, value in line.options():
        if key in _FLAGS:
            setattr(options, *_FLAGS[key])
        elif key == "force":
            options.force += 1
        elif key == "failed":
            options.states.append("failed")
        elif key == "help":
            raise HelpShown(on_help(options))
        elif key == "version":
            raise HelpShown(on_version())
        elif key == "dot":
            raise OptionError(
                f"{argv[0]}: invalid option -- '.'\nHint: to specify units starting with a dash, use \"--\":\n"
                f"      {argv[0]} [OPTIONS...] COMMAND -- -.{value or ''} ..."
            )
        elif value is not None:
            if key in _TEXTS:
                setattr(options, key, value)
            else:
                _SETTERS[key](options, value)
    _check(options)
    return options, line.operands


def _check(options: Options) -> None:
    if options.wait and options.no_block:
        raise OptionError("--wait may not be combined with --no-block.")
    if options.root and options.image:
        raise OptionError("Please specify either --root= or --image=, the combination of both is not supported.")
    if options.scope == "user" and options.host is not None:
        raise OptionError("Cannot access user instance remotely.")


def _type(options: Options, value: str) -> None:
    for word in value.split(","):
        if word == "help":
            raise HelpShown("\n".join(["Available unit types:", *UNIT_TYPES]))
        if word in UNIT_TYPES:
            options.types.append(word)
        elif word in LOAD_STATES:
            options.states.append(word)
        elif word:
            raise OptionError(
                f"Unknown unit type or load state '{word}'.\nUse -t help to see a list of allowed values."
            )


def _state(options: Options, value: str) -> None:
    for word in value.split(","):
        if word == "help":
            from systemctl_replacement.cli.state_names import available_states

            raise HelpShown(available_states())
        if word:
            options.states.append(word)


def _property(options: Options, value: str) -> None:
    options.properties = (options.properties or []) + [word for word in value.split(",") if word]


def _property_value(options: Options, value: str) -> None:
    options.value = True
    _property(options, value)


def _legend(options: Options, value: str) -> None:
    legend = boolean(value)
    if legend is None:
        raise OptionError(f"Failed to parse boolean argument to --legend: {value}.")
    options.legend = legend


def _root(options: Options, value: str) -> None:
    import os

    options.root = os.path.abspath(value) if value else ""


def _lines(options: Options, value: str) -> None:
    if not (value.isascii() and value.isdigit()) or int(value) >= 2**32:
        raise OptionError(f"Failed to parse lines '{value}'")
    options.lines = int(value)


def _output(options: Options, value: str) -> None:
    if value == "help":
        raise HelpShown("\n".join(OUTPUT_MODES))
    if value not in OUTPUT_MODES:
        raise OptionError(f"Unknown output '{value}'.")
    options.output = value
    if value.startswith("json"):
        options.legend, options.plain = False, True


def _signal(options: Options, value: str) -> None:
    from systemctl_replacement import signals

    if value in ("help", "list"):
        from systemctl_replacement.cli.state_names import signal_list

        table = value == "list"
        raise HelpShown(signal_list(table=table), table)
    number = signals.number(value)
    if number is None:
        raise OptionError(f'Failed to parse signal string "{value}".')
    options.signal = number


def _preset_mode(options: Options, value: str) -> None:
    if value == "help":
        raise HelpShown("\n".join(PRESET_MODES))
    if value not in PRESET_MODES:
        raise OptionError(f"Failed to parse preset mode: {value}.")
    options.preset_mode = value


def _timestamp(options: Options, value: str) -> None:
    if value == "help":
        raise HelpShown("\n".join(TIMESTAMP_STYLES))
    style = value.replace("µs", "us").replace("μs", "us")
    if style not in TIMESTAMP_STYLES:
        raise OptionError(f"Invalid value: {value}.")
    options.timestamp = style


def _check_inhibitors(options: Options, value: str) -> None:
    if value != "auto" and boolean(value) is None:
        raise OptionError(f"Failed to parse --check-inhibitors= argument: {value}")
    options.check_inhibitors = value


def _what(options: Options, value: str) -> None:
    if value == "help":
        from systemctl_replacement.exec_directories import KINDS

        raise HelpShown("\n".join(kind.word for kind in KINDS))
    options.what += [word for word in value.split(",") if word]


_SETTERS = {
    "type": _type,
    "state": _state,
    "property": _property,
    "property_value": _property_value,
    "legend": _legend,
    "root": _root,
    "lines": _lines,
    "output": _output,
    "signal": _signal,
    "preset_mode": _preset_mode,
    "timestamp": _timestamp,
    "check_inhibitors": _check_inhibitors,
    "what": _what,
}
