"""The ports of a unit: sockets, clocks and watched paths that its machine has asked for, by names of its own.

They belong to the manager, not to the kind of the unit. Each is one descriptor, so that nothing is lost while the
manager executes itself, or is taken over: the kernel goes on queueing connections, counting time and noting changes.
They last until the machine closes them, at most as long as the unit is up.
"""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.loop import READ
from systemctl_replacement.manager.ports import clocks, flushing, listening, paths
from systemctl_replacement.manager.ports.peers import peer_of
from systemctl_replacement.records import dataclass, fields, replace
from systemctl_replacement.units.events import (
    REALTIME,
    Accept,
    Accepted,
    ClockElapsed,
    ClockStepped,
    ClosePort,
    FlushPort,
    Listen,
    Listening,
    PathChanged,
    PortFailed,
    PortReady,
    SetClock,
    WatchPath,
    WatchPort,
)
from systemctl_replacement.units.listen_on import MESSAGE_QUEUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from systemctl_replacement.loop import Loop
    from systemctl_replacement.units.events import Event

# What becomes of a connection that nobody wants any more.
_DISCONNECTED = (errno.ENOTCONN, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)

SOCKET, CLOCK, PATH = "socket", "clock", "path"


@dataclass(frozen=True)
class Port:
    """One port as plain data. kind: SOCKET, CLOCK or PATH; waits: the machine is to be told when it is ready.

    giver: the unit that has handed it over, "" for none.

    Of what is listened on, listens is true, and removed and queue are what is removed with it: paths, and the name of a
    message queue.

    Of a path, path and what are those of WatchPath, and holds is what was told last (None: nothing yet). on_path and
    existed are those of its PathWatch; they are kept up to date there.
    """

    name: str
    kind: str
    fd: int
    waits: bool = False
    path: str = ""
    what: str = ""
    holds: bool | None = None
    on_path: int = -1
    existed: bool = False
    giver: str = ""
    listens: bool = False
    removed: tuple[str, ...] = ()
    queue: str = ""


