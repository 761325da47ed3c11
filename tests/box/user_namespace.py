"""User namespaces: a box whose root is an unprivileged user of the machine, as under rootless Podman."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence

from tests.box.kernel import CLONE_NEWUSER, PR_SET_PDEATHSIG, check, libc, unshare

SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, MOVE_MOUNT_F_EMPTY_PATH = 1, os.O_CLOEXEC, 4
MOUNT_ATTR_IDMAP = 0x100000
# An image has files of more users than the namespace may have.
OTHERS_OF_AN_IMAGE = (1, 100000, 65535)

Range = Sequence[int]
"""The first id inside, the first id outside, how many."""


class _MountAttributes(ctypes.Structure):
    """struct mount_attr"""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def make(ids: Sequence[Range]) -> int:
    """A descriptor of a user namespace with these users and groups. With a single user it has no other groups."""
    ready, go = os.pipe()
    holder = os.fork()
    if holder == 0:
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            unshare(CLONE_NEWUSER)
            os.write(go, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.close(go)
    try:
        if not os.read(ready, 1):
            raise OSError("cannot make a user namespace")
        if sum(count for _, _, count in ids) == 1:
            _write(f"/proc/{holder}/setgroups", "deny")
        for kind in ("uid_map", "gid_map"):
            _write(f"/proc/{holder}/{kind}", "".join(f"{inside} {outside} {count}\n" for inside, outside, count in ids))
        return os.open(f"/proc/{holder}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def join(namespace: int) -> None:
    """Become root of a user namespace, with all capabilities in it."""
    os.setgroups([])  # a namespace of a single user does not allow it any more
    check(libc.setns(namespace, CLONE_NEWUSER), "setns")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def shift(directories: Sequence[str], ids: Sequence[Range], scratch: str) -> list[str]:
    """The same directories, mounted below `scratch` as if their files belonged to users of the namespace."""
    namespace = make(ids if len(ids) > 1 else [*ids, OTHERS_OF_AN_IMAGE])
    shifted = []
    for number, directory in enumerate(directories):
        target = f"{scratch}/shifted{number}"
        os.mkdir(target)
        tree = _call(SYS_OPEN_TREE, AT_FDCWD, directory.encode(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
        attributes = _MountAttributes(set=MOUNT_ATTR_IDMAP, user_namespace=namespace)
        size = ctypes.sizeof(attributes)
        _call(SYS_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, ctypes.byref(attributes), size)
        _call(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH)
        os.close(tree)
        shifted.append(target)
    os.close(namespace)
    return shifted


def _call(number: int, *arguments: object) -> int:
    words = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return check(libc.syscall(number, *words), f"system call {number}")
