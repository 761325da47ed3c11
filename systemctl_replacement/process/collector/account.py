"""Who the collector is: a user of its own, without any privilege, that owns the directory it writes to."""

from __future__ import annotations

import os
import stat

from systemctl_replacement import syscalls, wire
from systemctl_replacement.journal.names import RECEIVED, SUFFIX
from systemctl_replacement.process.describe_error import describe
from systemctl_replacement.process.link import Link, make_pair, unpack_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

NAME = "systemd-journal-collector"
_READERS = ("systemd-journal", "adm")
"""Groups that may read journals, where an image has one of them. journald's files belong to the first."""
_MODE = 0o2750
_OWN_MODE = 0o750
_SHARED_MODE = 0o2755
_PR_SET_DUMPABLE = 4
_ID_SIZE_MAX = 10


class PrivilegedError(Exception):
    """Privileges could not be given up, though this may succeed another time. The text says why."""


_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def settle(directory: str, dynamic: str) -> str:
    """Make the directory below `directory` to write to, and give up all privileges. Returns its path, "" for none.

    dynamic: where the uids of DynamicUser= are taken (systemd.exec(5)): the collector's is one of these. Where it
    cannot have one of its own (we are not root, or the user namespace is small) it stays the user that we are. OSError
    if the directory cannot be made; PrivilegedError if we are root still, and need not be.
    """
    path, place = "", -1
    try:
        if directory:
            place = _make(directory)
            os.fchdir(place)  # the directories above it may be closed to others
            path = f"./{RECEIVED}"
    finally:
        if os.geteuid() == 0:
            _become(place, path, dynamic)
        if place >= 0:
            os.close(place)
        syscalls.set_no_new_privileges()
        syscalls.set_capabilities(0, 0, 0)
        syscalls.prctl(_PR_SET_DUMPABLE, 0)
    return path


def prepare(directory: str, uid: int) -> int:
    """Make the directory below `directory` for a collector that is this user already. Returns a descriptor of
    `directory`. OSError."""
    place = _make(directory)
    try:
        if os.geteuid() == 0:
            _give(place, uid)
    except BaseException:
        os.close(place)
        raise
    return place


def _make(directory: str) -> int:
    os.makedirs(directory, 0o755, exist_ok=True)
    place = os.open(directory, _DIRECTORY)
    try:
        try:
            os.mkdir(RECEIVED, _OWN_MODE, dir_fd=place)
        except FileExistsError:
            pass
        if os.geteuid() == 0:
            _share(place)
    except BaseException:
        os.close(place)
        raise
    return place


def _share(place: int) -> None:
    """Let the group that may read journals read those of root in a directory, as journald does: those that are there,
    and those to come. Who has chosen another group keeps it."""
    group, status = _reading_group(), os.fstat(place)
    if group < 0 or (status.st_uid, status.st_gid) != (0, 0):
        return
    if _try(os.fchown, place, -1, group):
        _try(os.fchmod, place, _SHARED_MODE)
        for name in os.listdir(place):
            if name.endswith(SUFFIX):
                _try(_share_file, name, place, group)


def _share_file(name: str, place: int, group: int) -> None:
    file = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
    try:
        status = os.fstat(file)
        if stat.S_ISREG(status.st_mode) and (status.st_uid, status.st_gid) == (0, 0):
            os.chown(f"/proc/self/fd/{file}", -1, group)
    finally:
        os.close(file)


def _become(place: int, path: str, dynamic: str) -> None:
    try:
        uid = _take_uid(path, dynamic)
    except OSError as error:
        raise PrivilegedError(describe(error)) from error
    if uid < 0:
        raise PrivilegedError("no answer")
    if place >= 0:
        _try(_give, place, uid)
    # In the order in which each is still allowed.
    if _try(os.setgroups, []) and _try(os.setresgid, uid, uid, uid) and _try(os.setresuid, uid, uid, uid):
        return
    if place >= 0:
        _try(_give, place, os.geteuid())


def _give(place: int, uid: int) -> None:
    """Have the directory in `place`, and the journals in it, belong to a user. Another one that they belonged to may
    have put anything there: only what was that user's own is given away."""
    directory = os.open(RECEIVED, _DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
    try:
        before = os.fstat(directory).st_uid
        group = _reading_group()
        if not _try(os.fchown, directory, uid, group):
            return
        os.fchmod(directory, _MODE if group >= 0 else _OWN_MODE)
        if before == uid:
            return
        for name in os.listdir(directory):
            _give_file(name, directory, before, uid)
    finally:
        os.close(directory)


def _give_file(name: str, directory: int, before: int, uid: int) -> None:
    file = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        status = os.fstat(file)
        if stat.S_ISREG(status.st_mode) and status.st_uid == before:
            os.chown(f"/proc/self/fd/{file}", uid, -1)  # what has that name may be another file by now
    finally:
        os.close(file)


def _take_uid(path: str, dynamic: str) -> int:
    """The uid, locked for as long as this process lives; -1 if none can be found. A process of its own takes it:
    what looking users up brings along would stay in ours."""
    link, theirs = make_pair()
    child = os.fork()
    if child == 0:
        _pick_uid(path, dynamic, Link(theirs))
    os.close(theirs)
    uid = -1
    try:
        link.socket.setblocking(True)
        data, ancillary, _flags, _address = link.socket.recvmsg(64, 64)
        for lock in unpack_fds(ancillary):
            os.set_inheritable(lock, False)  # open for as long as we live
        if data:
            uid = wire.loads(data)["uid"]
    finally:
        link.close()
    return uid


def _pick_uid(path: str, dynamic: str, link: Link) -> NoReturn:
    try:
        from systemctl_replacement.process.sandbox import dynamic_user

        try:
            uid, lock = dynamic_user.pick(NAME, dynamic, [path] if path else [])
            link.send({"uid": uid}, [lock])
        except OSError:
            link.send({"uid": dynamic_user.usual_uid(NAME)})  # nowhere to lock it: better than ours
    finally:
        os._exit(0)


def _reading_group() -> int:
    """The group that may read journals, -1 if the image has none. Looked up in the file alone: who else would know?"""
    found: dict[str, int] = {}
    try:
        with open("/etc/group", "rb") as file:
            for line in file:
                fields = line.split(b":")
                if len(fields) > 2 and fields[2].isdigit() and len(fields[2]) <= _ID_SIZE_MAX:
                    found.setdefault(fields[0].decode("utf-8", "replace"), int(fields[2]))
    except OSError:
        return -1
    return next((found[name] for name in _READERS if name in found), -1)


def _try(function: Callable[..., object], *arguments: Any) -> bool:
    try:
        function(*arguments)
    except OSError:
        return False  # the ids of this user namespace are too few, or we may not change ours
    return True
