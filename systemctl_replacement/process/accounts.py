"""Whom a program runs as: users and groups, looked up. systemd.exec(5), "Credentials"."""

from __future__ import annotations

import errno
import grp
import os
import pwd

from systemctl_replacement.process import directories
from systemctl_replacement.process.report import tell
from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome

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


class Account:
    """A user: numbers, and what the program's environment says of it ("" for nothing)."""

    __slots__ = ("gid", "home", "name", "shell", "uid")

    def __init__(self, uid: int, gid: int, name: str, home: str, shell: str) -> None:
        self.uid = uid
        self.gid = gid
        self.name = name
        self.home = home
        self.shell = shell


def take_dynamic_user(child: Child) -> Outcome:
    """DynamicUser=: a user and a group that exist as long as the unit runs. OSError."""
    identity = child.spec.identity
    if identity.dynamic_users:
        owned = directories.owned(child.spec.directories)
        uid, gid = child.users.take_both(identity.user, identity.group, owned)
        child.account, child.gid = Account(uid, gid, identity.user, "", ""), gid
    return APPLIED


def find_user(child: Child) -> Outcome:
    """User=. OSError ESRCH when there is none, as systemd says it."""
    identity = child.spec.identity
    if identity.user and not identity.dynamic_users:
        try:
            child.account = account = look_up_user(identity.user)
        except OSError:
            if identity.only_in_environment:
                return APPLIED
            raise
        if identity.only_in_environment:
            account.uid = os.geteuid()
        if identity.remove_ipc:
            child.users.keep(identity.user, account.uid)
        if not _is_ours(account):
            child.gid = account.gid
    return APPLIED


def _is_ours(account: Account) -> bool:
    """Whether we are that user already, and not root: that needs no privilege, and our groups stay."""
    return account.uid == os.geteuid() != 0


def find_group(child: Child) -> Outcome:
    """Group=, and the supervisor is told of what was found. OSError ESRCH when there is none."""
    identity = child.spec.identity
    if identity.group and not identity.dynamic_users:
        child.gid = look_up_group(identity.group)
    if child.account or child.gid is not None:
        uid = child.account.uid if child.account else -1
        tell(child.report, {"user": [uid, -1 if child.gid is None else child.gid]})
    return APPLIED


def find_supplementary(child: Child) -> Outcome:
    """SupplementaryGroups=, and those that the account files give the user. OSError."""
    names, gid = child.spec.identity.supplementary_groups, child.gid or 0
    account = child.account
    of_user = os.getgrouplist(account.name, gid) if account and gid != 0 and not _is_ours(account) else []
    if names or of_user:
        child.groups = sorted({*of_user, *(look_up_group(name) for name in names)})
        if of_user and os.geteuid() != 0:
            os.setgroups(child.groups)  # here, as systemd does: who may not is told of this, whatever else is missing
    return APPLIED


def look_up_user(user: str) -> Account:
    """The account of a name or number; OSError ESRCH when there is none."""
    # These two are never looked up, so that they are there whatever the state of the account files.
    if user in ("nobody", "65534"):
        return Account(65534, 65534, "nobody", "", "")
    if user in ("root", "0"):
        return Account(0, 0, "root", "/root", "/bin/bash" if os.access("/bin/bash", os.X_OK) else "/bin/sh")
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        if user == str(os.geteuid()):  # a platform's random user, whom no file knows
            return Account(os.geteuid(), os.getegid(), user, "", "")
        raise _NO_SUCH_PROCESS from None
    shell = "" if entry.pw_shell in _NO_LOGIN else entry.pw_shell
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, _home(entry.pw_dir), shell)


def _home(directory: str) -> str:
    """A home directory as a simple path; "" for none, which `/` and relative paths count as."""
    parts = [part for part in directory.split("/") if part not in ("", ".")]
    return "/" + "/".join(parts) if parts and directory.startswith("/") else ""


def look_up_group(group: str) -> int:
    """The number of a group; OSError ESRCH when there is none."""
    if group in ("root", "0"):
        return 0
    try:
        return (grp.getgrgid(int(group)) if group.isdigit() else grp.getgrnam(group)).gr_gid
    except (KeyError, OverflowError):
        if group == str(os.getegid()):
            return os.getegid()
        raise _NO_SUCH_PROCESS from None
