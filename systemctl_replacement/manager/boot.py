"""What a boot starts: the units that the command line names, or one target with everything it wants (bootup(7))."""

from __future__ import annotations

import os

from systemctl_replacement.defaults import SEARCH_PATH
from systemctl_replacement.jobs.model import MODE_REPLACE, START, JobError
from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.manager.halt.final_status import REFUSED
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.options import RUNNING, InitOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


# systemctl's exit statuses for units that cannot be started: there is no such unit, or any other reason.
_NO_SUCH_UNIT = 5
_REFUSED = 1


def enqueue(manager: Manager, options: InitOptions) -> bool:
    """Queue the jobs of the boot. Returns whether there are any.

    Unlike systemd we isolate nothing, because what runs was taken over. If a unit that the command line names
    cannot be started, exit instead: a container that runs something other than it was told to helps nobody.
    """
    for word in options.unknown:
        manager.log.manager(LOG_WARNING, f"Unknown option {word}, ignoring.")
    if options.units:
        status = _enqueue_units(manager, options.units)
        if not (options.keep_running or options.command):
            manager.boot.named.update(dict.fromkeys(options.units))
    else:
        status = _enqueue_target(manager, options.unit)
    if not status:
        status = _enqueue_units(manager, [name for name in options.wait_for if name != RUNNING])
    if status:
        manager.halt.known[REFUSED] = status
        manager.halt.request("exit")
    return not status


def _enqueue_units(manager: Manager, names: Sequence[str]) -> int:
    status = 0
    for name in names:
        manager.registry.unskip(manager.registry.get(name))
        try:
            manager.jobs.enqueue(name, START, MODE_REPLACE)
        except JobError as error:
            manager.log.manager(LOG_ERR, f"Failed to start {name}: {error.message}")
            status = status or _status(error)
            program = name.rpartition(".")[0]
            if _status(error) == _NO_SUCH_UNIT and _is_program(program):
                manager.log.manager(LOG_ERR, f"{program} is a program. This runs it: init -- {program}")
    return status


def _is_program(name: str) -> bool:
    return any(os.access(f"{directory}/{name}", os.X_OK) for directory in SEARCH_PATH)


def _enqueue_target(manager: Manager, asked_for: str) -> int:
    """The requested target or the default one, which rescue.target may replace, as in systemd."""
    status = 0
    for name in (asked_for,) if asked_for else ("default.target", "rescue.target"):
        try:
            manager.jobs.enqueue(name, START, MODE_REPLACE)
            return 0
        except JobError as error:
            manager.log.manager(LOG_ERR, f"Failed to start {name}: {error.message}")
            status = _status(error)
    return status


def _status(error: JobError) -> int:
    return _NO_SUCH_UNIT if error.name.endswith(".NoSuchUnit") else _REFUSED
