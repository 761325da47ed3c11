"""Reading unit files and configuration again: daemon-reload, and noticing that there are others than before."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO
from systemctl_replacement.manager import renaming
from systemctl_replacement.manager.spec_of_unit import default_environment
from systemctl_replacement.observers import Observers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.manager.generators.generation import Generation
    from systemctl_replacement.manager.manager import Manager
    from systemctl_replacement.manager.unit_files import UnitFiles


class DaemonReload:
    """Loads units again from their files, after the generators have run."""

    def __init__(self, manager: Manager, files: UnitFiles, generators: Generation) -> None:
        self.done: Observers[DaemonReload] = Observers(manager.loop.guard)
        self._manager = manager
        self._files = files
        self._generators = generators

    def begin(self, done: Callable[[], object]) -> None:
        """Run the generators, read all unit files again (`daemon-reload`), call `done`."""
        self._manager.log.manager(LOG_INFO, "Reloading.", news=False)
        self._generators.run(lambda: self._read_again(done))

    def _read_again(self, done: Callable[[], object]) -> None:
        try:
            execution, old_default = self._manager.execution, default_environment(self._files.config)
            self._files.read_configuration()
            execution.config = self._files.config
            for name, value in default_environment(execution.config).items():
                if execution.environment.get(name) == old_default.get(name):
                    execution.environment[name] = value
            self._load()
            self._manager.driver.tell_reloaded()
            self.done.tell(self)
        finally:
            done()

    @property
    def described(self) -> tuple[str, ...]:
        """The units that have no file, but that fstab(5) describes."""
        return self._files.described

    def look_for_new(self) -> None:
        """Before a request: units that have no files yet may have got some, without any daemon-reload."""
        if self._files.are_stale:
            self._files.scan()
            self._manager.registry.retry_missing()

    def read_if_changed(self) -> None:
        """Load all units again if there is another set of files: generators may have made some."""
        if self._files.are_stale:
            self._load()

    def _load(self) -> None:
        self._files.scan()
        self._manager.loop.guard(renaming.follow, self._manager, self._files.canonical)
        self._manager.registry.reload(self._files.read_unit, self._files.config)
        for unit in list(self._manager.processes.trackings):
            self._manager.processes.room_changed(unit)
