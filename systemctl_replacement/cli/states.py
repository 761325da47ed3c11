"""is-active, is-failed, is-system-running: scripts call these all the time. This is the hot path."""

from __future__ import annotations

import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.exit_status import EXIT_NOT_ACTIVE
from systemctl_replacement.unitfile.names import is_template, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options


def is_active(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the state of each unit. 0 if any of them is active or reloading."""
    return _check(words, options, invocation, ("active", "reloading"), EXIT_NOT_ACTIVE)


def is_failed(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the state of each unit. 0 if any of them has failed."""
    return _check(words, options, invocation, ("failed",), 1)


def _check(words: list[str], options: Options, invocation: Invocation, good: tuple[str, ...], otherwise: int) -> int:
    names = expand(words, invocation)
    unusable = [name for name in names if is_template(name) or not valid_unit_name(name)]
    if unusable:
        names = names[: names.index(unusable[0])]
    states = invocation.manager_or_files().call("States", names=names)["states"] if names else []
    if not options.quiet:
        for state in states:
            invocation.out(state["active_state"])
    if unusable:
        what = f"Unit name {unusable[0]} is neither a valid invocation ID nor unit name."
        raise CommandError(f"Failed to retrieve unit state: {what}")
    return 0 if any(state["active_state"] in good for state in states) else otherwise


def is_system_running(_words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the state of the whole system. 0 only if it is running."""
    offline = boolean(os.environ.get("SYSTEMD_OFFLINE", ""))
    manager = None if offline else invocation.manager(wait=options.wait)
    state = ""
    if manager is None and not (offline or options.root):
        from systemctl_replacement.control import init_process

        init = init_process.look()
        if init is not None and init.answers:
            # PID 1 has become ready meanwhile. If it refuses us, the message names its user.
            manager = invocation.manager()
        if init is not None:
            state = "unknown" if init.answers else "initializing"
    if manager is None:
        state = state or "offline"
    elif options.wait:
        state = manager.call_waiting("SystemState", wait=True)["state"]
    else:
        state = manager.call("SystemState")["state"]
    if not options.quiet:
        invocation.out(state)
    return 0 if state == "running" else 1


VERBS = {
    "is-active": is_active,
    "check": is_active,
    "is-failed": is_failed,
    "is-system-running": is_system_running,
}
