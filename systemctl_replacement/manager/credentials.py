"""Credentials: what the container's engine passes to PID 1, and what a unit's processes get. systemd.exec(5)."""

from __future__ import annotations

import os
import stat

from systemctl_replacement.process.exec_spec import Credentials, GivenCredential, LoadedCredential
from systemctl_replacement.records import dataclass
from systemctl_replacement.tree_walk import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable

VARIABLE = "CREDENTIALS_DIRECTORY"
DIRECTIVES = ("LoadCredential", "ImportCredential", "SetCredential")

# Where the credentials of units are, and where an administrator may keep some (systemd.exec(5)).
DIRECTORY = "/run/credentials"
_STORES = ("/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore")

# The commands before which they are made anew. Whatever follows finds them as the unit was started with.
_FIRST = ("ExecCondition", "ExecStartPre", "ExecStart")


@dataclass(frozen=True)
class Places:
    """Directories: of the credentials that the manager was started with ("" without any), and of those of units."""

    received: str
    directory: str
    root: str = ""

    def of_unit(self, unit: str) -> str:
        return f"{self.directory}/{unit}"

    @property
    def stores(self) -> tuple[str, ...]:
        """Where a credential is looked for by its name, in this order."""
        return (*([self.received] if self.received else ()), *(f"{self.root}{store}" for store in _STORES))


NOWHERE = Places("", DIRECTORY)


def received(environment: Mapping[str, str]) -> str:
    """The directory of the credentials that we were started with, "" without any."""
    directory = environment.get(VARIABLE, "")
    return directory if directory.startswith("/") else ""


def link_received(units: str, environment: Mapping[str, str]) -> None:
    """Let the credentials of the engine be found in /run/credentials/@system, where systemd's programs look.

    units: the directory of those of units. If that is another one, others than root may write to /run.
    """
    directory = received(environment)
    link = f"{DIRECTORY}/@system"
    if directory and directory != link and units == DIRECTORY:
        try:
            os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
            if os.path.islink(link):
                os.unlink(link)
            os.symlink(os.path.relpath(directory, DIRECTORY), link)
        except OSError:
            return  # we may not write to /run: units get them all the same


def clear(units: str, before: int) -> None:
    """Remove the credentials of units of an earlier life from their directory, which engines keep.

    before: when this life began, realtime in microseconds. What the engine has mounted there stays.
    """
    try:
        device = os.lstat(os.path.dirname(units)).st_dev
        entries = [(path, os.lstat(path)) for path in (f"{units}/{name}" for name in os.listdir(units))]
    except OSError:
        return  # there are none
    for path, status in entries:
        if stat.S_ISDIR(status.st_mode) and status.st_dev == device and status.st_ctime_ns < before * 1000:
            try:
                remove(path)
            except OSError:
                continue  # what we may not remove is not ours to worry about


def wanted(get: Callable[[str], Any], unit: str, phase: str, places: Places) -> Credentials | None:
    """What a process of the unit is to find."""
    loaded, imported, given = (get(name) or () for name in DIRECTIVES)
    if not (loaded or imported or given):
        return None
    return Credentials(
        directory=places.of_unit(unit),
        unit=unit,
        stores=places.stores,
        afresh=phase in _FIRST,
        loaded=tuple([LoadedCredential(name, source) for name, source in loaded]),
        imported=tuple(imported),
        given=tuple([GivenCredential(name, text.encode("utf-8", "surrogateescape")) for name, text in given]),
    )
