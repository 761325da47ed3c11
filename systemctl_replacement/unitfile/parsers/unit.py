"""Parsers of single directives of [Unit], [Service], [Timer], [Path] and [Swap]. Messages from systemd 252."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_NOTICE
from systemctl_replacement.unitfile import quoting, values
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EMERGENCY_ACTIONS = (
    "none", "reboot", "reboot-force", "reboot-immediate", "poweroff", "poweroff-force", "poweroff-immediate",
    "exit", "exit-force",
)  # fmt: skip
JOB_MODES = (
    "fail", "replace", "replace-irreversibly", "isolate", "flush", "ignore-dependencies", "ignore-requirements",
    "triggering",
)  # fmt: skip
SERVICE_TYPES = ("simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle")
RESTART_MODES = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")
KILL_MODES = ("control-group", "process", "mixed", "none")

job_mode = parsers.choice(JOB_MODES, "job mode")
collect_mode = parsers.choice(("inactive", "inactive-or-failed"), "garbage collection mode")
service_type = parsers.choice(SERVICE_TYPES, "service type")
exit_type = parsers.choice(("main", "cgroup"), "service exit type")
restart = parsers.choice(RESTART_MODES, "service restart specifier")
restart_mode = parsers.choice(("normal", "direct"), "service restart mode")
notify_access = parsers.choice(("none", "main", "exec", "all"), "notify access specifier")
oom_policy = parsers.choice(("continue", "stop", "kill"), "OOM policy")
descriptor_store_preserve = parsers.bool_or(("restart",), "file descriptor store preserve mode")
timeout_failure_mode = parsers.choice(("terminate", "abort", "kill"), "timeout failure mode")


def kill_mode(context: ParseContext, key: str, text: str) -> Any:
    """KillMode=."""
    if not text:
        return UNSET
    if text not in KILL_MODES:
        raise Refused(f"Failed to parse kill mode specification, ignoring: {text}")
    if text == "none":
        context.warn(
            "Unit uses KillMode=none. This is unsafe, as it disables systemd's process lifecycle management for the "
            "service. Please update the service to use a safer KillMode=, such as 'mixed' or 'control-group'. "
            "Support for KillMode=none is deprecated and will eventually be removed."
        )
    return text


_OPEN_OPTIONS = ("read-only", "append", "truncate", "graceful")


def open_file(context: ParseContext, key: str, text: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """OpenFile=: (path, name of the descriptor, options), which exclude each other but for `graceful`."""
    refused = Refused(f"Failed to parse OpenFile, ignoring: {text}")
    try:
        path, name, options, *more = [*quoting.split(text, ":", keep_empty=True), "", ""]
    except quoting.QuotingError:
        raise refused from None
    name = name or path.rpartition("/")[2]
    chosen = tuple(options.split(",")) if options else ()
    if any(more) or not values.valid_absolute_path(path) or not values.valid_descriptor_name(name):
        raise refused
    if set(chosen) - set(_OPEN_OPTIONS) or len(chosen) != len(set(chosen)) or len(set(chosen) - {"graceful"}) > 1:
        raise refused
    return ((path, name, chosen),)


def obsolete_dependencies(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """RequiresOverridable= and RequisiteOverridable=."""
    now = key.replace("Overridable", "")
    context.warn(
        f"Unit dependency type {key}= is obsolete, replacing by {now}=, please update your unit file", LOG_NOTICE
    )
    return parsers.unit_dependencies(context, key, text)


_URI_SCHEMES = ("http://", "https://", "file:/", "info:", "man:")


def documentation(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Documentation=: URIs."""

    def convert(word: str) -> str:
        if not any(word.startswith(scheme) and len(word) > len(scheme) for scheme in _URI_SCHEMES):
            raise Refused(f"Invalid URL, ignoring: {word}")
        return word

    return parsers.each(context, list(parsers.string_list(context, key, text)), convert)


def mounts_for(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """RequiresMountsFor=."""
    return parsers.path_list(context, key, text)


def job_mode_isolate(context: ParseContext, key: str, text: str) -> str:
    """OnFailureIsolate=, the old form of OnFailureJobMode=isolate."""
    try:
        return "isolate" if values.parse_bool(text) else "replace"
    except ValueError:
        raise Refused(f"Failed to parse boolean, ignoring: {text}") from None


def emergency_action(context: ParseContext, key: str, text: str) -> str:
    """StartLimitAction=, FailureAction= and their siblings."""
    if text not in EMERGENCY_ACTIONS:
        raise Refused(f"Failed to parse {key}=, ignoring: {text}")
    return text


def exit_status(context: ParseContext, key: str, text: str) -> Any:
    """FailureActionExitStatus=, SuccessActionExitStatus=: 0 to 255."""
    if not text:
        return UNSET
    try:
        return values.parse_integer(text, 0, 255)
    except (ValueError, OverflowError) as error:
        raise Refused(f"Failed to parse exit status '{text}', ignoring: {parsers.message_of(error)}") from None


def timeout_abort(context: ParseContext, key: str, text: str) -> Any:
    """TimeoutAbortSec=: empty means the value of TimeoutStopSec=."""
    if not text:
        return UNSET
    try:
        return values.parse_time_span(text)
    except ValueError:
        raise Refused(f"Failed to parse {key}= setting, ignoring: {text}") from None


def bus_name(context: ParseContext, key: str, text: str) -> str:
    """BusName=."""
    name = parsers.expanded(context, text, "{}")
    unique = name.startswith(":")
    parts = name.removeprefix(":").split(".")
    if len(parts) < 2 or len(name) > 255 or not all(_bus_name_part(part, unique) for part in parts):
        raise Refused(f"Invalid bus name, ignoring: {name}")
    return name


def _bus_name_part(part: str, unique: bool) -> bool:
    part = part.replace("-", "_")
    return part.isascii() and (part.isidentifier() or (unique and bool(part) and ("_" + part).isidentifier()))


def swap_priority(context: ParseContext, key: str, text: str) -> Any:
    """Priority= of swaps."""
    if not text:
        return UNSET
    try:
        priority = values.parse_integer(text)
    except (ValueError, OverflowError):
        raise Refused(f"Invalid swap priority '{text}', ignoring.") from None
    if priority < -1:
        raise Refused(
            f"Sorry, swap priorities smaller than -1 may only be assigned by the kernel itself, ignoring: {text}"
        )
    if priority > 32767:
        raise Refused(f"Swap priority out of range, ignoring: {text}")
    return priority


def timer_base(context: ParseContext, key: str, text: str) -> Any:
    """OnCalendar= (text in normal form) and the monotonic timers (microseconds): (directive, value).

    Empty drops all of them.
    """
    if not text:
        return UNSET
    if key == "OnCalendar":
        return ((key, _calendar(parsers.expanded(context, text))),)
    try:
        return ((key, values.parse_time_span(parsers.expanded(context, text))),)
    except ValueError:
        raise Refused(f"Failed to parse timer value, ignoring: {text}") from None


def _calendar(text: str) -> str:
    """A calendar event in normal form. Imports late: PID 1 seldom needs it."""
    import time

    from systemctl_replacement.calendar import event as calendar

    try:
        return str(calendar.parse(text, time.tzname))
    except calendar.CalendarError:
        raise Refused(f"Failed to parse calendar specification, ignoring: {text}") from None


def path_spec(context: ParseContext, key: str, text: str) -> Any:
    """PathExists= and its siblings: (directive, path). Empty drops all of them."""
    if not text:
        return UNSET
    return ((key, parsers.check_path(key, parsers.expanded(context, text, "{}"))),)
