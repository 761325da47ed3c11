"""Units that ask for another user where init is not root: programs run only as itself, and it can give nothing away.

They fail, as under a manager of systemd without privileges, unless $SYSTEMCTL_IGNORE_USER says that they run all the
same, as init's user, who owns their sockets, too. Then their log and `status` say so.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.unitfile import capabilities
from systemctl_replacement.unitfile.values import parse_bool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Callable

    from systemctl_replacement.unitfile.specifiers import Host

    Get = Callable[[str], Any]

VARIABLE = "SYSTEMCTL_IGNORE_USER"


class OwnUser:
    """The user that the manager runs as. host: tells who it is, as the account files say now."""

    def __init__(self, host: Callable[[], Host], ignores_others: bool) -> None:
        self._host = host
        self._ignores_others = ignores_others

    @property
    def name(self) -> str:
        return self._host().user

    def ignored(self, get: Get) -> tuple[str, ...]:
        """The directives of a unit that are ignored, so that it runs as the manager's user."""
        return asking_for_others(self._host(), get) if self._ignores_others else ()

    def ignored_owners(self, get: Get) -> tuple[str, ...]:
        """The directives of a unit that are ignored, so that its sockets belong to the manager's user."""
        return giving_to_others(self._host(), get) if self._ignores_others else ()


def asking_for_others(host: Host, get: Get) -> tuple[str, ...]:
    """The directives by which a unit asks for somebody else than the manager's user, or for further groups."""
    if get("DynamicUser"):
        found = ["DynamicUser"]  # which also gives a value to User= and Group=
    else:
        found = _naming_others(host, get, "User", "Group")
    return (*found, *(["SupplementaryGroups"] if get("SupplementaryGroups") else []))


def giving_to_others(host: Host, get: Get) -> tuple[str, ...]:
    """The directives by which a socket is to belong to somebody else than the manager's user and group."""
    return tuple(_naming_others(host, get, "SocketUser", "SocketGroup"))


def _naming_others(host: Host, get: Get, user: str, group: str) -> list[str]:
    ours = {user: (host.user, str(host.uid)), group: (host.group, str(host.gid))}
    return [name for name, own in ours.items() if get(name) and get(name) not in own]


def warning(user: str, ignored: Iterable[str]) -> str:
    """What is said of a unit that runs as the manager's user although these directives name others."""
    return f"Runs as user {user}, not as {_says(ignored)}: init can become nobody else, and ${VARIABLE} says to go on."


def owner_warning(user: str, ignored: Iterable[str]) -> str:
    """What is said of a unit whose sockets belong to the manager's user although these directives name others."""
    told = f"init can give them to nobody, and ${VARIABLE} says to go on."
    return f"Its sockets belong to user {user}, not as {_says(ignored)}: {told}"


def _says(directives: Iterable[str]) -> str:
    names = [f"{name}=" for name in directives]
    return f"{', '.join(names)} {'says' if len(names) == 1 else 'say'}"


def ignores_others(environment: Mapping[str, str], complain: Callable[[str], object]) -> bool:
    """Whether units that ask for others run as the manager's user: it can become nobody else, and was told so."""
    return is_told(environment, complain) and _is_bound()


def is_told(environment: Mapping[str, str], complain: Callable[[str], object]) -> bool:
    """Whether a manager that can become nobody else is told to go on as itself."""
    told = environment.get(VARIABLE, "")
    try:
        return bool(told) and parse_bool(told)
    except ValueError:
        complain(f"${VARIABLE} is neither yes nor no, ignoring: {told}")
        return False


def _is_bound() -> bool:
    """Whether we can change to no other user."""
    effective = syscalls.get_capabilities()[0]
    return os.geteuid() != 0 and not effective >> capabilities.number("CAP_SETUID") & 1
