"""The sockets through which programs log, where systemd has them: journald's own and syslog(3)'s.

They are the manager's, so that they outlive the process that reads them: meanwhile the kernel queues. Whoever has one
of them already keeps it: the host, whose sockets are mounted into the container, or another journald. Nothing but our
own is replaced, and what nobody answers at any more.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import stat

from systemctl_replacement import tree_walk
from systemctl_replacement.manager.logs import dev_log
from systemctl_replacement.syscalls import set_socket_option
from systemctl_replacement.tree_walk import Umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DIRECTORY = "journal"  # in the runtime directory
DEV_LOG, NATIVE, STDOUT = "dev-log", "socket", "stdout"
NAMES = (DEV_LOG, NATIVE, STDOUT)

_MODE = 0o666
_BUFFER = 8 * 1024 * 1024
_BACKLOG = 4096
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE, _SO_TIMESTAMP = 32, 33, 29

# How many datagrams wait for a reader before their senders do. The kernel's default is 10; systemd sets 512.
_QUEUE = "/proc/sys/net/unix/max_dgram_qlen"
_QUEUE_LENGTH = 512


class JournalSockets:
    """The sockets below a runtime directory, and the link to one of them at `link` ("": none is made)."""

    def __init__(self, runtime: str, link: str) -> None:
        self.held: dict[str, _socket.socket] = {}
        self.problems: dict[str, str] = {}  # by name, or the link: why there is none of ours
        self._directory = f"{runtime}/{DIRECTORY}"
        self._link = link
        self._identities: dict[str, tuple[int, int]] = {}

    def path(self, name: str) -> str:
        return f"{self._directory}/{name}"

    def make(self) -> list[str]:
        """Make those that are missing, or that are dead, and the link. The names of those that are new; what cannot be
        had is in `problems`."""
        self.problems.clear()
        made = [name for name in NAMES if not self._is_there(name) and self._try(name, self._make, name)]
        if self._link and DEV_LOG in self.held:
            self._try(self._link, dev_log.settle, self._link, self.path(DEV_LOG))
        return made

    def _try(self, what: str, make: Callable[..., object], *arguments: str) -> bool:
        try:
            return bool(make(*arguments))
        except OSError as error:
            self.problems[what] = error.strerror or str(error)
            return False

    def _is_there(self, name: str) -> bool:
        return name in self.held and _identity(self.path(name)) == self._identities.get(name)

    def _make(self, name: str) -> bool:
        """Make one anew, unless somebody has it. OSError."""
        path = self.path(name)
        if dev_log.is_answered(path):
            return False
        above, last = tree_walk.open_parent(path, make=True)
        try:
            if os.fstat(above).st_uid not in (0, os.geteuid()):
                raise PermissionError(errno.EPERM, "others than root have made its directory")
            try:
                os.unlink(last, dir_fd=above)
            except FileNotFoundError:
                pass
            socket = _new(name)
            try:
                with Umask(_MODE):
                    socket.bind(path)
                if not stat.S_ISSOCK(os.stat(last, dir_fd=above, follow_symlinks=False).st_mode):
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
                if name == STDOUT:
                    socket.listen(_BACKLOG)
            except BaseException:
                socket.close()
                raise
        finally:
            os.close(above)
        self._hold(name, socket)
        return True

    def _hold(self, name: str, socket: _socket.socket) -> None:
        before = self.held.pop(name, None)
        if before is not None:
            before.close()
        self.held[name] = socket
        identity = _identity(self.path(name))
        if identity is not None:
            self._identities[name] = identity

    def is_waiting(self) -> bool:
        """Whether something is there to be read."""
        poll = select.poll()
        for socket in self.held.values():
            poll.register(socket.fileno(), select.POLLIN)
        try:
            return bool(poll.poll(0))
        except OSError:
            return True  # poll(2) asks about no more than RLIMIT_NOFILE: there may be something

    def remove(self) -> None:
        """Remove what is ours, and close it."""
        if self._link and DEV_LOG in self.held:
            dev_log.remove(self._link, self.path(DEV_LOG))
        for name, socket in self.held.items():
            if self._is_there(name):
                try:
                    os.unlink(self.path(name))
                except OSError:
                    pass  # a read-only file system, say: the next one finds it dead
            socket.close()
        self.held.clear()

    # --- over a re-execution ---

    def saved(self) -> list[dict[str, Any]]:
        """As plain data; "fd" is the descriptor."""
        return [
            {"name": name, "fd": socket.fileno(), "identity": list(self._identities.get(name, (0, 0)))}
            for name, socket in self.held.items()
        ]

    def adopt(self, saved: dict[str, Any]) -> None:
        """Take over one that a manager before us has made. OSError, or another exception if it is none."""
        socket = _socket.socket(fileno=saved["fd"])
        name, identity = str(saved["name"]), saved["identity"]
        self.held[name] = socket
        self._identities[name] = (int(identity[0]), int(identity[1]))


def lengthen_queues() -> None:
    """Let sockets that are made from now on queue as many datagrams as under systemd, if we may. For PID 1."""
    try:
        fd = os.open(_QUEUE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return  # a container's /proc/sys is read-only as a rule, and the kernel's default holds
    try:
        if int(os.read(fd, 32) or b"0") < _QUEUE_LENGTH:
            os.pwrite(fd, b"%d\n" % _QUEUE_LENGTH, 0)
    except (OSError, ValueError):
        pass
    finally:
        os.close(fd)


def _new(name: str) -> _socket.socket:
    """A socket with the options that systemd's units give it. OSError."""
    kind = _socket.SOCK_STREAM if name == STDOUT else _socket.SOCK_DGRAM
    socket = _socket.socket(_socket.AF_UNIX, kind | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK, 0)
    try:
        socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        if name != STDOUT:
            socket.setsockopt(_socket.SOL_SOCKET, _SO_TIMESTAMP, 1)
        _enlarge(socket, _SO_RCVBUFFORCE, _socket.SO_RCVBUF)
        if name == DEV_LOG:
            _enlarge(socket, _SO_SNDBUFFORCE, _socket.SO_SNDBUF)
    except BaseException:
        socket.close()
        raise
    return socket


def _enlarge(socket: _socket.socket, by_force: int, option: int) -> None:
    try:
        set_socket_option(socket.fileno(), _socket.SOL_SOCKET, by_force, _BUFFER)
    except OSError:
        socket.setsockopt(_socket.SOL_SOCKET, option, _BUFFER)  # as much as everybody may have


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
