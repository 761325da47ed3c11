"""The state of a service: plain frozen data, so that it can be shown, tested and carried over a re-execution."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.commands.state import NEVER, CommandsState, ExecStatus, Running
from systemctl_replacement.units.events import Stamp
from systemctl_replacement.units.states import SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


@dataclass(frozen=True)
class ServiceState(CommandsState):
    """Everything that changes in the life of a service."""

    reload_result: str = SUCCESS
    main_pid: int = 0
    main_known: bool = False  # main_pid is the truth, also when it is 0 (the main process has ended)
    main_alien: bool = False  # the main process is not below the unit's supervisor
    main: Running | None = None  # the ExecStart= command whose process is the main one
    uid: int = -1  # whom the processes run as if User= says, until the service is down
    gid: int = -1
    main_status: ExecStatus = ExecStatus()
    active_since: int = 0  # when it last became active, monotonic microseconds: RuntimeMaxSec= counts from then
    restarts: int = 0
    flush_restarts: bool = False  # the counter is kept for reading until the next start
    forbid_restart: bool = False
    preserving: bool = False  # the removal that is waited for spares the runtime directories
    waiting_for: str = ""  # "guess", "pidfile" or "removal": what the state waits to have answered
    bus_owner: str = ""  # the connection that owns BusName=, as far as was told
    name_taken: bool = False  # it was told of an owner between its start job and its program
    without_bus: bool = False  # there was no bus to see the name on: it counts as taken
    bus_lost: bool = False  # the bus vanished while the name was waited for: it is waited for all the same
    notify_state: str = ""  # the last of ready, reloading and stopping that the service told
    status_text: str = ""
    status_errno: int = 0
    watchdog_usec: Optional[int] = None  # what WATCHDOG_USEC= or, from the start on, WatchdogSec= says
    watchdog_deadline: Optional[int] = None  # monotonic microseconds at which the service counts as hung
    watchdog_time: Stamp = NEVER  # the last sign of life
    reload_begin: int = 0  # when Type=notify-reload was told to reload, monotonic microseconds
