"""What the manager asks of a unit of any kind. Pure: a kind knows configuration, state and event, nothing else.

`Kind` answers as for a unit that runs no process and has nothing to say; a kind overrides what is different with it.
Configuration and state are records of its own, which only the kind itself looks into. What can be said of a type
without knowing how its units live is in the table (units/table.py), where each type's kind is found, too.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.states import SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable, ClassVar, Optional, Protocol

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Action, Context, Event, Other, Signal, SignalAll
    from systemctl_replacement.units.mounted import Mounted

    Messages = Mapping[tuple[str, str], str]
else:
    Protocol = object


class State(Protocol):
    """The state of a unit: a frozen record with at least the sub-state."""

    @property
    def sub(self) -> str: ...


@dataclass(frozen=True)
class Roles:
    """The processes of a unit that have a role, by pid; 0: there is none."""

    main: int = 0
    control: int = 0


NO_ROLES = Roles()


class Kind:
    """How the units of one type live."""

    # The records that its states are made of: these may come out of the snapshot of a re-execution.
    records: tuple[type[Any], ...] = ()

    # What the log says when a job begins (result "") and when it ends, by (job type, result), where that differs from
    # what it says of any unit. `{}` is the unit.
    messages: ClassVar[Messages] = {}

    # --- configuration and state ---

    def configure(self, file: Unit, manager: ManagerConfig, sees_all: Callable[[], bool]) -> Any:
        """The configuration from a loaded file. sees_all: whether root's programs may look at anybody's processes."""
        return None

    def found(self, file: Unit, mounted: Mounted) -> Unit:
        """What stands for the file of a unit that is loaded while the kernel has it mounted; it may have none."""
        raise NotImplementedError

    def without_restart(self, file: Unit) -> Unit:
        """The file of a unit that is not to be started again by itself."""
        return file

    def initial_state(self) -> Any:
        """The state of a unit that nothing has happened to."""
        raise NotImplementedError

    def up(self, mounted: Optional[Mounted] = None) -> Any:
        """The state of a unit that is there without having been started: the kernel (`mounted`) or we have brought it
        along."""
        raise NotImplementedError

    def mounted(self, state: Any) -> Optional[Mounted]:
        """What the kernel has mounted there, as far as the unit has been told."""
        return None

    def is_foreign(self, state: Any) -> bool:
        """Whether it is up because of somebody else's doing, who sees to its end, too."""
        return False

    def step(self, config: Any, state: Any, event: Event, context: Context) -> tuple[Any, tuple[Action, ...]]:
        """The state after an event, and what is to be done about it, in order."""
        raise NotImplementedError

    def active_state(self, config: Any, state: Any) -> str:
        """The active state (systemctl(1)) that a state stands for."""
        raise NotImplementedError

    def result(self, state: Any) -> str:
        """The property Result."""
        return SUCCESS

    def deadlines(self, state: Any) -> tuple[tuple[int, Event], ...]:
        """When something has to happen (monotonic microseconds) unless something else does, and what; what matters
        most comes first."""
        return ()

    def resume(self, config: Any, state: Any, context: Context) -> tuple[Action, ...]:
        """What has been asked for in a state and not been answered: asked for again after a re-execution."""
        return ()

    # --- what it can be asked ---

    def can_reload(self, config: Any) -> Optional[bool]:
        """Whether it can reload its configuration; None: the kind cannot, a unit can pass it on to others."""
        return None

    def refusal(self, config: Any, triggered: Mapping[str, Other]) -> str:
        """Why it cannot be started as the units are that it triggers, "" if it can."""
        return ""

    def is_needed(self, state: Any) -> bool:
        """Whether it stays in memory although it is down."""
        return False

    def must_settle(self, state: Any) -> bool:
        """Whether a start job has to wait until the state has changed by itself."""
        return False

    def starts_at_once(self, config: Any, state: Any) -> bool:
        """Whether a start job that has just begun ends as soon as the process is there: its beginning is no news."""
        return False

    def message(self, config: Any, job_type: str, result: str) -> Optional[str]:
        """What the log says of a job; see `messages`."""
        return self.messages.get((job_type, result))

    def status_text(self, state: Any) -> str:
        """What it says of itself (STATUS=, sd_notify(3))."""
        return ""

    # --- processes ---

    def roles(self, state: Any) -> Roles:
        """The processes with a role."""
        return NO_ROLES

    def expects(self, state: Any, token: int) -> bool:
        """Whether the process of a Spawn action is still wanted."""
        return False

    def is_resting(self, state: Any) -> bool:
        """Whether no process will be started before something happens to the unit: its supervisor can go."""
        return True

    def keeps_connection(self, state: Any) -> bool:
        """Whether its processes may need the connection that was handed over to it (Accept=, systemd.socket(5))."""
        return self.is_changing(state)

    def is_changing(self, state: Any) -> bool:
        """Whether it is between two states: what its processes do next, and how they end, is waited for."""
        return False

    def is_killing(self, state: Any) -> bool:
        """Whether signals that are sent in a state are there to stop the unit (systemd.kill(5))."""
        return False

    def stopping(self, config: Any) -> tuple[int, int]:
        """How its processes are stopped if the manager dies: the time they have (microseconds), and the signal that
        they get first. Asked only of a kind that runs processes."""
        raise NotImplementedError

    def notify_access(self, config: Any) -> str:
        """Who may send notifications (NotifyAccess=, systemd.service(5))."""
        return "none"

    def pid_file(self, config: Any) -> str:
        """The path of PIDFile=, or ""."""
        return ""

    def bus_name(self, file: Unit) -> str:
        """The name on the system bus that tells that it is there (BusName=, systemd.service(5)), or ""."""
        return ""

    def stamp_file(self, config: Any) -> str:
        """The path of the file for WriteStamp, or ""."""
        return ""

    def monitored(self, state: Any) -> tuple[str, ...]:
        """How it ended, for a unit that is started because of that: the variables $MONITOR_… (systemd.exec(5))."""
        return ()

    def exit_status(self, state: Any) -> int:
        """The exit status that SuccessAction= and FailureAction= pass on, -1: none."""
        return -1

    def ended_with(self, state: Any) -> int:
        """The exit status that tells how it has ended, as a shell says it; -1: it has none."""
        return -1

    def descriptor_name(self, file: Unit) -> str:
        """What the service that gets its descriptors calls them ($LISTEN_FDNAMES, sd_listen_fds(3)), "" for none."""
        return ""

    # --- at a halt ---

    def stop_takes_time(self, config: Any, state: Any) -> bool:
        """Whether stopping it at a halt runs commands."""
        return False

    def signalled(self, config: Any, state: Any) -> Optional[tuple[int, ...]]:
        """The processes that its stop signals and waits for; None: all."""
        return None

    def remind(self, config: Any, state: Any) -> tuple[Signal | SignalAll, ...]:
        """Signals for those whom the stop that is under way has not signalled yet: time is short."""
        return ()

    def owed(self, config: Any, state: Any) -> tuple[str, ...]:
        """The directives whose commands have still to run, or to end, before the unit is down."""
        return ()

    # --- show ---

    def properties(self, file: Unit, config: Any, state: Any) -> dict[str, Any]:
        """The properties of its type (`systemctl show`) that only the state can tell, raw."""
        return {"Result": self.result(state)}

    def control_group(self, unit: str, parent: str) -> str:
        """The control group that systemd makes for such a unit below that of its slice; "": none."""
        return ""
