"""Who a program runs as: accounts and groups, looked up. systemd.exec(5).

Each function is one step of :mod:`.child`, which knows the exit status that its OSError becomes.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# systemd leaves the shell of an account that cannot log in out of the environment.
_NO_LOGIN = frozenset(
    f"{directory}/{name}"
    for directory, names in (
        ("/bin", ("nologin", "false", "true")),
        ("/sbin", ("nologin",)),
        ("/usr/bin", ("nologin", "false", "true")),
        ("/usr/sbin", ("nologin",)),
    )
    for name in names
)
_NO_SUCH_PROCESS = OSError(errno.ESRCH, os.strerror(errno.ESRCH))


class Credentials:
    """What User= means here: numbers, and what the program's environment says of it ("" for nothing)."""

    __slots__ = ("gid", "home", "name", "shell", "uid")

    def __init__(self, uid: int, gid: int, name: str, home: str, shell: str) -> None:
        self.uid = uid
        self.gid = gid
        self.name = name
        self.home = home
        self.shell = shell


def find_user(user: str) -> Credentials:
    """The account of a name or number; OSError ESRCH when there is none, as systemd says it."""
    # These two are never looked up, so that they are there whatever the state of the account files.
    if user in ("nobody", "65534"):
        return Credentials(65534, 65534, "nobody", "", "")
    if user in ("root", "0"):
        return Credentials(0, 0, "root", "/root", "/bin/bash" if os.access("/bin/bash", os.X_OK) else "/bin/sh")
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        raise _NO_SUCH_PROCESS from None
    shell = "" if entry.pw_shell in _NO_LOGIN else entry.pw_shell
    return Credentials(entry.pw_uid, entry.pw_gid, entry.pw_name, _home(entry.pw_dir), shell)


def _home(directory: str) -> str:
    """A home directory as a simple path; "" for none, which `/` and relative paths count as."""
    parts = [part for part in directory.split("/") if part not in ("", ".")]
    return "/" + "/".join(parts) if parts and directory.startswith("/") else ""


def find_group(group: str) -> int:
    """The number of a group; OSError ESRCH when there is none."""
    if group in ("root", "0"):
        return 0
    try:
        return (grp.getgrgid(int(group)) if group.isdigit() else grp.getgrnam(group)).gr_gid
    except (KeyError, OverflowError):
        raise _NO_SUCH_PROCESS from None


def find_groups(spec: dict[str, Any], user: Credentials | None, gid: int) -> list[int] | None:
    """The supplementary groups to set; None to leave them as they are."""
    names = spec.get("supplementary_groups") or ()
    of_user = os.getgrouplist(user.name, gid) if user and gid != 0 else []
    if not names and not of_user:
        return None
    return sorted({*of_user, *(find_group(name) for name in names)})
