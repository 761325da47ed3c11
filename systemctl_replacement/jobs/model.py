"""What a job is, and what the job engine must know about the units around it.

A job is a pending change of one unit. Each unit has at most one job, plus at most one "nop" job: a request that turned
out to change nothing, kept until it is reported as done. The engine itself holds no state. The manager owns the job
table and shows it, together with units, states and dependencies, through `View`. Names, types, results and error names
are systemd's (org.freedesktop.systemd1(5), systemctl(1) "--job-mode=").
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Optional, Protocol
else:
    Protocol = object

# Job types that can be installed.
START = "start"
VERIFY_ACTIVE = "verify-active"  # only ever pulled in, by Requisite=
STOP = "stop"
RELOAD = "reload"
RESTART = "restart"  # becomes a start job once its stop is done
NOP = "nop"
# Job types that exist in requests only: `merge.collapse` turns each into one of the above, depending on the state.
TRY_RESTART = "try-restart"
TRY_RELOAD = "try-reload"
RELOAD_OR_START = "reload-or-start"

WAITING = "waiting"
RUNNING = "running"

# Job results, as in the D-Bus signal JobRemoved.
DONE = "done"
CANCELED = "canceled"
TIMEOUT = "timeout"
FAILED = "failed"
DEPENDENCY = "dependency"
SKIPPED = "skipped"
INVALID = "invalid"
ASSERT = "assert"
UNSUPPORTED = "unsupported"

# Job modes.
MODE_FAIL = "fail"
MODE_REPLACE = "replace"
MODE_REPLACE_IRREVERSIBLY = "replace-irreversibly"
MODE_ISOLATE = "isolate"
MODE_FLUSH = "flush"
MODE_IGNORE_DEPENDENCIES = "ignore-dependencies"
MODE_IGNORE_REQUIREMENTS = "ignore-requirements"
MODE_TRIGGERING = "triggering"
MODES = (
    MODE_FAIL,
    MODE_REPLACE,
    MODE_REPLACE_IRREVERSIBLY,
    MODE_ISOLATE,
    MODE_FLUSH,
    MODE_IGNORE_DEPENDENCIES,
    MODE_IGNORE_REQUIREMENTS,
    MODE_TRIGGERING,
)

# Active states, in the groups that matter to jobs.
ACTIVE_STATES = frozenset({"active", "reloading"})
ACTIVE_OR_ACTIVATING_STATES = frozenset({"active", "reloading", "activating"})
INACTIVE_STATES = frozenset({"inactive", "failed"})
INACTIVE_OR_DEACTIVATING_STATES = frozenset({"inactive", "failed", "deactivating"})


LogLine = tuple[str, int, str]
"""(unit that the line is about, syslog level, message without the "unit: " prefix)."""


@dataclass(frozen=True)
class Job:
    """One job that is installed or about to be. To change its state the manager replaces it in its table."""

    id: int
    unit: str
    type: str
    state: str = WAITING
    irreversible: bool = False
    """Set by mode replace-irreversibly: a later request that conflicts is refused, and does not replace this job."""
    ignore_order: bool = False
    """Set by mode ignore-dependencies: this job waits for no other because of After=/Before=, nor others for it."""
    details: tuple[str, ...] = ()
    """What the unit's processes are to know of the occasion ($TRIGGER_…, systemd.exec(5))."""


class JobError(Exception):
    """A refused request: D-Bus error name, message in systemd's words, and the log lines so far."""

    def __init__(self, name: str, message: str, log: tuple[LogLine, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.log = log


@dataclass(frozen=True)
class Transaction:
    """What a request changes in the job table. Apply in this order: `cancelled`, then `install`."""

    anchor: Job
    """The job that answers the request: a member of `install` (with an old id if it merged into an installed job)."""
    install: tuple[Job, ...]
    """Jobs to put into the table under their unit (nop jobs into the table of nop jobs). A job whose id is installed
    already replaces that one: a request was merged into it, its type may differ, and it is "waiting" if it must run
    (again)."""
    cancelled: tuple[Job, ...]
    """Installed jobs to finish first, with result "canceled" and not recursively."""
    next_id: int
    """The first unused job id after this transaction."""
    log: tuple[LogLine, ...] = ()
    deleted: tuple[str, ...] = ()
    """The units without which an ordering cycle is broken, in the order in which the log has them."""


class View(Protocol):
    """The units and jobs as the engine sees them. All unit names, given or returned, are canonical (see `canonical`).

    A unit is loaded when it is first asked about. If there is no such unit file, it is "inactive" and "not-found". The
    answers must not change while a transaction is built.
    """

    def canonical(self, unit: str) -> str:
        """The name of the unit that `unit` is or is an alias of."""

    def heir(self, unit: str) -> str:
        """The unit that is started when this one is to be: itself, unless its name is another unit's now."""

    def kept_apart(self, unit: str) -> Collection[str]:
        """The units that still run under names that are this one's now."""

    def units(self) -> Iterable[str]:
        """All loaded units. Mode isolate stops those that run and are not wanted."""

    def load_state(self, unit: str) -> str:
        """loaded, not-found, bad-setting, error or masked."""

    def load_error(self, unit: str) -> Optional[tuple[str, str]]:
        """(D-Bus error name, message) for a unit whose load state is "error", None for systemd's general text."""

    def active_state(self, unit: str) -> str:
        """active, reloading, inactive, failed, activating or deactivating."""

    def dependencies(self, unit: str, kind: str) -> Collection[str]:
        """The units related by `kind`, without the unit itself. Kinds are named as in `systemctl show`:

        Requires Requisite Wants BindsTo Upholds Conflicts Before After PropagatesReloadTo PropagatesStopTo TriggeredBy,
        RequiredBy RequisiteOf WantedBy BoundBy ConsistsOf UpheldBy ConflictedBy OnFailure OnSuccess.
        This is called for every unit of a transaction, so it must be as cheap as a look-up.
        """

    def job(self, unit: str) -> Optional[Job]:
        """The unit's installed job other than nop."""

    def nop_job(self, unit: str) -> Optional[Job]:
        """The unit's installed nop job."""

    def jobs(self) -> Iterable[Job]:
        """Every installed job, nop jobs included."""

    def applicable(self, unit: str, job_type: str) -> bool:
        """Whether the unit can have a job of this type. Start, verify-active and nop always; stop unless the unit is
        perpetual (-.slice, init.scope); restart if it can be started and stopped; reload if it has ExecReload=."""

    def can_reload(self, unit: str) -> bool:
        """CanReload=: a service with ExecReload=, a mount."""

    def can_isolate(self, unit: str) -> bool:
        """AllowIsolate=."""

    def refuse_manual_start(self, unit: str) -> bool:
        """RefuseManualStart=."""

    def refuse_manual_stop(self, unit: str) -> bool:
        """RefuseManualStop=."""

    def ignore_on_isolate(self, unit: str) -> bool:
        """IgnoreOnIsolate=: by default yes for everything but services, targets, sockets, timers and paths."""

    def stop_when_unneeded(self, unit: str) -> bool:
        """StopWhenUnneeded=."""
