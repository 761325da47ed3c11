"""What a manager has read from the file system: its configuration, and where unit files are; and reading it again."""

from __future__ import annotations

import os

from systemctl_replacement import paths
from systemctl_replacement.few_names import few
from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.manager import boot_skips
from systemctl_replacement.manager.mount_point import can_mount
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.records import replace
from systemctl_replacement.supervision.log_limits import LogLimits
from systemctl_replacement.supervision.manager_log import ManagerLog
from systemctl_replacement.unitfile import fstab, load, loadpath
from systemctl_replacement.unitfile.files import read_text
from systemctl_replacement.unitfile.manager_config import ManagerConfig, read_manager_config
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units.states import ACTIVE

_BURST = 1000
"""Lines in 30 s about one unit's files: all that is wrong with a long one may be told at once."""
_REMEMBERED = 1000
"""Of so many units it is known what was logged about their files."""


class UnitFiles:
    """The host, the configuration, the index of unit files, and what a boot skips of them."""

    def __init__(self, places: paths.Paths, boot_id: str, log: ManagerLog, limits: LogLimits, *, is_pid1: bool) -> None:
        self._paths = places
        self._boot_id = boot_id
        self._log = log
        self._limits = limits
        self._is_pid1 = is_pid1
        self._skipped_when = boot_skips.circumstances(
            is_pid1=is_pid1, is_root=os.geteuid() == 0, can_mount=can_mount(places.root)
        )
        self._fstab: dict[str, fstab.Settings] = {}
        self._logged: dict[str, object] = {}  # what was logged about units' files since the last reload, by id
        self.host = self._look_at_host()
        self.config = self._read_config()

    def begin(self) -> None:
        """Look which unit files there are, and read what a boot skips of them: what it says is logged as the
        configuration wants it."""
        self.scan()
        self._skips = self._read_skips()
        if self._fstab:
            self._log.manager(LOG_INFO, f"Left to the engine, which {fstab.PATH} describes: {few(self._fstab)}")

    def _look_at_host(self) -> Host:
        host = Host.current(self._paths.root, self._boot_id)
        return replace(host, credentials_root=self._paths.credentials_directory())

    def _read_config(self) -> ManagerConfig:
        config = read_manager_config(self._paths.root, self.host)
        for problem in config.problems:
            self._log.manager(problem.level, str(problem), fields=problem.fields())
        return config

    def _scan(self) -> loadpath.Index:
        directories = self._paths.unit_path()
        if not self._is_pid1:
            # What generators say ahead of the administrator is how to boot.
            directories = [directory for directory in directories if not directory.endswith("/generator.early")]
        index = loadpath.Index(directories, self._paths.root)
        for problem in index.problems:
            self._log.manager(problem.level, str(problem), fields=problem.fields())
        return index

    def _read_skips(self) -> boot_skips.Skips:
        self._fstab = self._read_fstab()
        described = [(unit, fstab.SKIPPED) for unit in self._fstab]
        return boot_skips.read(paths.shipped_units(), self._paths.root, self._warn, self._skipped_when, described)

    def _read_fstab(self) -> dict[str, fstab.Settings]:
        try:
            return fstab.read(read_text(self._paths.root + fstab.PATH))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self._warn(f"Cannot read {fstab.PATH}: {error.strerror}")
            return {}

    def _warn(self, text: str) -> None:
        self._log.manager(LOG_WARNING, text)

    # --- for the registry ---

    def read_unit(self, name: str) -> load.Unit:
        unit = load.load(name, self._index, self.host)
        described = self._fstab.get(unit.id) if unit.load_state == "not-found" else None
        return unit if described is None else fstab.as_unit(unit, described)

    @property
    def described(self) -> tuple[str, ...]:
        """The units that have no file, but that fstab(5) describes."""
        return tuple(self._fstab)

    def canonical(self, name: str) -> str:
        """The id of the unit that a name is one of, as the files have it."""
        return self._index.fragment(name).id

    def loaded(self, unit: ManagedUnit, asked_for: bool) -> None:
        """A unit was loaded: what is wrong with it is logged, and whether a boot skips it is known from now on.

        asked_for: it was started by name, and is skipped no more.
        """
        if (unit.file.problems or unit.file.mode_warnings) and not unit.quiet:
            self._log_problems(unit)
        mounted = unit.traits.from_mountinfo and unit.active_state == ACTIVE  # it is there: nothing to leave out
        unit.skipped = "" if mounted or asked_for else self._skips.reason_of(unit.file)
        unit.stays_skipped = bool(unit.skipped) and self._skips.lasts(unit.file)

    def _log_problems(self, unit: ManagedUnit) -> None:
        """Log what is wrong with a unit's files, unless that was logged of these very files: a unit that is asked for
        now and then is loaded and forgotten each time."""
        said = (unit.file.stamps, (*unit.file.mode_warnings, *map(str, unit.file.problems)))
        if self._logged.get(unit.id) == said:
            return
        self._logged.pop(unit.id, None)
        while len(self._logged) >= _REMEMBERED:
            del self._logged[next(iter(self._logged))]
        self._logged[unit.id] = said

        def say(level: int, text: str) -> None:
            self._log.unit(unit.id, level, text)

        key = ("unit file", unit.id)
        for warning in unit.file.mode_warnings:
            if self._limits.admits(key, say, _BURST):
                self._warn(warning)  # of the file, which may be that of several units: not in the log of one
        for problem in unit.file.problems:
            if self._limits.admits(key, say, _BURST):
                self._log.about(unit.id, problem.level, str(problem), fields=problem.fields())

    # --- again ---

    @property
    def are_stale(self) -> bool:
        """Whether there may be others since the last `scan`."""
        return self._index.is_stale()

    def scan(self) -> None:
        """Look which unit files there are."""
        self._index = self._scan()

    def read_configuration(self) -> None:
        """What `daemon-reload` reads besides unit files: the host, the configuration, what is to be skipped."""
        self._logged.clear()
        self.host = self._look_at_host()
        self.config = self._read_config()
        self._skips = self._read_skips()
