"""The five kinds of directories that a unit may ask for: RuntimeDirectory= and its siblings (systemd.exec(5)).

Loading, spawning, `show` and `clean` all need this one table.
"""

from __future__ import annotations

from systemctl_replacement.exit_status import (
    EXIT_CACHE_DIRECTORY,
    EXIT_CONFIGURATION_DIRECTORY,
    EXIT_LOGS_DIRECTORY,
    EXIT_RUNTIME_DIRECTORY,
    EXIT_STATE_DIRECTORY,
)
from systemctl_replacement.records import dataclass


@dataclass(frozen=True)
class DirectoryKind:
    """One kind."""

    directive: str
    word: str
    """For `systemctl clean --what=` and the property CanClean."""
    variable: str
    """The environment variable that tells the service its directories, separated by colons."""
    base: str
    """Where the system manager makes them."""
    exit_status: int
    """The service's exit status where they cannot be made."""


KINDS = (
    DirectoryKind("RuntimeDirectory", "runtime", "RUNTIME_DIRECTORY", "/run", EXIT_RUNTIME_DIRECTORY),
    DirectoryKind("StateDirectory", "state", "STATE_DIRECTORY", "/var/lib", EXIT_STATE_DIRECTORY),
    DirectoryKind("CacheDirectory", "cache", "CACHE_DIRECTORY", "/var/cache", EXIT_CACHE_DIRECTORY),
    DirectoryKind("LogsDirectory", "logs", "LOGS_DIRECTORY", "/var/log", EXIT_LOGS_DIRECTORY),
    DirectoryKind(
        "ConfigurationDirectory", "configuration", "CONFIGURATION_DIRECTORY", "/etc", EXIT_CONFIGURATION_DIRECTORY
    ),
)
