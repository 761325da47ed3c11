"""The program that is on the system bus for the manager: `--bus LINK PATH`, as a process of its own.

Whoever is on a bus can send us what they like, as often as they like. So nothing of it reaches the manager but who owns
the names that it has asked about, and which units the bus wants to be started; both briefly, and not without end. The
process ends with the bus, and with the manager.

Over the link it is told {"op": "watch", "name"}, {"op": "forget", "name"}, {"op": "own"} (be asked to start units) and
{"op": "refuse", "unit", "error", "message"}. It says {"ev": "reached"}, and {"ev": "ready"} when the bus has let it in,
or {"ev": "unreachable", "message"}; then {"ev": "owner", "name", "owner", "pid"}, {"ev": "activate", "unit"},
{"ev": "trouble", "message"}.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from systemctl_replacement import syscalls
from systemctl_replacement.process.link import RETRY_SECONDS, Link
from systemctl_replacement.process.process_title import find_arguments, set_title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

# Of root's privileges the bus connection alone is needed, and that is root's for good once it is made.
_NOBODY = 65534

# What the manager is told: so many messages at once, and so many in a second from then on. Of a name that changes
# hands faster than that it learns who owns it last.
_BURST, _PER_SECOND = 64, 20.0
# More units than this cannot wait to be started, nor more complaints to be heard.
_MOST_WAITING = 256

_CHUNK = 1 << 16


class Pending:
    """What the manager is still to be told, and when it may be."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._owners: dict[str, tuple[str, int]] = {}
        self._others: dict[tuple[str, str, str], None] = {}
        self._allowed = float(_BURST)
        self._at = clock()

    def owner(self, name: str, owner: str, pid: int) -> None:
        """A name has changed hands."""
        self._owners.pop(name, None)
        self._owners[name] = owner, pid

    def activate(self, unit: str) -> bool:
        """A unit is to be started; False if too many are."""
        return self._add(("activate", "unit", unit))

    def trouble(self, message: str) -> None:
        """The bus refuses something."""
        self._add(("trouble", "message", message))

    def _add(self, news: tuple[str, str, str]) -> bool:
        if len(self._others) >= _MOST_WAITING and news not in self._others:
            return False
        self._others[news] = None
        return True

    def take(self) -> Iterator[dict[str, Any]]:
        """What may be told now."""
        now = self._clock()
        self._allowed = min(self._allowed + (now - self._at) * _PER_SECOND, _BURST)
        self._at = now
        while self._allowed >= 1 and (self._owners or self._others):
            self._allowed -= 1
            if self._owners:
                name = next(iter(self._owners))
                owner, pid = self._owners.pop(name)
                yield {"ev": "owner", "name": name, "owner": owner, "pid": pid}
            else:
                event, key, value = next(iter(self._others))
                del self._others[event, key, value]
                yield {"ev": event, key: value}

    def wait(self) -> float | None:
        """Milliseconds until there is something to be told again; None: nothing waits."""
        if not (self._owners or self._others):
            return None
        return max((1 - self._allowed) / _PER_SECOND * 1000, 0) + 1


def main(link_fd: int, path: str) -> NoReturn:
    """Speak to the bus whose socket is at `path`, until it or the manager is gone."""
    link = Link(link_fd)
    _detach()
    try:
        _run(link, path)
    except Exception as error:
        # A defect, too, is the manager's to log: nobody reads what we print.
        link.send({"ev": "trouble", "message": f"{type(error).__name__}: {error}"})
    os._exit(0)


def _detach() -> None:
    """Have nothing of what the manager has: no terminal, no output, no directory that could not be unmounted."""
    find_arguments()
    set_title("bus", "bus")
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in range(3):
        os.dup2(null, number)


def _run(link: Link, path: str) -> None:
    bus = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
    try:
        bus.connect(path)
    except OSError as error:
        link.send({"ev": "unreachable", "message": error.strerror or str(error)})
        return
    link.send({"ev": "reached"})
    _find_library()
    from systemctl_replacement.process.bus.connection import Connection

    pending = Pending()

    def activate(unit: str) -> None:
        if not pending.activate(unit):
            connection.refuse(unit, "org.freedesktop.DBus.Error.LimitsExceeded", "Too many units wait to be started.")

    connection = Connection(pending.owner, activate, pending.trouble, lambda: link.send({"ev": "ready"}))
    _drop_privileges()
    _talk(link, bus, connection, pending)


def _find_library() -> None:
    """Have the library importable. In an image it is beside our package; in a checkout the interpreter's environment
    has it, which we are isolated from."""
    import importlib.util

    if importlib.util.find_spec("jeepney") is None:
        import site

        site.main()


def _drop_privileges() -> None:
    """Be nobody. Where that is not possible (we are not root, or there is no such user) nothing can be gained anew."""
    syscalls.set_no_new_privileges()
    if os.geteuid() == 0:
        _give_up(os.setgroups, [])
        _give_up(os.setresgid, _NOBODY, _NOBODY, _NOBODY)
        _give_up(os.setresuid, _NOBODY, _NOBODY, _NOBODY)
    syscalls.set_capabilities(0, 0, 0)


def _give_up(function: Callable[..., object], *ids: Any) -> None:
    try:
        function(*ids)
    except OSError:
        return  # the ids of this user namespace are too few


def _talk(link: Link, bus: _socket.socket, connection: Any, pending: Pending) -> None:
    orders: dict[str, Callable[[dict[str, Any]], object]] = {
        "watch": lambda order: connection.watch(order["name"]),
        "forget": lambda order: connection.forget(order["name"]),
        "own": lambda order: connection.own(),
        "refuse": lambda order: connection.refuse(order["unit"], order["error"], order["message"]),
    }
    poll = select.poll()
    while True:
        if not link.queued:
            for news in pending.take():
                link.send(news)
        poll.register(bus, select.POLLIN | (select.POLLOUT if connection.unsent else 0))
        poll.register(link.fileno(), select.POLLIN | (select.POLLOUT if link.wants_write else 0))
        for fd, _events in poll.poll(_patience(link, pending)):
            if fd == link.fileno():
                try:
                    link.flush()
                    received = link.receive()
                except EOFError:
                    return  # the manager is gone, or wants us no more
                for order, _fds in received:
                    orders[order["op"]](order)
            elif not _exchange(bus, connection):
                return


def _patience(link: Link, pending: Pending) -> float | None:
    """Milliseconds to wait for the bus or the manager; None: as long as it takes."""
    if link.stalled:
        return RETRY_SECONDS * 1000
    return None if link.queued else pending.wait()


def _exchange(bus: _socket.socket, connection: Any) -> bool:
    """Send and receive what is possible now; False if the bus is gone."""
    try:
        if connection.unsent:
            del connection.unsent[: bus.send(connection.unsent, _socket.MSG_NOSIGNAL)]
    except BlockingIOError:
        pass
    except OSError:
        return False
    try:
        data = bus.recv(_CHUNK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    connection.receive(data)
    return bool(data)
