"""RemoveIPC=: removes the System V and POSIX IPC objects of a user. systemd.exec(5), sysvipc(7)."""

from __future__ import annotations

import os

from systemctl_replacement import libc
from systemctl_replacement.tree_walk import OPEN_DIRECTORY, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Where POSIX shared memory, semaphores and message queues are files.
_DIRECTORIES = ("/dev/shm", "/dev/mqueue")
_IPC_RMID = 0
_NOBODY = -1


def remove(uid: int, gid: int = _NOBODY) -> None:
    """Remove everything that belongs to the user or the group. What cannot be removed stays, as with systemd."""
    for kind, identifier, owner, group in _objects():
        if uid == owner or gid == group:
            _remove_object(kind, identifier, owner)
    for directory in _DIRECTORIES:
        try:
            fd = os.open(directory, OPEN_DIRECTORY)
        except OSError:
            continue
        try:
            _remove_files(fd, uid, gid)
        finally:
            os.close(fd)


def is_anybody_there(uid: int) -> bool:
    """Whether a process of the user runs."""
    wanted = str(uid).encode()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                # Not the owner of the directory, which is root for a process that is not dumpable.
                with open(f"/proc/{name}/status", "rb") as file:
                    words = file.read().partition(b"\nUid:")[2].split(None, 4)
            except OSError:
                continue
            if wanted in words[:4]:
                return True
    return False


def _objects() -> Iterator[tuple[str, int, int, int]]:
    """The kind, id, user and group of every System V object."""
    for kind in ("shm", "sem", "msg"):
        try:
            with open(f"/proc/sysvipc/{kind}", encoding="ascii") as file:
                head, *lines = [line.split() for line in file]
        except (OSError, ValueError):
            continue
        place = head.index("uid")
        for words in lines:
            yield kind, int(words[1]), int(words[place]), int(words[place + 1])


def _remove_object(kind: str, identifier: int, owner: int) -> None:
    """Remove an object as its owner: in most containers root may not."""
    ours = os.geteuid()
    try:
        os.seteuid(owner)
    except OSError:
        return
    try:
        if kind == "sem":
            libc.function("semctl")(identifier, 0, _IPC_RMID, 0)
        else:
            libc.function(f"{kind}ctl")(identifier, _IPC_RMID, None)
    finally:
        os.seteuid(ours)


def _remove_files(fd: int, uid: int, gid: int) -> None:
    def remove_file(above: int, name: str) -> None:
        if _is_theirs(above, name, uid, gid):
            os.unlink(name, dir_fd=above)

    def remove_directory(above: int, name: str) -> None:
        if _is_theirs(above, name, uid, gid):
            try:
                os.rmdir(name, dir_fd=above)
            except OSError:
                return  # it holds files of others

    try:
        walk(fd, remove_file, remove_directory)
    except OSError:
        return


def _is_theirs(above: int, name: str, uid: int, gid: int) -> bool:
    status = os.stat(name, dir_fd=above, follow_symlinks=False)
    return uid == status.st_uid or gid == status.st_gid
