"""The log as far as the manager has to do with it: sockets, collector, and what the latter is told.

The manager receives nothing that is logged: it makes the sockets, keeps them, and has the collector read them.
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_INFO, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.logs.attribution import Whose, everything, messages
from systemctl_replacement.manager.logs.sockets import DIRECTORY, NATIVE, JournalSockets, lengthen_queues
from systemctl_replacement.paths import SYSTEM_RUNTIME
from systemctl_replacement.records import dataclass
from systemctl_replacement.supervision.collector import Collector
from systemctl_replacement.supervision.pace import RETRY_USEC
from systemctl_replacement.unitfile.journal_config import DEFAULT_RATE_LIMIT_BURST, DEFAULT_RATE_LIMIT_INTERVAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.logs.place import LogPlace
    from systemctl_replacement.manager.unit_change import UnitChange
    from systemctl_replacement.supervision.console import ConsoleHandle
    from systemctl_replacement.supervision.patience import Patience
    from systemctl_replacement.supervision.supervision import Processes
    from systemctl_replacement.supervision.unit_processes import Tracking

# How long the first jobs wait for the collector. It takes some 15 ms, while PID 1 reads unit files.
_PATIENCE_USEC = 500_000

_DEV_LOG = "/dev/log"
_DYNAMIC_USERS = "/run/systemd/dynamic-uid"


@dataclass(frozen=True)
class Surroundings:
    """Where we are, and which boot of which machine this is."""

    root: str
    runtime: str
    boot: str
    machine: str
    is_pid1: bool


class Logs:
    """Everything that programs log through, from `begin` to `end`."""

    def __init__(
        self,
        core: Core,
        processes: Processes,
        console: ConsoleHandle | None,
        patience: Patience,
        place: LogPlace,
        surroundings: Surroundings,
        is_busy: Callable[[], bool],
        let_run: Callable[[], object],
    ) -> None:
        """is_busy: whether units wait for something; let_run: run the jobs that were held up."""
        self._core = core
        self._processes = processes
        self._console = console
        self._place = place
        self._given = ""  # the directory that the collector has
        self._here = surroundings
        self._is_busy = is_busy
        self._let_run = let_run
        self.is_coming = False  # the first collector: no job is run before it could tell whose its messages are
        self._told: dict[Tracking, Whose] = {}
        self.sockets = JournalSockets(surroundings.runtime, "" if surroundings.root else _DEV_LOG)
        self.collector = Collector(
            core.loop,
            processes.helpers,
            patience,
            processes.reaper.stopped,
            self._say,
            self._request,
            on_made=self._tell_all,
            on_ready=self._is_ready,
            on_console=self._give_console,
            has_work=self._has_work,
        )
        processes.attributed.add(self._look_at)

    # --- its life ---

    def begin(self) -> None:
        """Make the sockets, and have them read."""
        if self._here.is_pid1:
            lengthen_queues()
        self.sockets.make()
        for name, problem in self.sockets.problems.items():
            path = name if name.startswith("/") else self.sockets.path(name)
            # Nobody else says so: syslog(3) reports no error.
            self._core.log.manager(LOG_NOTICE, f"Programs cannot log through {path}: {problem}.")
        if self.sockets.held and not self._is_found:
            place = f"{self._here.runtime}/{DIRECTORY}"
            text = f"Programs cannot log through {SYSTEM_RUNTIME}/{DIRECTORY}: it is {place} here."
            self._core.log.manager(LOG_NOTICE, text)
        if self.sockets.held:
            self.is_coming = True
            self._core.loop.call_at(now_monotonic() + _PATIENCE_USEC, self._came)
            self.collector.begin()

    def _is_ready(self) -> None:
        self._give_directory()  # which may be another one since it was asked for
        self._came()

    def _came(self) -> None:
        """The collector reads from now on, or is not waited for any longer."""
        if self.is_coming:
            self.is_coming = False
            self._let_run()

    def look(self) -> None:
        """Make what is missing again: somebody has emptied /run, or had a socket of their own until now."""
        if not self.sockets.held:
            return
        for name in self.sockets.make():
            self._give_socket(name)

    def unit_changed(self, change: UnitChange) -> None:
        """A daemon for syslog may have ended."""
        if change.went_down:
            self.look()

    def busy(self) -> None:
        """Units wait for something, which a stopped collector could hold up."""
        self.collector.expect()

    def end(self) -> None:
        """The manager ends."""
        self.collector.end()
        self.sockets.remove()

    @property
    def has_native_socket(self) -> bool:
        """Whether we read what programs log in the journal's own protocol."""
        return NATIVE in self.sockets.held and self._is_found

    @property
    def _is_found(self) -> bool:
        """Whether the sockets are where programs look for them."""
        return self._here.runtime == self._here.root + SYSTEM_RUNTIME

    def _has_work(self) -> bool:
        return self._is_busy() or self.sockets.is_waiting()

    def _say(self, level: int, text: str) -> None:
        self._core.limits.log("", level, text, self._core.log.manager)

    # --- what the collector is told ---

    def _request(self) -> dict[str, Any]:
        self._given = self._place.directory()
        return {
            "directory": self._place.directory(),
            "dynamic": f"{self._here.root}{_DYNAMIC_USERS}" if os.geteuid() == 0 else "",
        }

    def _tell_all(self) -> None:
        self._told.clear()
        self.collector.tell(self._settings())
        self._give_console()
        for name in self.sockets.held:
            self._give_socket(name)
        for tracking in self._processes.trackings.values():
            self._look_at(tracking)
        self.collector.tell(everything(self._told.values()))

    def _settings(self) -> dict[str, Any]:
        config = self._place.plan.config
        interval, burst = config.rate_limit_interval, config.rate_limit_burst
        return {
            "op": "settings",
            "boot": self._here.boot,
            "machine": self._here.machine,
            "interval": DEFAULT_RATE_LIMIT_INTERVAL if interval is None else interval,
            "burst": DEFAULT_RATE_LIMIT_BURST if burst is None else burst,
            "max_level_store": config.max_level_store,
            "max_level_syslog": config.max_level_syslog,
            "forward_syslog": config.forward_to_syslog,
            "syslog": self._place.plan.syslog,
            "line_max": config.line_max,
            "console_json": self._console is not None and self._console.as_json,
            "limits": self._place.plan.limits,
            **self._place.plan.shown,
        }

    def _give_socket(self, name: str) -> None:
        self.collector.tell({"op": "socket", "name": name}, [self.sockets.held[name].fileno()])

    def _give_console(self) -> None:
        source = -1
        try:
            source = self._console.source("") if self._console is not None else -1
            self.collector.tell({"op": "console"}, [source] if source >= 0 else [])
        except OSError as error:
            self._say(LOG_WARNING, f"What is logged through sockets is not shown for now: {error.strerror}")
            self._core.loop.call_at(now_monotonic() + RETRY_USEC, self._give_console)
        finally:
            if source >= 0:
                os.close(source)

    def _give_directory(self) -> None:
        """Have the collector store where the others do. It has no rights to make directories, and its user is known
        when it is ready."""
        directory, place = self._place.directory(), -1
        if directory == self._given or self.collector.uid < 0:
            return
        from systemctl_replacement.process.collector.account import prepare  # the log of most managers stays

        try:
            place = prepare(directory, self.collector.uid) if directory else -1
            self.collector.tell(self._settings())
            self.collector.tell({"op": "directory"}, [place] if directory else [])
            self._given = directory
        except OSError as error:
            self._say(LOG_WARNING, f"What is logged through sockets stays in {self._given}: {error.strerror}")
        finally:
            if place >= 0:
                os.close(place)

    def _look_at(self, tracking: Tracking) -> None:
        """Tell what is new of a unit's processes."""
        if self.collector.link is None:
            return  # the next one is told all
        now = self._whose(tracking)
        for message in messages(self._told.get(tracking), now):
            self.collector.tell(message)
        if now is None:
            self._told.pop(tracking, None)
        else:
            self._told[tracking] = now

    def _whose(self, tracking: Tracking) -> Whose | None:
        processes = self._processes
        unit = tracking.unit
        if not tracking.supervisor and not tracking.lost:
            return None
        foreign = (tracking.main,) if tracking.has_foreign_main and tracking.main else ()
        settings = processes.settings.get(unit, {}).get("collector", {})
        invocation = processes.invocations.get(unit, "")
        return Whose(unit, tracking.supervisor, (*foreign, *tracking.lost), invocation, settings)

    # --- where it is ---

    def flush(self) -> None:
        """Write below /var/log from now on, if that is possible."""
        self._move(is_relinquished=False)

    def relinquish(self) -> None:
        """Leave /var/log alone from now on."""
        self._move(is_relinquished=True)

    def boot_ended(self) -> None:
        """What is mounted at boot may have made /var/log one that can be written to."""
        if not self._place.is_relinquished:
            self.flush()

    def _move(self, is_relinquished: bool) -> None:
        if self._place.settle(is_relinquished):
            plan = self._place.plan
            self._core.log.move(plan.manager_file, plan.limits)
            self._processes.move_journals()
            self._core.log.manager(LOG_INFO, f"The log is written to {plan.directory} from now on.")
        self._give_directory()

    # --- over a re-execution ---

    @property
    def is_amid(self) -> bool:
        """Whether something is on its way to the collector, or from it."""
        return self.collector.is_amid

    def saved(self) -> dict[str, Any]:
        """What is taken along, as plain data. Its descriptors are named in the entries of "sockets" and "streams", and
        in "fd"."""
        return {
            **self.collector.saved(),
            "sockets": self.sockets.saved(),
            "directory": self._place.directory(),
            "given": self._given,
            "relinquished": self._place.is_relinquished,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on with what a manager before us had. An exception if it cannot be read. The collector is told of the
        processes that are tracked by then: what is not among them is nobody's."""
        for socket in saved["sockets"]:
            if socket["fd"] >= 0:
                self.sockets.adopt(socket)
        if self.sockets.held:
            self._given = saved.get("given", saved["directory"])
            self.collector.adopt(saved)
            self._give_directory()

    def has_moved(self, saved: dict[str, Any]) -> bool:
        """Whether a manager before us had its files elsewhere. Where it had been told to leave /var/log alone, it is
        left alone."""
        if saved.get("relinquished"):
            self.relinquish()
        return bool(saved.get("directory", self._place.directory()) != self._place.plan.directory)
