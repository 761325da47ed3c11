"""What journald.conf and the command line make of the log: where its files are, how much of it is kept, what is shown.

Read when a manager starts, and when it is executed again, as journald reads its configuration when it starts.
"""

from __future__ import annotations

from systemctl_replacement.journal import names
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_INFO
from systemctl_replacement.paths import LOG_DIRECTORY
from systemctl_replacement.process.console_filter import ALL, NONE
from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.unitfile.journal_config import NONE as NOWHERE
from systemctl_replacement.unitfile.journal_config import VOLATILE, read_journal_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from systemctl_replacement.manager.options import InitOptions
    from systemctl_replacement.paths import Paths
    from systemctl_replacement.unitfile.journal_config import JournalConfig

_SYSLOG = "/run/systemd/journal/syslog"

# Before a list of identifiers: all but these, as in other settings of systemd.
_INVERTED = "~"


@dataclass(frozen=True)
class LogPlan:
    """The settings of a log. directory: of its files, "": nothing is stored. limits: what keeps them small
    (journal/vacuum.py); what is not said there is for their writers to say. shown: what the container's output gets
    (process/console_filter.py). syslog: the socket of a daemon that gets it, too; "": none does."""

    config: JournalConfig
    directory: str
    limits: Mapping[str, int]
    shown: Mapping[str, Any]
    syslog: str

    @property
    def manager_file(self) -> str:
        """The file of the manager's own lines, "" for none."""
        return f"{self.directory}/{names.MANAGER_FILE}" if self.directory else ""

    def of_unit(self, unit: str) -> dict[str, Any]:
        """What a unit's supervisor must know of its log."""
        where = {"path": f"{self.directory}/{names.file_name(unit)}", "limits": self.limits} if self.directory else {}
        config = self.config
        return {
            **where,
            "rate_limit": [config.rate_limit_interval, config.rate_limit_burst],
            "max_stored": config.max_level_store,
            "max_forwarded": config.max_level_syslog,
            "syslog": self.syslog,
            **self.shown,
        }

    def problems(self) -> list[tuple[int, str, tuple[tuple[str, str], ...]]]:
        """What is wrong with journald.conf, and what comes of nothing that it asks for: level, text, fields."""
        found = [(problem.level, str(problem), tuple(problem.fields())) for problem in self.config.problems]
        if self.config.ignored:
            found.append((LOG_INFO, f"journald.conf: nothing comes of {'=, '.join(self.config.ignored)}= here.", ()))
        return found


def make_plan(paths: Paths, options: InitOptions) -> LogPlan:
    """The plan for a manager that is starting."""
    config = read_journal_config(options.root)
    syslog = paths.below(_SYSLOG) if config.forward_to_syslog else ""
    return settled(LogPlan(config, "", {}, shown_on_console(options, config), syslog), paths)


def settled(plan: LogPlan, paths: Paths, is_relinquished: bool = False) -> LogPlan:
    """The plan with the directory that is to be written to now. is_relinquished: below /var/log nothing is, whatever
    Storage= says."""
    config = plan.config
    if config.storage == NOWHERE:
        return plan
    is_volatile = is_relinquished or config.storage == VOLATILE
    directory = paths.volatile_log_directory() if is_volatile else paths.log_directory()
    is_kept = directory == paths.below(LOG_DIRECTORY)
    return replace(plan, directory=directory, limits=_limits(config, is_kept))


def _limits(config: JournalConfig, is_kept: bool) -> dict[str, int]:
    limits = config.system if is_kept else config.runtime
    said = {
        **{name: getattr(limits, name) for name in ("max_use", "keep_free", "max_file_size", "max_files")},
        "max_retention": config.max_retention,
        "max_file_age": config.max_file_age,
    }
    return {name: value for name, value in said.items() if value is not None}


def shown_on_console(options: InitOptions, config: JournalConfig) -> dict[str, Any]:
    """What is shown: everything, unless something else is asked for."""
    by_configuration = NONE if config.forward_to_console is False else ALL
    level = options.log_console_level
    if level is None:
        level = LOG_DEBUG if config.max_level_console is None else config.max_level_console
    identifiers = options.log_console_identifiers
    inverted = identifiers.startswith(_INVERTED)
    return {
        "console": options.log_console or by_configuration,
        "console_level": level,
        "console_identifiers": [name for name in identifiers[inverted:].split(",") if name],
        "console_inverted": inverted,
    }
