"""DynamicUser=: a user that exists as long as the unit runs. systemd.exec(5).

A uid is taken by a lock on /run/systemd/dynamic-uid/UID, a file that holds the user's name; the links beside it are
for nss-systemd(8). systemd picks the uid in the same order: the owner of the unit's directories, a hash of the name,
anything that is free. The process that is to run as the user takes it, because looking names up may take its time.
The lock is then kept in a socket that nobody reads: the unit's later processes look it up there. The manager has the
socket, too, so that the lock stays where the supervisor is killed.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import grp
import os
import pwd
import sys

from systemctl_replacement import syscalls
from systemctl_replacement.process import ipc
from systemctl_replacement.siphash import siphash24

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

FIRST, LAST = 61184, 65519
_KEY = bytes.fromhex("37537e31cfce48f58abb39578dd9ec59")
_TRIES = 100
_CREATE = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_INT = 4
# There is a group of that name and no user, or the other way round.
_AMBIGUOUS = OSError(errno.EILSEQ, "User or group with specified name already exists.")
# Tells nss-systemd(8) not to answer with dynamic users.
_BYPASS = "SYSTEMD_NSS_DYNAMIC_BYPASS"


class Store:
    """The dynamic users of the supervisor's unit: for each name a pair of sockets from the manager."""

    __slots__ = ("_directory", "_pairs", "_remove_ipc")

    def __init__(self) -> None:
        self._directory = ""
        self._remove_ipc = False
        self._pairs: dict[str, tuple[_socket.socket, _socket.socket]] = {}

    def receive(self, message: dict[str, Any], fds: list[int]) -> None:
        """Take the sockets that the manager has sent. The descriptors are ours from now on."""
        self._directory, self._remove_ipc = message["directory"], message["remove_ipc"]
        ends = [_socket.socket(fileno=fd) for fd in fds]
        fds.clear()
        self._pairs.update(zip(message["names"], zip(ends[::2], ends[1::2])))

    def check(self, names: Iterable[str]) -> None:
        """OSError if the sockets of one of these users are missing, because there were no descriptors for them."""
        if any(name not in self._pairs for name in names):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def descriptors(self) -> list[int]:
        """The descriptors that a child must keep open until it has found its user."""
        return [end.fileno() for pair in self._pairs.values() for end in pair]

    def take_both(self, user: str, group: str, owned: Iterable[str]) -> tuple[int, int]:
        """The (uid, gid) of a user and a group, made if need be. `owned`: what they may own already. OSError.

        A user or group that exists is what is meant; one that exists only as the other of the two is refused.
        """
        os.putenv(_BYPASS, "1")
        uid, gid = self._take(user, lambda: _find(user, self._directory, owned, True))
        if group != user:
            gid = self._take(group, lambda: _find(group, self._directory, owned, False))[0]
        return uid, gid

    def keep(self, name: str, uid: int) -> None:
        """Record a static user, for :meth:`release`."""
        if name in self._pairs:
            self._take(name, lambda: (uid, uid, -1))

    def _take(self, name: str, find: Callable[[], tuple[int, int, int]]) -> tuple[int, int]:
        inside, outside = self._pairs[name]
        # Of two processes of the unit that start at once, the second waits for the result of the first.
        fcntl.lockf(inside, fcntl.LOCK_EX)
        try:
            kept = _look(inside)
            if kept is None:
                kept = find()
                _send(outside, *kept)
            uid, gid, lock = kept
            if lock >= 0:
                os.close(lock)
            return uid, gid
        finally:
            fcntl.lockf(inside, fcntl.LOCK_UN)

    def release(self) -> None:
        """The unit is inactive and its users are gone: a process of its own removes what they leave.

        Where there can be none, the files stay: locked by nobody, they are taken over by whoever is next.
        """
        if not self._pairs:
            return
        try:
            if os.fork():
                return
        except OSError:
            return
        try:
            # No other descriptor of the supervisor stays open: the manager waits for its end.
            syscalls.close_all_except([0, 1, 2, *self.descriptors()])
            for name, (inside, _) in self._pairs.items():
                kept = _look(inside)
                if kept is not None:
                    self._clear(name, *kept)
        finally:
            os._exit(0)

    def _clear(self, name: str, uid: int, gid: int, lock: int) -> None:
        if lock < 0:
            if self._remove_ipc and uid and not ipc.is_anybody_there(uid):
                ipc.remove(uid)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another unit has the same user
        ipc.remove(uid, gid)
        _forget(self._directory, uid, name)


