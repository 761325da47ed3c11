"""The command line of `init`: our options, and those of systemd's PID 1, which are accepted (systemd(1))."""

from __future__ import annotations

import os

from systemctl_replacement import log_levels
from systemctl_replacement.process import console_filter
from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.values import INFINITY, parse_bool, parse_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Options of systemd(1), and of systemctl(1) with `start`, that mean nothing here. Others cause a warning.
_IGNORED = frozenset(
    (
        "--system", "--user", "--crash-chvt", "--no-block", "--now", "--quiet", "--verbose", "--wait", "--force",
        "--full", "--no-pager", "--no-legend", "--no-reload", "--no-wall", "--no-ask-password",
    )
)  # fmt: skip
_IGNORED_WITH_VALUE = frozenset(
    (
        "--log-target", "--log-color", "--log-location", "--log-time", "--default-standard-output",
        "--default-standard-error", "--machine-id", "--switched-root", "--crash-vt", "--service-watchdogs",
        "--confirm-spawn", "--dump-core", "--crash-shell", "--crash-reboot",
        "--dump-configuration-items", "--dump-bus-properties",
    )
)  # fmt: skip
_OPTIONAL_VALUE = frozenset(
    (
        "--confirm-spawn", "--dump-core", "--crash-shell", "--crash-reboot", "--crash-vt",
        "--log-color", "--log-location", "--log-time",
    )
)  # fmt: skip


# --wait-for=running: the end of the boot.
RUNNING = "running"


class UsageError(Exception):
    """A command line that makes no sense. The text says why."""


@dataclass(frozen=True)
class InitOptions:
    """The options of init. Times are microseconds."""

    root: str = ""
    run_host_programs: bool = False  # although `root` is a whole system, whose programs would not be used
    unit: str = ""  # --unit=: the target to boot to
    units: tuple[str, ...] = ()  # what to start instead of a target
    keep_running: bool = False  # although `units` have ended
    unknown: tuple[str, ...] = ()  # unknown options
    on_demand: bool = False
    ready_fd: int = -1
    deserialize_fd: int = -1
    stop_timeout: int | None = None
    log_level: int = log_levels.LOG_INFO
    json: bool = False
    log_console: str = ""  # all, units or none (process/console_filter.py); "": as journald.conf says
    log_console_level: int | None = None  # the highest level; None: as journald.conf says
    log_console_identifiers: str = ""  # a list; "~" in front: all but these
    show_status: str = ""  # yes, no, auto, error or full (manager_log.py); "": as system.conf says
    profile: str = ""  # with --check: how the image will be run
    output: str = ""  # with --check: text or JSON
    command: tuple[str, ...] = ()  # runs in the foreground, and ends the container
    wait_for: tuple[str, ...] = ()  # units that the command waits for, or RUNNING
    no_group: bool = False  # signals go to the command alone, not to its process group
    foreground: int = 0  # after a re-execution: the pid of the command that runs

    @property
    def has_command(self) -> bool:
        """Whether there is a command in the foreground."""
        return bool(self.command or self.foreground)

    @property
    def is_pid1(self) -> bool:
        """Whether this process is the init of the container, not only a manager of units in it."""
        return os.getpid() == 1 and not self.root


def parse(arguments: list[str]) -> InitOptions:
    """The options for `init ARGUMENTS`. Raises UsageError.

    The words are units, or a single one names a mode of the system. Like systemd's PID 1, we go on without options that
    are unknown, because an engine may pass anything.
    """
    found: dict[str, object] = {}
    words: list[str] = []
    unknown: list[str] = []
    rest = list(arguments)
    checks = "--check" in (rest[: rest.index("--")] if "--" in rest else rest)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found["command"] = _command(rest)
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        if word.startswith("-o") and word[2:3] not in ("", "="):
            word = f"-o={word[2:]}"
        name, equals, value = word.partition("=")
        if not equals and name in _NEEDS_VALUE:
            if not rest:
                raise UsageError(f"Option {name} needs a value.")
            value = rest.pop(0)
        if name in _OF_A_CHECK and not checks:
            unknown.append(word)
            continue
        if equals and name in _FLAGS:
            raise UsageError(f"Option {name} takes no value.")
        if not equals and name == "--show-status":
            value = "yes"
        if not _take(found, name, value):
            unknown.append(word)
    target, units = _meaning(words)
    if target:
        found.setdefault("unit", target)
    if "command" in found or "foreground" in found:
        found.setdefault("show_status", "no")
    elif "wait_for" in found or "no_group" in found:
        raise UsageError(f"Option --{'wait-for=' if 'wait_for' in found else 'no-group'} needs a command: -- COMMAND")
    return InitOptions(units=units, unknown=tuple(unknown), **found)  # type: ignore[arg-type]


def refuse_unknown(options: InitOptions) -> None:
    """UsageError if there are options that nobody knows."""
    if options.unknown:
        raise UsageError(f"Unknown option {options.unknown[0]}: see 'systemctl init --help'.")


