"""Who a program runs as and what it may do: users, groups, limits, scheduling, capabilities. systemd.exec(5).

Each function is one step of :mod:`.execute`, which knows the exit status that its OSError becomes.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd

from .. import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
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
_SCHEDULERS = {"other": 0, "fifo": 1, "rr": 2, "batch": 3, "idle": 5}
_SCHED_RESET_ON_FORK = 0x40000000
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
    home = "" if entry.pw_dir in ("", "/") else entry.pw_dir
    shell = "" if entry.pw_shell in _NO_LOGIN else entry.pw_shell
    return Credentials(entry.pw_uid, entry.pw_gid, entry.pw_name, home, shell)


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


def set_groups(gid: int | None, groups: list[int] | None) -> None:
    """Changes to the groups; what we have already needs no privilege."""
    if groups is not None:
        ours = os.getegid()
        if os.geteuid() == 0 or {*groups, ours} != {*os.getgroups(), ours}:
            os.setgroups(groups)
    if gid is not None:
        os.setresgid(gid, gid, gid)


def set_user(uid: int, ambient: int) -> None:
    """Changes to the user; ``ambient`` capabilities survive it, the others do not."""
    if ambient and uid != 0:
        syscalls.prctl(syscalls.PR_SET_KEEPCAPS, 1)
    os.setresuid(uid, uid, uid)


def set_ambient(ambient: int) -> None:
    """Makes the capabilities of the mask inheritable, permitted and ambient."""
    if not ambient:
        return
    _, permitted, inheritable = syscalls.get_capabilities()
    syscalls.set_capabilities(permitted, permitted, inheritable | ambient)
    for number in range(64):
        if ambient >> number & 1:
            syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_RAISE, number)


def set_bounding(mask: int) -> None:
    """Drops every capability that is not in the mask from the bounding set, and from the inheritable ones."""
    for number in range(syscalls.last_capability() + 1):
        if not mask >> number & 1:
            syscalls.drop_bounding_capability(number)
    effective, permitted, inheritable = syscalls.get_capabilities()
    if inheritable & ~mask:
        syscalls.set_capabilities(effective, permitted, inheritable & mask)


def set_nice(nice: int) -> None:
    """Sets the nice level, or without the privilege the nearest that RLIMIT_NICE allows, as systemd does."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        soft = syscalls.get_limit("NICE")[0]
        nearest = max(20 - min(soft, 40), nice)
        if nearest < os.getpriority(os.PRIO_PROCESS, 0):
            os.setpriority(os.PRIO_PROCESS, 0, nearest)


def set_oom_score(adjustment: int) -> None:
    """OOMScoreAdjust=. PermissionError where a container may not lower it."""
    fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(adjustment).encode())
    finally:
        os.close(fd)


def set_scheduling(scheduling: dict[str, Any]) -> None:
    """{"policy": "fifo", "priority": 10, "reset_on_fork": false}."""
    policy = _SCHEDULERS[scheduling["policy"]]
    if scheduling.get("reset_on_fork"):
        policy |= _SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(scheduling.get("priority", 0)))


def set_affinity(cpus: Iterable[int]) -> None:
    os.sched_setaffinity(0, cpus)
