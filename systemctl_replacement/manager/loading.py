"""Loading the unit that somebody names from outside: a client, or the bus."""

from __future__ import annotations

from systemctl_replacement.jobs.model import JobError
from systemctl_replacement.jobs.transaction import INVALID_ARGS
from systemctl_replacement.unitfile import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from systemctl_replacement.manager.registry import Registry
    from systemctl_replacement.manager.reload import DaemonReload
    from systemctl_replacement.manager.unit import ManagedUnit


def load(
    registry: Registry, reload: DaemonReload, name: str, quiet: bool = False
) -> Generator[None, None, ManagedUnit]:
    """The unit with a name, loaded step by step; quiet: as for `Registry.loading`. JobError in systemd's words if it is
    no unit's name."""
    if not names.valid_unit_name(name):
        raise JobError(INVALID_ARGS, f"Unit name {name} is not valid.")
    if names.is_template(name):
        raise JobError(INVALID_ARGS, f"Unit name {name} is missing the instance name.")
    reload.look_for_new()
    registry.collect()
    yield from registry.loading(name, quiet)
    return registry.get(name, quiet)
