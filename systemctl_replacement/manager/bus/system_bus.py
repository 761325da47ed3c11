"""The names of units on the system bus, whether there is a bus, and what it wants of us.

As under systemd the names of all units in memory are watched, whether they run or not.

The bus counts as ours while the unit dbus.service is up, as under systemd. Then we are also the one whom it asks to
start units (SystemdService= of its service files), under the name that it looks for: org.freedesktop.systemd1. A bus
that is another's, the host's perhaps, is only looked at.
"""

from __future__ import annotations

import os

from systemctl_replacement.jobs import operations
from systemctl_replacement.jobs.model import MODE_REPLACE, START, STOP, JobError
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_ERR, LOG_WARNING
from systemctl_replacement.loop import SLICE_USEC, now_monotonic
from systemctl_replacement.manager import main_process
from systemctl_replacement.manager.bus.door import BUS_SERVICE
from systemctl_replacement.manager.loading import load
from systemctl_replacement.supervision.bus_watcher import BusWatcher
from systemctl_replacement.supervision.pace import Pace
from systemctl_replacement.units.bus_events import BusLost, BusMissing, BusNameChanged
from systemctl_replacement.units.states import ACTIVATING, ACTIVE_OR_RELOADING, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.jobs.table import JobTable
    from systemctl_replacement.manager.reload import DaemonReload
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_driver import Driver
    from systemctl_replacement.supervision.patience import Patience
    from systemctl_replacement.supervision.supervision import Processes

SOCKET = "/run/dbus/system_bus_socket"
_BUS_UNITS = (BUS_SERVICE, "dbus.socket")

# A bus that does not say when it is ready (Type=simple) is looked for this often, a second apart each time.
_TRIES = 10

_SHUTTING_DOWN = "org.freedesktop.systemd1.ShuttingDown"
_FAILED = "org.freedesktop.DBus.Error.Failed"
_MASKED = "org.freedesktop.systemd1.UnitMasked"


