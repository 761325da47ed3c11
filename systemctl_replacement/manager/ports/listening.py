"""Making what units listen on (systemd.socket(5)): sockets, FIFOs, message queues, files of the kernel."""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import select

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.manager.ports import nodes
from systemctl_replacement.manager.ports.addresses import endpoint, has_ipv6
from systemctl_replacement.units.listen_on import (
    BY_ADDRESS,
    FIFO,
    MESSAGE_QUEUE,
    NETLINK,
    SPECIAL,
    USB_FUNCTION,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.units.listen_on import ListenOn, SocketOptions

    Problems = tuple[tuple[int, str], ...]

_F_SETPIPE_SZ = 1031
_MOST_BACKLOG = 2**31 - 1


class CannotListen(Exception):
    """There is no such descriptor to be had. reason: the kernel's word for it; said, task: what systemd logs, as in
    PortFailed."""

    def __init__(self, reason: str, said: str, task: str = "listen on sockets") -> None:
        super().__init__(said)
        self.reason = reason
        self.said = said
        self.task = task


def listen(on: ListenOn, root: str) -> tuple[int, Problems]:
    """A descriptor of what is to be listened on below a root, and what is not as it should be, by syslog level.
    CannotListen."""
    make, failure = _MAKERS[on.type]
    try:
        return make(on, root)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(reason, f"{failure(on)}: {reason}") from None


def _socket_of(on: ListenOn, root: str) -> tuple[int, Problems]:
    from systemctl_replacement.manager.ports.socket_options import Setter  # a container may have FIFOs only

    where = endpoint(on)
    flags = _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
    socket = _socket.socket(where.family, where.type | flags, where.protocol)
    try:
        setter = Setter(socket, on.options)
        setter.before_binding()
        if on.path:
            nodes.bind(socket, on.path, root, on)
        else:
            socket.bind(where.address)
        if on.accepts:
            socket.listen(min(on.options.backlog, _MOST_BACKLOG))
        if on.path:
            nodes.touch(root + on.path)
        setter.when_bound()
    except BaseException:
        socket.close()
        raise
    return socket.detach(), (*setter.problems, *nodes.link(root, on))


def set_options(fd: int, options: SocketOptions) -> Problems:
    """Set the options of a socket on a connection to it. What could not be set, by syslog level."""
    from systemctl_replacement.manager.ports.socket_options import Setter

    socket = _socket.socket(fileno=os.dup(fd))
    try:
        setter = Setter(socket, options)
        setter.when_bound()
        return tuple(setter.problems)
    finally:
        socket.close()


def _fifo(on: ListenOn, root: str) -> tuple[int, Problems]:
    fd = nodes.open_fifo(root, on)
    problems = []
    if on.options.pipe_size > 0:
        try:
            fcntl.fcntl(fd, _F_SETPIPE_SZ, min(on.options.pipe_size, 2**31 - 1))
        except OSError as error:
            problems.append((LOG_WARNING, f"Setting pipe size failed, ignoring: {error.strerror}"))
    return fd, (*problems, *nodes.link(root, on))


def _special(on: ListenOn, root: str) -> tuple[int, Problems]:
    fd = nodes.open_special(root, on)
    try:
        _check_can_be_waited_for(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd, ()


def _check_can_be_waited_for(fd: int) -> None:
    with select.epoll() as epoll:
        try:
            epoll.register(fd, select.EPOLLIN)
        except OSError as error:
            said = f"Failed to watch listening fds: {error.strerror}"
            raise CannotListen(error.strerror or str(error), said, "watch sockets") from None


def _message_queue(on: ListenOn, _root: str) -> tuple[int, Problems]:
    from systemctl_replacement.manager.ports.message_queues import open_queue  # hardly anybody has one

    return open_queue(on), ()


def _usb_function(_on: ListenOn, _root: str) -> tuple[int, Problems]:
    # Its file system is the host's to mount, with the hardware that goes with it.
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def remove(paths: Iterable[str], queue: str) -> None:
    """Remove what was listened on: paths with their root, and a message queue. What cannot be removed stays."""
    for path in paths:
        try:
            nodes.remove(path)
        except OSError:
            continue  # as with systemd, which tells nobody either
    if queue:
        from systemctl_replacement import syscalls

        try:
            syscalls.unlink_queue(queue)
        except OSError:
            return


def _shown(on: ListenOn) -> str:
    """An address as systemd writes it."""
    from systemctl_replacement.unitfile.properties.derived import shown_address  # for what goes wrong only

    if on.address.isdigit() and on.type in BY_ADDRESS and not has_ipv6():
        return f"0.0.0.0:{on.address}"
    return shown_address(f"Listen{on.type}", on.address)


def _socket_failure(on: ListenOn) -> str:
    return f"Failed to create listening socket ({_shown(on)})"


_MAKERS: dict[str, tuple[Callable[[ListenOn, str], tuple[int, Problems]], Callable[[ListenOn], str]]] = {
    **dict.fromkeys((*BY_ADDRESS, NETLINK), (_socket_of, _socket_failure)),
    FIFO: (_fifo, lambda on: f"Failed to open FIFO {on.address}"),
    SPECIAL: (_special, lambda on: f"Failed to open special file {on.address}"),
    MESSAGE_QUEUE: (_message_queue, lambda on: f"Failed to open message queue {on.address}"),
    USB_FUNCTION: (_usb_function, lambda on: f"Failed to open USB function {on.address}"),
}
