"""halt, poweroff, reboot, kexec, exit, default, rescue, emergency: the whole system, which here is the container."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.start import enqueue
from systemctl_replacement.control.client import CallError, Disconnected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options

_TARGETS = {"default": "default.target", "rescue": "rescue.target", "emergency": "emergency.target"}


def halt_system(verb: str, options: Options, invocation: Invocation, exit_status: int | None = None) -> int:
    """Ask the manager to halt, orderly or by force."""
    if options.dry_run:
        return 0
    manager = invocation.manager_to_change()
    if manager is None:
        if options.root:
            raise CommandError(f"Verb '{verb}' cannot be used with --root= or --image=.")
        invocation.refuse_as_pid1(verb)
        raise CommandError(
            "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
            "Failed to connect to bus: Host is down"
        )
    if options.force and not manager.may_change:
        raise CommandError("Need to be root." if options.force > 1 else "Failed to execute operation: Access denied")
    parameters: dict[str, Any] = {"verb": verb, "force": min(options.force, 2)}
    if exit_status is not None:
        parameters["exit_status"] = exit_status
    try:
        manager.call("Halt", **parameters)
    except CallError as error:
        if exit_status is not None:
            raise CommandError(f"Failed to set exit code: {error.message}") from None
        invocation.err(f"Failed to start {verb}.target: {error.message}")
        if error.dbus_name != "org.freedesktop.DBus.Error.AccessDenied":
            return 1
        invocation.err(f"See system logs and 'systemctl status {verb}.target' for details.")
        return 4
    except Disconnected:
        pass  # it exited at once
    return 0


def exit_system(words: list[str], options: Options, invocation: Invocation) -> int:
    """Halt with an exit status, which becomes the container's."""
    exit_status = None
    if words:
        if not (words[0].isascii() and words[0].isdigit() and int(words[0]) <= 255):
            raise CommandError("Invalid exit code.")
        exit_status = int(words[0])
    return halt_system("exit", options, invocation, exit_status)


def isolate_target(verb: str, options: Options, invocation: Invocation) -> int:
    """Isolate one of the targets that are modes of the system."""
    if options.dry_run:
        return 0
    manager = invocation.running_manager(verb)
    # Do not wait for jobs of the whole system: they may stop the caller.
    options.no_block = options.no_block or verb in ("rescue", "emergency")
    return enqueue(manager, "start", [_TARGETS[verb]], "isolate", options, invocation)


def _halt_verb(verb: str) -> Any:
    return lambda words, options, invocation: halt_system(verb, options, invocation)


def _target_verb(verb: str) -> Any:
    return lambda words, options, invocation: isolate_target(verb, options, invocation)


VERBS = {
    **{verb: _halt_verb(verb) for verb in ("halt", "poweroff", "reboot", "kexec")},
    **{verb: _target_verb(verb) for verb in _TARGETS},
    "exit": exit_system,
}
