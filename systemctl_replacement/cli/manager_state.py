"""daemon-reload, daemon-reexec, log-level, log-target: the verbs about the manager itself."""

from __future__ import annotations

from systemctl_replacement import log_levels
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.control.client import CallError, Disconnected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options


def daemon_reload(_words: list[str], _options: Options, invocation: Invocation) -> int:
    """Read all unit files again. Without a manager nothing can be out of date."""
    if invocation.options.scope == "global":
        return 0
    invocation.refuse_as_pid1("daemon-reload")
    manager = invocation.manager_to_change()
    if manager is not None:
        try:
            # Generators run before the manager answers.
            manager.call_waiting("Reload")
        except CallError as error:
            raise CommandError(f"Reload daemon failed: {error.message}") from None
    return 0


def daemon_reexec(_words: list[str], _options: Options, invocation: Invocation) -> int:
    """Have the manager re-execute itself. It may close the connection instead of answering."""
    invocation.refuse_as_pid1("daemon-reexec")
    manager = invocation.manager_to_change()
    if manager is not None:
        try:
            manager.call_waiting("Reexecute")
        except CallError as error:
            raise CommandError(f"Reexecute daemon failed: {error.message}") from None
        except Disconnected:
            pass
    return 0


def log_level(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Show or set the manager's log level."""
    if words and words[0] not in log_levels.NAMES and words[0] not in tuple("01234567"):
        raise CommandError(f'"{words[0]}" is not a valid log level.')
    return _log("level", words, invocation)


_LOG_TARGETS = (
    "console", "console-prefixed", "kmsg", "journal", "journal-or-kmsg", "syslog", "syslog-or-kmsg", "auto", "null",
)  # fmt: skip


def log_target(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Show or set the manager's log target."""
    if words and words[0] and words[0] not in _LOG_TARGETS:
        what = f"Invalid log target '{words[0]}'"
        raise CommandError(f"Failed to set log target of org.freedesktop.systemd1 to {words[0]}: {what}")
    return _log("target", words, invocation)


def _log(what: str, words: list[str], invocation: Invocation) -> int:
    if words:
        try:
            invocation.running_manager(f"log-{what}").call("Log", **{what: words[0]})
        except CallError as error:
            said = f"Failed to set log {what} of org.freedesktop.systemd1 to {words[0]}"
            raise CommandError(f"{said}: {error.message}") from None
        return 0
    invocation.out(invocation.manager_or_files().call("Log")[what])
    return 0


VERBS = {
    "daemon-reload": daemon_reload,
    "daemon-reexec": daemon_reexec,
    "log-level": log_level,
    "log-target": log_target,
}
