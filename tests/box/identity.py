"""Becoming a process of the container: user, capabilities, limits, signals; and its program."""

from __future__ import annotations

import os
import resource
import signal
import struct
from typing import Any, NoReturn

from tests.box import seccomp
from tests.box.kernel import PR_SET_PDEATHSIG, check, libc

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
LAST_CAPABILITY = 40


def limit_capabilities(mask: int | None) -> None:
    """Limit the capabilities that a process of the box has and can ever get to `mask` (None: everything)."""
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if mask is None:
        return
    for capability in range(LAST_CAPABILITY + 1):
        if not mask >> capability & 1:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def reduce_to(mask: int) -> None:
    """Give up every capability that is not in `mask`, and let none be inherited."""
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("Ii", 0x20080522, 0)
    check(libc.capset(header, struct.pack("6I", low, low, 0, high, high, 0)), "capset")


def look_up_user(user: str) -> tuple[int, int, list[int], str]:
    """uid, gid, supplementary groups and home of "name", "uid" or "uid:gid", from the box's own files."""
    name, _, group = user.partition(":")
    uid, gid, home = -1, -1, "/"
    for line in _lines("/etc/passwd"):
        fields = line.split(":")
        if len(fields) >= 6 and name in (fields[0], fields[2]):
            name, uid, gid, home = fields[0], int(fields[2]), int(fields[3]), fields[5]
            break
    if uid < 0:
        if not name.isdigit():
            raise LookupError(f"no user {name!r} in the box")
        uid, gid = int(name), 0
    if group:
        return uid, int(group), [], home
    groups = [line.split(":") for line in _lines("/etc/group")]
    members = [int(fields[2]) for fields in groups if len(fields) >= 4 and name in fields[3].strip().split(",")]
    return uid, gid, members, home


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def become(spec: dict[str, Any]) -> None:
    """Become a process of the container: user, capabilities, limits, signals, and dying with the parent."""
    uid, gid, groups, home = look_up_user(spec.get("user") or "0")
    for name, (soft, hard) in spec.get("limits", {}).items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (soft, hard))
    if spec.get("seccomp"):
        seccomp.refuse_what_is_new(spec["seccomp"])  # while we still may
    mask = spec.get("capabilities")
    limit_capabilities(mask)
    if groups != os.getgroups():
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    if uid != 0:
        os.setresuid(uid, uid, uid)  # takes all capabilities away
    elif mask is not None:
        reduce_to(mask)
    if spec.get("no_new_privileges"):
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if spec.get("home"):
        spec["environment"].setdefault("HOME", home)
    os.umask(0o022)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # last, because a change of credentials clears it


def execute(argv: list[str], environment: dict[str, str]) -> NoReturn:
    """exec, with the program looked up in the PATH of its own environment."""
    if "/" in argv[0]:
        os.execve(argv[0], argv, environment)
    for directory in environment.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(":"):
        try:
            os.execve(f"{directory}/{argv[0]}", argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise FileNotFoundError(f"{argv[0]}: not found in PATH")
