"""The types of units: what can be said of each without a unit at hand, and the kind that runs its units.

To be read as a table, by the manager and by the command line alike. A kind is imported when the first unit of its type
is loaded.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.units.kind import Kind


@dataclass(frozen=True)
class Traits:
    """What is the same for all units of a type. What a type that is not built yet cannot do is left out."""

    load: Callable[[], Kind]
    startable: bool = False  # CanStart=, but for what the unit itself says
    stoppable: bool = True  # CanStop=: the others are the kernel's to take away
    killable: bool = False  # `systemctl kill` is accepted
    cleanable: bool = False  # `systemctl clean` is accepted
    freezable: bool = False  # CanFreeze=; a slice has to ask its members, too
    holds_members: bool = False  # other units are in it by Slice=
    runs_processes: bool = False  # processes of its own, which tell us of themselves
    stores_descriptors: bool = False  # of its processes (FileDescriptorStoreMax=, systemd.service(5))
    triggers: bool = False  # starts other units because of what it watches: it is told what becomes of them
    start_limited: bool = False  # StartLimitBurst= counts its starts
    stopped_by_isolate: bool = False  # IgnoreOnIsolate=no where the unit says nothing
    keeps_manager: bool = False  # an on-demand manager stays while such a unit is not down
    prominent: bool = False  # what happens to it is told on the container's output
    tells_result: bool = False  # systemctl explains a failed job by the unit's result
    groups: bool = False  # does nothing itself; it is ordered after what it pulls in, and a boot starts it anew
    from_mountinfo: bool = False  # is there when the kernel has mounted it
    shows_next_elapse: bool = False  # `status` has the line Trigger:


def _service() -> Kind:
    from systemctl_replacement.units.service.kind import KIND

    return KIND


def _target() -> Kind:
    from systemctl_replacement.units.target import KIND

    return KIND


def _slice() -> Kind:
    from systemctl_replacement.units.slice import KIND

    return KIND


def _mount() -> Kind:
    from systemctl_replacement.units.mount import KIND

    return KIND


def _scope() -> Kind:
    from systemctl_replacement.units.scope import KIND

    return KIND


def _not_built() -> Kind:
    from systemctl_replacement.units.not_built import KIND

    return KIND


TYPES: dict[str, Traits] = {
    "service": Traits(
        _service, startable=True, killable=True, cleanable=True, freezable=True, runs_processes=True,
        stores_descriptors=True, start_limited=True, stopped_by_isolate=True, keeps_manager=True, prominent=True,
        tells_result=True,
    ),
    "target": Traits(_target, startable=True, stopped_by_isolate=True, groups=True),
    "slice": Traits(_slice, startable=True, killable=True, freezable=True, holds_members=True),
    "scope": Traits(_scope, killable=True, freezable=True),
    "socket": Traits(_not_built, killable=True, cleanable=True, stopped_by_isolate=True, triggers=True),
    "timer": Traits(_not_built, triggers=True, stopped_by_isolate=True, shows_next_elapse=True),
    "path": Traits(_not_built, triggers=True, stopped_by_isolate=True),
    "mount": Traits(_mount, stoppable=False, killable=True, cleanable=True, from_mountinfo=True),
    "automount": Traits(_not_built, stoppable=False, triggers=True),
    "swap": Traits(_not_built, stoppable=False, killable=True, cleanable=True),
    "device": Traits(_not_built, stoppable=False),
}  # fmt: skip


_NO_TYPE = Traits(_not_built, stoppable=False)


def traits_of(unit: str) -> Traits:
    """The traits of a unit's type, by the unit's name; of a name that is no unit's nothing is said."""
    return TYPES.get(unit.rpartition(".")[2], _NO_TYPE)