class Ports:
    """The ports of one unit. `root` is what all paths are below; `tell` gives an event to its machine, and `given_back`
    is told the giver of a port that is closed, and the port's name."""

    def __init__(
        self, loop: Loop, root: str, tell: Callable[[Event], object], given_back: Callable[[str, str], object]
    ) -> None:
        self._loop = loop
        self._root = root
        self._tell = tell
        self._given_back = given_back
        self._ports: dict[str, Port] = {}
        self._watches: dict[str, paths.PathWatch] = {}
        self._actions: dict[type[Any], Callable[[Any], None]] = {
            Listen: self._listen,
            Accept: self._accept,
            WatchPort: self._watch_port,
            FlushPort: self._flush_port,
            SetClock: self._set_clock,
            WatchPath: self._watch_path,
            ClosePort: self._close_port,
        }

    def carry_out(self, action: Any) -> None:
        """Do what the machine asks for. What cannot be done is told, in the machine's next turn."""
        try:
            self._actions[type(action)](action)
        except listening.CannotListen as cannot:
            self._tell_soon(PortFailed(action.port, cannot.reason, cannot.said))
        except OSError as error:
            self._tell_soon(PortFailed(action.port, error.strerror or str(error)))

    def _tell_soon(self, event: Event) -> None:
        self._loop.call_soon(lambda: self._tell(event))

    def listening(self) -> list[int]:
        """The descriptors that are listened on, in the order in which they were asked for."""
        return [port.fd for port in self._ports.values() if port.listens]

    def handed_over(self) -> int:
        """The descriptor that another unit has handed over, -1 if none has."""
        return next((port.fd for port in self._ports.values() if port.giver), -1)

    def saved(self) -> list[dict[str, Any]]:
        """All ports as plain data; "fd" is the descriptor."""
        ports = [self._with_watch(port) for port in self._ports.values()]
        return [{field.name: getattr(port, field.name) for field in fields(port)} for port in ports]

    def _with_watch(self, port: Port) -> Port:
        watch = self._watches.get(port.name)
        return port if watch is None else replace(port, on_path=watch.on_path, existed=watch.existed)

    def restore(self, saved: Iterable[dict[str, Any]]) -> None:
        """Hold the ports that were held before a re-execution, all or none. What is not known of them any more is left
        out. OSError."""
        known = {field.name for field in fields(Port)}
        try:
            for one in saved:
                self._restore(Port(**{name: value for name, value in one.items() if name in known}))
        except BaseException:
            for name in list(self._ports):
                self._let_go(name)
            raise

    def _restore(self, port: Port) -> None:
        os.fstat(port.fd)
        self._hold(port)
        if port.kind == PATH:
            self._go_on_watching(port)

    def close(self) -> None:
        """Close all ports: the unit is down."""
        for name in list(self._ports):
            self._close(name)

    # --- handing over ---

    def hand_over(self, name: str, to: Ports, giver: str) -> None:
        """Give a port to another unit; giver: the unit that has had it. KeyError: there is none of this name; OSError:
        it is closed."""
        port = self._ports.pop(name)
        self._watches.pop(name, None)
        self._loop.remove(port.fd)
        to._hold(replace(port, waits=False, giver=giver))

    # --- holding ---

    def _hold(self, port: Port) -> None:
        self._close(port.name)
        if port.waits:
            try:
                self._loop.add(port.fd, READ, lambda _events: self._ready(port.name))
            except OSError:
                os.close(port.fd)
                raise
        self._ports[port.name] = port

    def _close(self, name: str) -> None:
        port = self._let_go(name)
        if port is not None and (port.removed or port.queue):
            listening.remove([self._root + path for path in port.removed], port.queue)

    def _let_go(self, name: str) -> Port | None:
        port = self._ports.pop(name, None)
        self._watches.pop(name, None)
        if port is not None:
            self._loop.remove(port.fd)
            os.close(port.fd)
            if port.giver:
                self._given_back(port.giver, name)
        return port

    def _ready(self, name: str) -> None:
        port = self._ports[name]
        if port.kind == PATH:
            self._look(port)
            return
        # Told once: what the machine does not take care of must not wake us again and again.
        self._loop.remove(port.fd)
        self._ports[name] = replace(port, waits=False)
        if port.kind == SOCKET:
            self._tell(PortReady(name))
        else:
            self._tell(ClockStepped(name) if clocks.was_stepped(port.fd) else ClockElapsed(name))

    def _close_port(self, action: ClosePort) -> None:
        self._close(action.port)

    # --- sockets ---

    def _listen(self, action: Listen) -> None:
        on = action.on
        problems: tuple[tuple[int, str], ...] = ()
        if action.port not in self._ports:
            fd, problems = listening.listen(on, self._root)
            removed = (on.path, *on.symlinks) if on.remove and on.path else ()
            queue = on.address if on.remove and on.type == MESSAGE_QUEUE else ""
            self._hold(Port(action.port, SOCKET, fd, listens=True, removed=removed, queue=queue))
        self._tell_soon(Listening(action.port, problems))

    def _watch_port(self, action: WatchPort) -> None:
        port = self._ports[action.port]
        if not port.waits:
            self._loop.add(port.fd, READ, lambda _events: self._ready(port.name))
            self._ports[port.name] = replace(port, waits=True)

    def _accept(self, action: Accept) -> None:
        if action.connection in self._ports:  # asked for again
            self._tell_accepted(action)
            return
        listening = _socket.socket(fileno=os.dup(self._ports[action.port].fd))
        try:
            os.set_blocking(listening.fileno(), False)  # whoever else has it may have changed that
            descriptor = listening._accept()[0]  # type: ignore[attr-defined]
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR):
                raise
            self._watch_port(WatchPort(action.port))  # whoever wanted to connect has given it up
            return
        finally:
            listening.close()
        os.set_blocking(descriptor, False)
        self._hold(Port(action.connection, SOCKET, descriptor))
        self._tell_accepted(action)

    def _tell_accepted(self, action: Accept) -> None:
        connection = _socket.socket(fileno=os.dup(self._ports[action.connection].fd))
        try:
            peer = peer_of(connection)
        except OSError as error:
            if error.errno not in _DISCONNECTED:
                raise
            self._close(action.connection)
            self._watch_port(WatchPort(action.port))
            return
        finally:
            connection.close()
        self._tell_soon(Accepted(action.port, action.connection, peer))

    def _flush_port(self, action: FlushPort) -> None:
        port = self._ports.get(action.port)
        if port is not None:
            flushing.flush(port.fd)

    # --- clocks ---

    def _set_clock(self, action: SetClock) -> None:
        self._hold(Port(action.port, CLOCK, clocks.timer(action.clock == REALTIME, action.at), waits=True))

    # --- paths ---

    def _watch_path(self, action: WatchPath) -> None:
        port = Port(action.port, PATH, syscalls.inotify(), True, action.path, action.what)
        self._hold(port)
        try:
            self._go_on_watching(port).begin()
        except OSError:
            self._close(port.name)
            raise

    def _go_on_watching(self, port: Port) -> paths.PathWatch:
        """Look for the path from what is known of it, which may be nothing yet."""
        watch = paths.PathWatch(port.fd, self._root + port.path, port.what, port.on_path, port.existed)
        self._watches[port.name] = watch
        # It may be so already.
        self._loop.call_soon(lambda: self._look_first(port))
        return watch

    def _look_first(self, port: Port) -> None:
        if self._ports.get(port.name) is port:
            self._look(port)

    def _look(self, port: Port) -> None:
        holds = self._watches[port.name].look()
        if holds is None or (holds == port.holds and port.what in paths.CONDITIONS):
            return
        self._ports[port.name] = replace(port, holds=holds)
        self._tell(PathChanged(port.name, holds))
