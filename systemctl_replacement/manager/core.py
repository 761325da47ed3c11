"""What every part of the manager works with: the loop, the log, the units in memory."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.loop import Loop
    from systemctl_replacement.manager.registry import Registry
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_files import UnitFiles
    from systemctl_replacement.supervision.log_limits import LogLimits
    from systemctl_replacement.supervision.manager_log import Fields, ManagerLog
    from systemctl_replacement.unitfile.manager_config import ManagerConfig


def report_exception(log: ManagerLog, limits: LogLimits, where: str, error: BaseException) -> None:
    """A defect of ours costs what it happened in, never the manager: it is logged with its traceback, but not without
    end, whoever has found out how to meet it."""

    def say(level: int, text: str) -> None:
        log.manager(level, f"Internal error in {where}: {text}")

    if not limits.admits(("defect", where), say):
        return
    try:
        import traceback  # with all it imports; meant never to be needed

        text = "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
    except Exception:  # without descriptors or memory there is no importing
        text = f"{type(error).__name__}: {error}"
    log.manager(LOG_ERR, f"Internal error in {where}:")
    for line in text.split("\n"):
        log.manager(LOG_ERR, line)


class Core:
    """It knows none of the parts."""

    def __init__(self, loop: Loop, log: ManagerLog, limits: LogLimits, files: UnitFiles, registry: Registry) -> None:
        self.loop = loop
        self.log = log
        self.limits = limits
        self.registry = registry
        self._files = files

    @property
    def config(self) -> ManagerConfig:
        """What system.conf says, as it was read last."""
        return self._files.config

    @property
    def machine_id(self) -> str:
        """As machine-id(5) says, "" if there is none."""
        return self._files.host.machine_id

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.loop.call_soon(callback)

    def log_unit(self, unit: str, level: int, message: str, news: bool = True, fields: Fields = ()) -> None:
        """A line about a unit, or about none (""); news: for the container's output, too, if the unit is prominent.
        fields: further ones of its record."""
        if not unit:
            self.log.manager(level, message, fields=fields)
            return
        self.log_about(unit, level, f"{unit}: {message}", news, fields)

    def log_about(
        self, unit: str, level: int, message: str, news: bool = True, fields: Fields = (), said: bool = False
    ) -> None:
        """The same about a unit that the text itself names, or need not name. said: the container's output has it
        already."""
        found, invocation_id = self.registry.find(unit), ""
        if found is not None:
            if not self.wants(found, level):
                return
            invocation_id = found.invocation_id
        self.log.about(unit, level, message, invocation_id, news and traits_of(unit).prominent, said, fields)

    def wants(self, unit: ManagedUnit, level: int) -> bool:
        """Whether the unit lets lines about it be logged (LogLevelMax=, systemd.exec(5))."""
        highest = unit.file.settings.get((unit.section, "LogLevelMax"))
        return highest is None or level <= highest

    def log_heard(self, unit: str, level: int, message: str, news: bool = True, fields: Fields = ()) -> None:
        """A line about what a service says of itself, which can be as much as it likes."""
        if self.limits.admits(unit, lambda level, text: self.log_unit(unit, level, text, news)):
            self.log_unit(unit, level, message, news, fields)

    def is_changing(self, unit_id: str) -> bool:
        """Whether a unit is between two states: what its processes do next, and how they end, is waited for."""
        unit = self.registry.find(unit_id)
        return unit is not None and unit.kind.is_changing(unit.state)

    def report_exception(self, where: str, error: BaseException) -> None:
        report_exception(self.log, self.limits, where, error)