def _command(words: list[str]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise UsageError("init --: which command is to run?")
    return tuple(words)


def parse_kernel(arguments: list[str]) -> InitOptions:
    """The options if we are called like PID 1 by the kernel: some of the words may be for the kernel or for
    somebody else (kernel-command-line(7)). Raises UsageError."""
    target = ""
    rest: list[str] = []
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for word in arguments[:end]:
        if word.startswith("-") or (rest and rest[-1] in _NEEDS_VALUE):
            rest.append(word)
        elif word.startswith("systemd.unit="):
            target = _target(word.partition("=")[2])
        elif "=" not in word and word not in _KERNEL_WORDS:
            rest.append(word)
    options = parse(rest + arguments[end:])
    return replace(options, unit=options.unit or target)


def _meaning(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """What the words of a command line ask for: a target to boot to, or units to start. UsageError."""
    for word in words:
        if word in _TO_A_RUNNING_INIT:
            raise UsageError(f"init {word}: there is no init yet that this could be said to.")
        if word in _TARGETS and len(words) > 1:
            raise UsageError(f"init {' '.join(words)}: '{word}' is a mode of the whole system, no unit.")
        if word.startswith("/"):
            raise UsageError(f"init {word}: a path is no unit. This runs a command: init -- {word}")
    if words and words[0] in _TARGETS:
        return _TARGETS[words[0]], ()
    return "", tuple(_unit(word) for word in words)


def _unit(word: str, suffix: str = ".service", option: str = "") -> str:
    """The name of the unit that a word of the command line means. option: it is the value of that."""
    where = f"{option}: " if option else ""
    try:
        name = names.mangle(word, suffix)
    except ValueError as error:
        raise UsageError(f"{where}{error}") from None
    if names.is_template(name):
        raise UsageError(f"{where}Unit name {name} is missing the instance name.")
    return name


_TARGETS = {
    "default": "",
    "emergency": "emergency.target",
    **dict.fromkeys(("rescue", "single", "s", "S", "1"), "rescue.target"),
    **dict.fromkeys(("2", "3", "4"), "multi-user.target"),
    "5": "graphical.target",
}
_TO_A_RUNNING_INIT = frozenset(("0", "6", "q", "Q", "u", "U", "halt", "poweroff", "reboot", "kexec"))
_KERNEL_WORDS = frozenset(
    (
        "auto", "debug", "fastboot", "forcefsck", "forcequotacheck", "nosplash", "quiet", "ro", "rw", "splash", "text",
        "verbose",
    )
)  # fmt: skip

_FLAGS = frozenset(("--on-demand", "--run-host-programs", "--keep-running", "--check", "--no-group"))
_OF_A_CHECK = {"--profile": "profile", "-o": "output", "--output": "output"}
_NEEDS_VALUE = frozenset(
    (
        "--root", "--unit", "--ready-fd", "--deserialize", "--foreground", "--stop-timeout", "--log-level",
        "--log-format", "--log-console", "--log-console-level", "--log-console-identifiers", "--profile", "--wait-for",
        "-o", "--output",
    )
) | (_IGNORED_WITH_VALUE - _OPTIONAL_VALUE)  # fmt: skip


def _take(found: dict[str, Any], name: str, value: str) -> bool:
    """Set the option. Returns whether it is known."""
    if name == "--root":
        found["root"] = value
    elif name == "--run-host-programs":
        found["run_host_programs"] = True
    elif name == "--unit":
        found["unit"] = _target(value)
    elif name == "--keep-running":
        found["keep_running"] = True
    elif name == "--on-demand":
        found["on_demand"] = True
    elif name == "--ready-fd":
        found["ready_fd"] = _descriptor(name, value)
    elif name == "--deserialize":
        found["deserialize_fd"] = _number(name, value)
    elif name == "--foreground":
        found["foreground"] = _number(name, value)
    elif name == "--stop-timeout":
        found["stop_timeout"] = _timeout(value)
    elif name == "--log-level":
        found["log_level"] = _level(value)
    elif name == "--show-status":
        found["show_status"] = _show_status(value)
    elif name in _OF_A_CHECK:
        found[_OF_A_CHECK[name]] = value
    elif name == "--check":
        return True  # seen before: it decides what program this is
    elif name == "--wait-for":
        found["wait_for"] = (*found.get("wait_for", ()), _awaited(value))
    elif name == "--no-group":
        found["no_group"] = True
    elif name == "--log-format":
        if value not in ("json", "text"):
            raise UsageError(f"Unknown log format '{value}': json or text.")
        found["json"] = value == "json"
    elif name == "--log-console":
        if value not in (console_filter.ALL, console_filter.UNITS, console_filter.NONE):
            raise UsageError(f"Unknown value of --log-console= '{value}': all, units or none.")
        found["log_console"] = value
    elif name == "--log-console-level":
        found["log_console_level"] = _level(value)
    elif name == "--log-console-identifiers":
        found["log_console_identifiers"] = value
    else:
        # A word with one dash is a habit (`-v`), or meant for the kernel.
        return not name.startswith("--") or name in _IGNORED or name in _IGNORED_WITH_VALUE
    return True


def _target(value: str) -> str:
    return _unit(value, ".target", "--unit=")


def _awaited(value: str) -> str:
    return value if value == RUNNING else _unit(value, option="--wait-for=")


def _show_status(value: str) -> str:
    """systemd's words, and one of our own: "full"."""
    if value in ("auto", "error", "full"):
        return value
    try:
        return "yes" if parse_bool(value) else "no"
    except ValueError:
        raise UsageError(f"Failed to parse --show-status= parameter '{value}'.") from None


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise UsageError(f"Option {name} needs a number, not '{value}'.")
    return int(value)


def _descriptor(name: str, value: str) -> int:
    number = _number(name, value)
    try:
        os.fstat(number)
    except (OSError, OverflowError):
        raise UsageError(f"Option {name}: descriptor {value} is not open.") from None
    return number


def _timeout(value: str) -> int:
    try:
        usec = parse_time_span(value)
    except ValueError:
        raise UsageError(f"Failed to parse --stop-timeout= parameter '{value}'.") from None
    if usec == INFINITY or usec == 0:
        raise UsageError("--stop-timeout= needs a time between 0 and infinity.")
    return usec


def _level(value: str) -> int:
    if value.isascii() and value.isdigit() and int(value) < len(log_levels.NAMES):
        return int(value)
    if value in log_levels.NAMES:
        return log_levels.NAMES.index(value)
    raise UsageError(f"Failed to parse log level '{value}'.")
