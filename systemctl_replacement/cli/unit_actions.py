"""kill and reset-failed: one call per unit, and one error message per unit."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.control.client import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options


def kill(words: list[str], options: Options, invocation: Invocation) -> int:
    """Send a signal to processes of units."""
    # Without a manager there are no processes, so none is started.
    manager = invocation.manager_or_files()
    whom = options.kill_whom or "all"
    status = 0
    for name in expand(words, invocation):
        try:
            manager.call("Kill", name=name, whom=whom, signal=options.signal)
        except CallError as error:
            invocation.err(f"Failed to kill unit {name}: {error.message}")
            status = status or 1
    return status


def reset_failed(words: list[str], options: Options, invocation: Invocation) -> int:
    """Forget the failures and start limits of some or all units."""
    manager = invocation.manager_or_files()
    if not words:
        try:
            manager.call("ResetFailed", names=[])
        except CallError as error:
            raise CommandError(f"Failed to execute operation: {error.message}") from None
        return 0
    status = 0
    for name in expand(words, invocation):
        try:
            manager.call("ResetFailed", names=[name])
        except CallError as error:
            invocation.err(f"Failed to reset failed state of unit {name}: {error.message}")
            status = status or 1
    return status


VERBS = {"kill": kill, "reset-failed": reset_failed}
