"""The types of units: all that is to be known of each without a unit at hand, and where its kind is.

To be read as a table, by whoever reads unit files, by the manager and by the command line alike. A kind is imported
when the first unit of its type is loaded.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.kind import Kind

# Directives that several types have.
_RESOURCES, _KILLING = "resource.RESOURCE", "kill.KILL"
_PROCESSES = ("exec.EXEC", "sandbox.SANDBOX", _RESOURCES, _KILLING)
# Properties that several types have.
_RUNS = ("CGROUP", "EXEC", "KILL", "UNIT")


@dataclass(frozen=True)
class Traits:
    """What is the same for all units of a type. What a type that is not supported cannot do is left out.

    kind: the module that has the kind, below units/ if the name begins with a dot; there it is called KIND.
    section: the section of its unit files besides [Unit] and [Install].
    directives: the families of directives of that section, as module.NAME below unitfile/directives/; what has more
    dots is the name from the top.
    properties: the groups of properties that `show` prints, in order, as NAME in unitfile/properties/order.py; what
    has dots is the name from the top.
    """

    kind: str
    section: str = ""
    directives: tuple[str, ...] = ()
    properties: tuple[str, ...] = ("UNIT",)
    startable: bool = False  # CanStart=, but for what the unit itself says
    stoppable: bool = True  # CanStop=: the others are the kernel's to take away
    killable: bool = False  # `systemctl kill` is accepted
    cleanable: bool = False  # `systemctl clean` is accepted
    freezable: bool = False  # CanFreeze=; a slice has to ask its members, too
    holds_members: bool = False  # other units are in it by Slice=
    runs_processes: bool = False  # processes of its own, which tell us of themselves
    has_main_process: bool = False  # MainPID=
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
    keeps_control_group: bool = False  # while it is up, whether there is a process in it or not

    @property
    def is_supported(self) -> bool:
        """Whether there can be such units in a container."""
        return self.kind != ".unsupported"

    def load(self) -> Kind:
        """The kind that runs the units of this type."""
        name = f"{__package__}{self.kind}" if self.kind.startswith(".") else self.kind
        kind: Kind = __import__(name, fromlist=("KIND",)).KIND
        return kind


# In systemd's own order, which also decides which of two jobs runs first.
TYPES: dict[str, Traits] = {
    "service": Traits(
        ".service.kind", section="Service", directives=("service.SERVICE", *_PROCESSES),
        properties=("SERVICE", *_RUNS),
        startable=True, killable=True, cleanable=True, freezable=True, runs_processes=True, has_main_process=True,
        stores_descriptors=True, start_limited=True, stopped_by_isolate=True, keeps_manager=True, prominent=True,
        tells_result=True,
    ),
    "mount": Traits(
        ".mount.kind", section="Mount", directives=("mount.MOUNT", *_PROCESSES), properties=("MOUNT", *_RUNS),
        startable=True, killable=True, cleanable=True, runs_processes=True, start_limited=True, prominent=True,
        from_mountinfo=True, keeps_control_group=True,
    ),
    "swap": Traits(
        ".unsupported", section="Swap", directives=("mount.SWAP", *_PROCESSES), properties=("SWAP", *_RUNS),
        stoppable=False, killable=True, cleanable=True, keeps_control_group=True,
    ),
    "socket": Traits(
        ".socket.kind", section="Socket", directives=("socket.SOCKET", *_PROCESSES), properties=("SOCKET", *_RUNS),
        startable=True, killable=True, cleanable=True, runs_processes=True, start_limited=True,
        stopped_by_isolate=True, keeps_manager=True, prominent=True, triggers=True, keeps_control_group=True,
    ),
    "target": Traits(".target", startable=True, stopped_by_isolate=True, groups=True),
    "device": Traits(".unsupported", properties=("DEVICE", "UNIT"), stoppable=False),
    "automount": Traits(
        ".unsupported", section="Automount", directives=("mount.AUTOMOUNT",), properties=("AUTOMOUNT", "UNIT"),
        stoppable=False,
    ),
    "timer": Traits(
        ".timer.kind", section="Timer", directives=("timer.TIMER",), properties=("TIMER", "UNIT"),
        startable=True, triggers=True, start_limited=True, cleanable=True, stopped_by_isolate=True, keeps_manager=True,
        shows_next_elapse=True,
    ),
    "path": Traits(
        ".path", section="Path", directives=("path.PATH",), properties=("PATH", "UNIT"),
        startable=True, triggers=True, start_limited=True, stopped_by_isolate=True, keeps_manager=True,
    ),
    "slice": Traits(
        ".slice", section="Slice", directives=(_RESOURCES,), properties=("CGROUP", "UNIT"),
        startable=True, killable=True, freezable=True, holds_members=True, keeps_control_group=True,
    ),
    "scope": Traits(
        ".scope", section="Scope", directives=("scope.SCOPE", _RESOURCES, _KILLING),
        properties=("SCOPE", "CGROUP", "KILL", "UNIT"),
        killable=True, freezable=True, keeps_control_group=True,
    ),
}  # fmt: skip


_NO_TYPE = Traits(".unsupported", stoppable=False)


def traits_of(unit: str) -> Traits:
    """The traits of a unit's type, by the unit's name; of a name that is no unit's nothing is said."""
    return TYPES.get(unit.rpartition(".")[2], _NO_TYPE)
