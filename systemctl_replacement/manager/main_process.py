"""Which process may be the main process of a service, whether MAINPID= (sd_notify(3)) or PIDFile= names it."""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_DEBUG, LOG_WARNING
from systemctl_replacement.manager import pid_file
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.descendants import read_stat
from systemctl_replacement.records import replace
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.units.events import Notified, PidFileRead
from systemctl_replacement.units.numbers import PID_MAX, c_integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def notified(
    processes: Processes, unit: ManagedUnit, event: Notified, log: Callable[[str, int, str], None]
) -> Notified:
    """A notification in which MAINPID= is resolved: a process of the unit, or any process if root says so."""
    text = event.fields.get("MAINPID")
    if text is None:
        return event
    pid = c_integer(text)
    if pid is None or not 0 < pid <= PID_MAX:
        log(unit.id, LOG_WARNING, f"Failed to parse MAINPID= field in notification message, ignoring: {text}")
        return event
    if pid == unit.roles.main:
        return event
    alien = processes.reaper.owner(pid) != unit.id
    problem, level = _unsuitable(processes, unit, pid), LOG_WARNING
    if not problem and alien and event.uid not in (0, os.geteuid()):
        problem, level = f"New main PID {pid} does not belong to service, refusing.", LOG_DEBUG
    if problem:
        log(unit.id, level, problem)
        return event
    return replace(event, main_pid=pid, main_alien=alien)


def read_pid_file(processes: Processes, unit: ManagedUnit, path: str) -> PidFileRead:
    """What PIDFile= at this path says now."""
    return pid_file.read(
        path,
        unit.sub_state,
        unit.roles.main,
        unsuitable=lambda pid: _unsuitable(processes, unit, pid),
        belongs=lambda pid: processes.reaper.owner(pid) == unit.id,
    )


def of_bus(processes: Processes, unit: ManagedUnit, pid: int) -> tuple[int, bool]:
    """The process that owns the name of a unit on the bus, 0 if it cannot be a main process; and whether it is not the
    unit's."""
    if not pid or _unsuitable(processes, unit, pid):
        return 0, False
    return pid, processes.reaper.owner(pid) != unit.id


def _unsuitable(processes: Processes, unit: ManagedUnit, pid: int) -> str:
    """Why a process cannot be anybody's main process, in systemd's words. Empty if it can."""
    if pid == 1 or processes.is_own(pid):
        return f"New main PID {pid} is the manager, refusing."
    if pid == unit.roles.control:
        return f"New main PID {pid} is the control process, refusing."
    stat = read_stat(pid)
    return f"New main PID {pid} does not exist or is a zombie." if stat is None or stat[0] in "ZX" else ""