def _look(inside: _socket.socket) -> tuple[int, int, int] | None:
    """The uid, the gid and a descriptor of the lock (-1 for a static user). They stay in the socket."""
    try:
        data, ancillary, flags, _ = inside.recvmsg(
            2 * _INT, _socket.CMSG_SPACE(_INT), _socket.MSG_PEEK | _socket.MSG_DONTWAIT
        )
    except BlockingIOError:
        return None
    if flags & _socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    lock = -1
    for level, kind, content in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            lock = int.from_bytes(content[:_INT], sys.byteorder)
            os.set_inheritable(lock, False)
    return int.from_bytes(data[:_INT], "little"), int.from_bytes(data[_INT:], "little"), lock


def _send(outside: _socket.socket, uid: int, gid: int, lock: int) -> None:
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, lock.to_bytes(_INT, sys.byteorder))] if lock >= 0 else []
    outside.sendmsg([uid.to_bytes(_INT, "little") + gid.to_bytes(_INT, "little")], rights, _socket.MSG_DONTWAIT)


def _find(name: str, directory: str, owned: Iterable[str], is_user: bool) -> tuple[int, int, int]:
    static = _static(name, is_user)
    if static is not None:
        return (*static, -1)
    uid, lock = pick(name, directory, owned)
    return uid, uid, lock


def _static(name: str, is_user: bool) -> tuple[int, int] | None:
    """A static user or group of this name. OSError EILSEQ if only the other of the two exists."""
    if name.isdigit():
        return int(name), int(name)
    user, group = _known(pwd.getpwnam, name), _known(grp.getgrnam, name)
    if is_user and user is not None:
        return user.pw_uid, user.pw_gid
    if not is_user and group is not None:
        return group.gr_gid, group.gr_gid
    if user is not None or group is not None:
        raise _AMBIGUOUS
    return None


def _known(look_up: Callable[[Any], Any], key: str | int) -> Any:
    try:
        return look_up(key)
    except KeyError:
        return None


def pick(name: str, directory: str, owned: Iterable[str]) -> tuple[int, int]:
    """A uid for a name, and the descriptor of the lock that keeps others from it. `owned`: what the user may own
    already. OSError."""
    os.makedirs(directory, 0o755, exist_ok=True)
    for uid in _candidates(name, owned):
        lock, shared = _lock(directory, uid, name)
        if lock < 0:
            continue
        if not shared:
            if _known(pwd.getpwuid, uid) or _known(grp.getgrgid, uid):
                _forget(directory, uid, name)
                os.close(lock)
                continue
            _link(directory, uid, name)
            fcntl.flock(lock, fcntl.LOCK_SH)  # from now on other units may share the user
        return uid, lock
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def usual_uid(name: str) -> int:
    """The uid that a name gets unless somebody has it."""
    return siphash24(name.encode("utf-8", "surrogateescape"), _KEY) % 2**32 % (LAST - FIRST + 1) + FIRST


def _candidates(name: str, owned: Iterable[str]) -> Iterable[int]:
    for path in owned:
        try:
            uid = os.stat(path, follow_symlinks=False).st_uid
        except OSError:
            continue
        if FIRST <= uid <= LAST:
            yield uid
    yield usual_uid(name)
    span = LAST - FIRST + 1
    for _ in range(_TRIES):
        yield int.from_bytes(os.urandom(4), "little") % span + FIRST


def _lock(directory: str, uid: int, name: str) -> tuple[int, bool]:
    """A descriptor of the locked file of a uid (-1 if another user has the uid), and whether other units share it."""
    while True:
        shared = False
        lock = os.open(f"{directory}/{uid}", _CREATE, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if os.pread(lock, 256, 0) != _content(name):
                    os.close(lock)
                    return -1, False
                # Another unit has the same user, or is about to: then it will let us share the lock.
                fcntl.flock(lock, fcntl.LOCK_SH)
                shared = True
            else:
                os.pwrite(lock, _content(name), 0)
                os.ftruncate(lock, len(_content(name)))
            if os.fstat(lock).st_nlink:
                return lock, shared
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # removed between the two calls


def _content(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape") + b"\n"


def _link(directory: str, uid: int, name: str) -> None:
    for link, target in ((f"direct:{uid}", name), (f"direct:{name}", str(uid))):
        path = f"{directory}/{link}"
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        os.symlink(target, path)


def _forget(directory: str, uid: int, name: str) -> None:
    for file in (f"direct:{uid}", f"direct:{name}", str(uid)):
        try:
            os.unlink(f"{directory}/{file}")
        except FileNotFoundError:
            continue
