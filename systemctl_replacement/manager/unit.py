"""A unit as the manager holds it: the loaded file, the state of its machine, its job, its processes, its past."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.table import TYPE_SECTIONS, section_table
from systemctl_replacement.units.table import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.loop import Timer
    from systemctl_replacement.manager.pid_file import Watch
    from systemctl_replacement.manager.ports.held import Ports
    from systemctl_replacement.supervision.fd_store import FdStore
    from systemctl_replacement.supervision.unit_processes import Tracking
    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.units.events import Spawn
    from systemctl_replacement.units.kind import Roles, State

Stamp = tuple[int, int]


# Every kind of dependency with the kind that the other side sees (org.freedesktop.systemd1(5)).
INVERSE: dict[str, str] = {
    "Requires": "RequiredBy",
    "Requisite": "RequisiteOf",
    "Wants": "WantedBy",
    "BindsTo": "BoundBy",
    "Upholds": "UpheldBy",
    "PartOf": "ConsistsOf",
    "Conflicts": "ConflictedBy",
    "Before": "After",
    "After": "Before",
    "OnSuccess": "OnSuccessOf",
    "OnFailure": "OnFailureOf",
    "Triggers": "TriggeredBy",
    "TriggeredBy": "Triggers",
    "PropagatesReloadTo": "ReloadPropagatedFrom",
    "ReloadPropagatedFrom": "PropagatesReloadTo",
    "PropagatesStopTo": "StopPropagatedFrom",
    "StopPropagatedFrom": "PropagatesStopTo",
    "JoinsNamespaceOf": "NamespaceJoinedBy",  # which systemd does not show
    "Slice": "SliceOf",
}

# The same for either side.
INVERSE_OF: dict[str, str] = {**{inverse: kind for kind, inverse in INVERSE.items()}, **INVERSE}


class ManagedUnit:
    """One loaded unit. `id` is its canonical name; everything else may change under it by a daemon-reload."""

    # Dozens of units are in memory, and a dictionary for so many attributes is four times as large.
    __slots__ = (
        "activation_details",
        "asked_for",
        "assert_result",
        "assert_results",
        "complete",
        "condition_result",
        "condition_results",
        "config",
        "dependencies",
        "fd_store",
        "file",
        "id",
        "invocation_id",
        "is_overdue",
        "job",
        "kind",
        "limit_hit",
        "names",
        "nop_job",
        "peer",
        "pid_file_watch",
        "ports",
        "quiet",
        "references",
        "skipped",
        "stamps",
        "starts",
        "state",
        "stays_skipped",
        "timer",
        "tracking",
        "traits",
    )

    def __init__(self, file: Unit) -> None:
        self.id = file.id
        self.file = file
        self.traits = TYPES[file.type]
        self.kind = self.traits.load()
        self.names: set[str] = set()  # every name it was asked for by, or its files give it
        self.quiet = False  # loaded for strangers' questions alone: what is wrong with its files is not logged
        self.complete = False  # all it refers to, directly or not, is loaded and linked
        self.config: object = None  # the record of its kind, which only that looks into; set when it is loaded
        self.state: State = self.kind.initial_state()
        self.dependencies: dict[str, dict[str, None]] = {}  # kind -> unit ids, in order, inverses included
        self.references: set[str] = set()  # ids of the units this one names itself
        self.job: Job | None = None
        self.nop_job: Job | None = None
        self.tracking: Tracking | None = None
        self.timer: Timer | None = None
        self.is_overdue = False  # a deadline has passed; what its processes have sent before is being asked for
        self.skipped = ""  # why init leaves this unit alone in a container, "" if it does not
        self.stays_skipped = False  # so it does if the unit is asked for by name
        self.invocation_id = ""
        self.activation_details: tuple[str, ...] = ()  # of the Trigger that has first started it since it was loaded
        self.stamps: dict[
            str, Stamp
        ] = {}  # InactiveExit ActiveEnter ActiveExit InactiveEnter StateChange Condition Assert
        self.condition_result = False
        self.assert_result = False
        self.condition_results: tuple[int, ...] = ()  # per Condition: 0 untested, 1 held, -1 failed
        self.assert_results: tuple[int, ...] = ()  # the same per Assert
        self.starts: list[int] = []  # monotonic times of recent starts, for the start limit
        self.limit_hit = False  # the last start was one too many
        self.peer = ""  # who is at the other end of the connection that it serves
        self.fd_store: FdStore | None = None  # made when the service first leaves something
        self.ports: Ports | None = None  # made when its machine first asks for one
        self.asked_for: dict[int, Spawn] = {}  # by token: those of which no process is known yet
        self.pid_file_watch: Watch | None = None

    @property
    def type(self) -> str:
        return self.file.type

    @property
    def sub_state(self) -> str:
        return self.state.sub

    @property
    def active_state(self) -> str:
        return self.kind.active_state(self.config, self.state)

    @property
    def roles(self) -> Roles:
        """Its main and its control process."""
        return self.kind.roles(self.state)

    @property
    def bus_name(self) -> str:
        """Its name on the system bus, "" without one or if it cannot be loaded."""
        return self.kind.bus_name(self.file) if self.file.load_state == "loaded" else ""

    @property
    def description(self) -> str:
        described = str(self.file.get("Unit", "Description") or "")
        if self.peer:
            return f"{described} ({self.peer})" if described else self.peer
        return described or self.id

    @property
    def section(self) -> str:
        """The section of its type, "" for a type without."""
        return TYPE_SECTIONS.get(self.type, "")

    def get(self, section: str, directive: str) -> Any:
        return self.file.get(section, directive)

    def own(self, directive: str) -> Any:
        """The value of a directive of the section of its type, None for one that the section does not know."""
        section = self.section
        return self.file.get(section, directive) if directive in section_table(section) else None

    def related(self, kind: str) -> dict[str, None]:
        """The ids of the units related by one kind of dependency; must not be changed."""
        return self.dependencies.get(kind, _NONE)

    def relate(self, kind: str, other: str) -> None:
        if other != self.id:
            self.dependencies.setdefault(kind, {})[other] = None


_NONE: dict[str, None] = {}