class SystemBus:
    """One bus, at the path of a socket."""

    def __init__(
        self,
        core: Core,
        driver: Driver,
        jobs: JobTable,
        processes: Processes,
        reload: DaemonReload,
        patience: Patience,
        socket: str,
    ) -> None:
        self._core = core
        self._registry = core.registry
        self._driver = driver
        self._jobs = jobs
        self._socket = socket
        self._processes = processes
        self._reload = reload
        self._is_reached = False  # somebody listens
        self._is_ready = False  # the bus has let us in
        self._is_lost = False  # it had, and is gone
        self._is_asked = False  # it asks us to start units, as far as it depends on us
        self._was_awaited = False  # units waited for their names when it was lost
        self._problem = ""
        self._tries = 0
        stopped, is_awaited = processes.reaper.stopped, lambda: bool(self._waiting())
        self.watcher = BusWatcher(core.loop, patience, stopped, self._told, self._ended, is_awaited)
        self._pace = Pace(core.loop, self._make)

    # --- names ---

    def loaded(self, unit: ManagedUnit) -> None:
        """A unit was loaded: it is told who owns its name, if there is a bus. Not before the job that it may have been
        loaded for."""
        if unit.bus_name and self.watcher.link is not None:
            self._core.call_soon(lambda: self._watch(unit))

    def _watch(self, unit: ManagedUnit) -> None:
        if unit.bus_name:
            self.watcher.tell(op="watch", name=unit.bus_name)

    def awaited(self) -> None:
        """A unit waits for its name."""
        if self.watcher.link is None:
            self._want()
        else:
            self.watcher.expect()

    def _named(self) -> list[ManagedUnit]:
        return [unit for unit in self._registry if unit.bus_name]

    def _waiting(self) -> list[ManagedUnit]:
        """The units that may be waiting for their names."""
        starting = [unit for unit in self._named() if unit.active_state == ACTIVATING]
        return [unit for unit in starting if unit.kind.is_changing(unit.state)]

    def _tell_missing(self) -> None:
        for unit in self._waiting():
            self._core.loop.guard(self._driver.step, unit, BusMissing())

    def _tell_owner(self, name: str, owner: str, pid: int) -> None:
        units = [unit for unit in self._registry if unit.bus_name == name]
        for unit in units:
            event = BusNameChanged(owner, *main_process.of_bus(self._processes, unit, pid))
            self._core.loop.guard(self._driver.step, unit, event)
        if not units:
            self.watcher.tell(op="forget", name=name)

    # --- the process that is on the bus for us ---

    def look(self) -> None:
        """The unit of the bus has changed, or another one has come up that may be a bus."""
        self._tries = 0
        if self.watcher.link is None:
            self._want()
        elif self._is_ready and self._is_ours() and not self._is_asked:
            self._is_asked = True
            self.watcher.tell(op="own")

    def _is_ours(self) -> bool:
        bus = self._registry.find(BUS_SERVICE)
        return bus is not None and bus.active_state in ACTIVE_OR_RELOADING

    def _is_expected(self) -> bool:
        """Whether there is a bus, or will be one soon."""
        units = [unit for unit in map(self._registry.find, _BUS_UNITS) if unit is not None]
        return any(unit.active_state not in INACTIVE_OR_FAILED for unit in units)

    def _is_wanted(self) -> bool:
        if self._is_ours() or self._waiting():
            return True
        # To connect would start a bus that waits to be started. Nobody needs it just now.
        return self._is_lost and bool(self._named()) and not self._is_expected()

    def _want(self) -> None:
        if not self._is_wanted():
            return
        if os.path.exists(self._socket):
            self._pace.want()
        else:
            self._missing()

    def _make(self) -> None:
        if self.watcher.link is not None or not self._is_wanted():
            return
        if not os.path.exists(self._socket):
            self._missing()
            return
        waiting = self._waiting()
        self._is_reached = self._is_ready = self._is_lost = self._is_asked = False
        self._problem = ""
        try:
            self.watcher.start(self._socket)
        except OSError as error:
            self._core.log.manager(LOG_ERR, f"Cannot watch the bus, trying again: {error.strerror}")
            self._pace.failed()
            return
        for unit in self._named():
            self._watch(unit)
        if waiting:
            self.watcher.expect()

    def _missing(self) -> None:
        """There is no bus to be seen."""
        waiting = self._waiting()
        if waiting and self._is_expected():
            self._pace.failed()
            return
        is_ours = self._is_ours()
        if is_ours or (waiting and self._was_awaited):
            self._tries += 1
            if self._tries < _TRIES:
                self._pace.failed()
        if not is_ours:
            self._core.call_soon(self._tell_missing)

    def _ended(self) -> None:
        """The process is gone, and most likely the bus. What was told of names stays true until it is told anew."""
        was_ready, self._is_ready = self._is_ready, False
        waiting = self._waiting()
        if self._is_reached:
            self._was_awaited, self._tries = bool(waiting), 0
            for unit in waiting:
                self._core.loop.guard(self._driver.step, unit, BusLost())
        if was_ready:
            self._is_lost = True
            if self._is_ours() or waiting:
                self._want()
            return
        if self._problem:
            self._core.log.manager(LOG_DEBUG, f"Cannot reach the bus: {self._problem}")
        self._missing()

    def _told(self, news: dict[str, Any]) -> None:
        event = news["ev"]
        if event == "reached":
            self._is_reached = True
        elif event == "ready":
            self._is_ready = True
            self.look()
        elif event == "owner":
            self._tell_owner(news["name"], news["owner"], news["pid"])
        elif event == "activate":
            self._activate(news["unit"])
        elif event == "trouble":
            self._is_reached = self._is_ready  # where it is not let in, there is no bus
            self._core.limits.log("", LOG_WARNING, f"D-Bus: {news['message']}", self._core.log.manager)
        elif event == "unreachable":
            self._problem = news["message"]

    # --- units that the bus wants to be started ---

    def _activate(self, name: str) -> None:
        """A client has sent something to a name that a unit would own if it ran."""
        steps = self._loading(name)

        def go_on() -> None:
            end = now_monotonic() + SLICE_USEC
            for _ in steps:
                if now_monotonic() > end:
                    self._core.call_soon(go_on)
                    return

        go_on()

    def _loading(self, name: str) -> Iterator[None]:
        try:
            self._refuse_at_the_end()
            self._start((yield from load(self._registry, self._reload, name)))
        except JobError as error:
            self._refuse(name, error.name, error.message)
        except Exception as error:  # whoever waits for it need not wait for our defect
            self._core.report_exception(name, error)
            self._refuse(name, _FAILED, f"Internal error: {type(error).__name__}: {error}")

    def _refuse_at_the_end(self) -> None:
        bus = self._registry.find(BUS_SERVICE)
        if bus is None or bus.active_state in INACTIVE_OR_FAILED or (bus.job is not None and bus.job.type == STOP):
            raise JobError(_SHUTTING_DOWN, "Refusing activation, D-Bus is shutting down.")

    def _start(self, unit: ManagedUnit) -> None:
        if unit.skipped:
            raise JobError(_MASKED, f"Unit {unit.id} is skipped here: {unit.skipped}.")
        if self._jobs.view.refuse_manual_start(unit.id):
            raise JobError(
                operations.ONLY_BY_DEPENDENCY,
                f"Operation refused, {unit.id} may be requested by dependency only "
                "(it is configured to refuse manual start/stop).",
            )
        self._jobs.enqueue(unit.id, START, MODE_REPLACE)

    def _refuse(self, name: str, error: str, message: str) -> None:
        self._core.log.manager(LOG_DEBUG, f"D-Bus activation failed for {name}: {message}")
        self.watcher.tell(op="refuse", unit=name, error=error, message=message)

    # --- over a re-execution ---

    def saved(self) -> dict[str, Any]:
        link = self.watcher.link
        assert link is not None
        told = {"reached": self._is_reached, "ready": self._is_ready, "asked": self._is_asked}
        return {"pid": self.watcher.pid, "fd": link.fileno(), **told}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on with a process that a manager before us has made. Whoever is loaded from now on is told anew who owns
        its name. OSError."""
        self.watcher.adopt(saved["pid"], saved["fd"])
        self._is_ready, self._is_asked = saved["ready"], saved["asked"]
        self._is_reached = saved.get("reached", self._is_ready)
