"""What a boot starts: the units that the command line names, or one target with all it wants (bootup(7))."""

from __future__ import annotations

from systemctl_replacement.jobs.model import MODE_ISOLATE, MODE_REPLACE, START, JobError
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.options import InitOptions

LOG_ERR = 3


def enqueue(manager: Manager, options: InitOptions) -> None:
    """Queue the jobs of the boot. What cannot be started is logged."""
    for name in options.units:
        manager.registry.unskip(manager.registry.get(name))
        manager.try_enqueue(name, START, MODE_REPLACE, "start job")
    if not options.units:
        _enqueue_target(manager, options.unit or "default.target")


def _enqueue_target(manager: Manager, target: str) -> None:
    for name, mode in ((target, MODE_ISOLATE), (target, MODE_REPLACE), ("rescue.target", MODE_ISOLATE)):
        try:
            manager.jobs.enqueue(name, START, mode)
            return
        except JobError as error:
            manager.log.manager(LOG_ERR, f"Failed to isolate {name}: {error.message}")
