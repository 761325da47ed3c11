"""What happens to the processes of units, brought to the units' machines; and the descriptors that services leave with
us (FDSTORE=1, sd_pid_notify_with_fds(3))."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.manager import main_process
from systemctl_replacement.process.link import close_fds
from systemctl_replacement.supervision.fd_store import FdStore
from systemctl_replacement.unitfile.values import valid_descriptor_name
from systemctl_replacement.units.events import Notified, SpawnFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.loop import Loop
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.mountinfo import MountWatch
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_driver import Driver
    from systemctl_replacement.supervision.news import Descriptors, ProcessEvent
    from systemctl_replacement.supervision.supervision import Processes


def store_of(unit: ManagedUnit, loop: Loop, processes: Processes) -> FdStore:
    """The descriptor store of a unit."""
    if unit.fd_store is None:
        unit.fd_store = FdStore(loop, lambda: processes.room_changed(unit.id))
    return unit.fd_store


def room(unit: ManagedUnit | None) -> int:
    """How many more descriptors a unit may store."""
    if unit is None:
        return 0
    stored = len(unit.fd_store) if unit.fd_store is not None else 0
    return max((unit.own("FileDescriptorStoreMax") or 0) - stored, 0)


class ProcessEvents:
    """Told of processes as an observer."""

    def __init__(self, core: Core, processes: Processes, driver: Driver, mounts: MountWatch) -> None:
        self._core = core
        self._processes = processes
        self._driver = driver
        self._mounts = mounts

    def happened(self, news: ProcessEvent) -> None:
        """A defect met here must not cost what has arrived with it."""
        unit = self._core.registry.find(news.unit)
        if unit is None or not unit.traits.runs_processes:
            return
        event = news.event
        try:
            if news.never_made and isinstance(event, SpawnFailed) and self._driver.spawn_again(unit, event.token):
                return
            if isinstance(event, Notified):
                event = main_process.notified(self._processes, unit, event, self._core.log_heard)
                if event.fields.get("FDSTOREREMOVE") == "1":
                    self._remove_stored(unit, event.fields.get("FDNAME", ""))
            self._mounts.before(unit, event)
            self._driver.step(unit, event)
        except Exception as error:
            self._core.report_exception(news.unit, error)

    def left(self, news: Descriptors) -> None:
        """A notification with descriptors: FDSTORE=1 has them kept, anything else lets them go."""
        unit, fields = self._core.registry.find(news.unit), news.fields
        if unit is None or not unit.traits.stores_descriptors or fields.get("FDSTORE") != "1":
            close_fds(news.fds)
            return
        name = fields.get("FDNAME", "")
        if "FDNAME" in fields and not (name and valid_descriptor_name(name)):
            self._core.log_heard(unit.id, LOG_WARNING, "Passed FDNAME= name is invalid, ignoring.")
            name = ""
        limit = unit.own("FileDescriptorStoreMax") or 0
        store = store_of(unit, self._core.loop, self._processes)
        refused = store.add(name, news.fds, fields.get("FDPOLL") != "0", limit)
        if refused or news.refused:
            message = f"Cannot store more fds than FileDescriptorStoreMax={limit}, closing remaining."
            self._core.log_heard(unit.id, LOG_WARNING, message)

    def _remove_stored(self, unit: ManagedUnit, name: str) -> None:
        if not name or not valid_descriptor_name(name):
            message = "FDSTOREREMOVE=1 requested, but no valid file descriptor name passed, ignoring."
            self._core.log_heard(unit.id, LOG_WARNING, message)
        elif unit.fd_store is not None:
            unit.fd_store.remove(name)
