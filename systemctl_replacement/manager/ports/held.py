"""The ports of a unit: sockets, clocks and watched paths that its machine has asked for, by names of its own.

They belong to the manager, not to the kind of the unit. Each socket is a descriptor, so that nothing is lost while the
manager executes itself, or is taken over: the kernel goes on queueing connections. All watched paths share one
(inotify.py), which notes changes meanwhile, and all clocks (clocks.py), which tells afterwards that they have been set.
They last until the machine closes them, at most as long as the unit is up.

What one kind of port takes is imported when somebody asks for one: many a container has timers alone.
"""

from __future__ import annotations

import _socket
import errno
import os

from systemctl_replacement.loop import READ
from systemctl_replacement.records import dataclass, fields, replace
from systemctl_replacement.units.dates import ZoneChanged
from systemctl_replacement.units.events import (
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
    from systemctl_replacement.manager.ports.clocks import Clocks, Wait
    from systemctl_replacement.manager.ports.inotify import Inotify
    from systemctl_replacement.manager.ports.paths import PathWatch
    from systemctl_replacement.units.events import Event

# What becomes of a connection that nobody wants any more.
_DISCONNECTED = (errno.ENOTCONN, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)
# accept(2) reports what has happened to a connection already; the socket itself is as it was ("Error handling").
_OF_CONNECTION = (
    *_DISCONNECTED, errno.ENETDOWN, errno.EPROTO, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.ENONET,
    errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ENETUNREACH, errno.ETIMEDOUT,
)  # fmt: skip

SOCKET, CLOCK, PATH = "socket", "clock", "path"


@dataclass(frozen=True)
class Port:
    """One port with a descriptor, as plain data. waits: the machine is told when it is ready.

    giver: the unit that has handed it over, "" for none.

    Of what is listened on, listens is true, and removed and queue are what is removed with it: paths, and the name of a
    message queue.
    """

    name: str
    fd: int
    waits: bool = False
    giver: str = ""
    listens: bool = False
    removed: tuple[str, ...] = ()
    queue: str = ""


# What becomes of a clock, as Clocks says it (clocks.py, which a system without any does not import).
_OF_CLOCK: dict[str, Callable[[str], Event]] = {
    "elapsed": ClockElapsed,
    "stepped": ClockStepped,
    "zone": ZoneChanged,
}


class Ports:
    """The ports of one unit. `root` is what all paths are below; `tell` gives an event to its machine, and `given_back`
    is told the giver of a port that is closed, and the port's name. What units share are the descriptor of watched
    paths, which `inotify` answers, and what `clocks` does."""

    def __init__(
        self,
        loop: Loop,
        inotify: Callable[[], Inotify],
        clocks: Callable[[], Clocks],
        root: str,
        tell: Callable[[Event], object],
        given_back: Callable[[str, str], object],
    ) -> None:
        self._loop = loop
        self._inotify = inotify
        self._root = root
        self._clocks = clocks
        self._tell = tell
        self._given_back = given_back
        self._rests = False
        self._ports: dict[str, Port] = {}
        self._waits: dict[str, tuple[SetClock, Wait]] = {}  # the clocks
        self._watches: dict[str, PathWatch] = {}
        self._actions: dict[type[Any], Callable[[Any], Event | None]] = {
            Listen: self._listen,
            Accept: self._accept,
            WatchPort: self._watch_port,
            FlushPort: self._flush_port,
            SetClock: self._set_clock,
            WatchPath: self._watch_path,
            ClosePort: self._close_port,
        }

    def carry_out(self, action: Any) -> Event | None:
        """Do what the machine asks for; the answer, if there is one at once."""
        try:
            return self._actions[type(action)](action)
        except OSError as error:
            return PortFailed(action.port, error.strerror or str(error))
        except Exception:  # a defect of ours: the machine must not wait for ever
            failed = PortFailed(action.port, "Internal error")
            self._loop.call_soon(lambda: self._tell(failed))
            raise

    def listening(self) -> list[int]:
        """The descriptors that are listened on, in the order in which they were asked for."""
        return [port.fd for port in self._ports.values() if port.listens]

    def handed_over(self) -> int:
        """The descriptor that another unit has handed over, -1 if none has."""
        return next((port.fd for port in self._ports.values() if port.giver), -1)

    def saved(self) -> list[dict[str, Any]]:
        """All ports as plain data; "fd" is the descriptor."""
        saved: list[dict[str, Any]] = [
            {"kind": SOCKET, **{field.name: getattr(port, field.name) for field in fields(port)}}
            for port in self._ports.values()
        ]
        saved += [{"name": name, "kind": PATH, **watch.saved()} for name, watch in self._watches.items()]
        for action, _ in self._waits.values():
            clock = {field.name: getattr(action, field.name) for field in fields(action)}
            saved.append({**clock, "name": action.port, "kind": CLOCK, "fd": -1})
        return saved

    def restore(self, saved: Iterable[dict[str, Any]]) -> None:
        """Hold the ports that were held before a re-execution, all or none. What is not known of them any more is left
        out. OSError."""
        known = {field.name for field in fields(Port)}
        try:
            for one in saved:
                if one["kind"] == PATH:
                    self._path(one["name"], one["path"], one["what"]).restore(one)
                elif one["kind"] == CLOCK:
                    self._set_clock(SetClock(one["port"], one["clock"], one["at"], one["accuracy"]))
                else:
                    self._restore(Port(**{name: value for name, value in one.items() if name in known}))
        except BaseException:
            for name in [*self._ports, *self._watches]:
                self._let_go(name)
            self.close()  # the clocks
            raise

    def _restore(self, port: Port) -> None:
        os.fstat(port.fd)
        self._hold(port)

    def close(self) -> None:
        """Close all ports."""
        self.close_own()
        self.give_back()

    def close_own(self) -> None:
        """Close all ports that the unit's machine has asked for: the unit is down."""
        own = [port.name for port in self._ports.values() if not port.giver]
        for name in [*own, *self._watches, *self._waits]:
            self._close(name)

    # --- resting ---

    def rest(self) -> None:
        """Take nothing more from sockets until `go_on`: the kernel keeps what comes in. They count as waiting."""
        self._rests = True

    def go_on(self) -> None:
        """Tell of what has come in to sockets meanwhile, and comes in from now on."""
        self._rests = False
        for port in self._ports.values():
            if port.waits:
                self._loop.remove(port.fd)
                self._loop.guard(self._wait_for, port)

    # --- handing over ---

    def give_back(self) -> None:
        """Close what another unit has handed over."""
        for name in [port.name for port in self._ports.values() if port.giver]:
            self._close(name)

    def hand_over(self, name: str, to: Ports, giver: str) -> None:
        """Give a port to another unit; giver: the unit that has had it. KeyError: there is none of this name."""
        port = self._ports.pop(name)
        self._loop.remove(port.fd)
        to._hold(replace(port, waits=False, giver=giver))

    # --- holding ---

    def _hold(self, port: Port) -> None:
        self._close(port.name)
        if port.waits:
            try:
                self._wait_for(port)
            except OSError:
                os.close(port.fd)
                raise
        self._ports[port.name] = port

    def _wait_for(self, port: Port) -> None:
        self._loop.add(port.fd, READ, lambda _events: self._ready(port.name))

    def _close(self, name: str) -> None:
        clock = self._waits.pop(name, None)
        if clock is not None:
            self._clocks().give_up(clock[1])
        port = self._let_go(name)
        if port is not None and (port.removed or port.queue):
            from systemctl_replacement.manager.ports import listening

            listening.remove([self._root + path for path in port.removed], port.queue)

    def _let_go(self, name: str) -> Port | None:
        watch = self._watches.pop(name, None)
        if watch is not None:
            watch.close()
        port = self._ports.pop(name, None)
        if port is not None:
            self._loop.remove(port.fd)
            os.close(port.fd)
            if port.giver:
                self._given_back(port.giver, name)
        return port

    def _ready(self, name: str) -> None:
        port = self._ports[name]
        # Told once: what the machine does not take care of must not wake us again and again.
        self._loop.remove(port.fd)
        if not self._rests:
            self._ports[name] = replace(port, waits=False)
            self._tell(PortReady(name))

    def _close_port(self, action: ClosePort) -> None:
        self._close(action.port)

    # --- sockets ---

    def _listen(self, action: Listen) -> Event:
        from systemctl_replacement.manager.ports import listening

        on = action.on
        problems: tuple[tuple[int, str], ...] = ()
        if action.port not in self._ports:
            try:
                fd, problems = listening.listen(on, self._root)
            except listening.CannotListen as cannot:
                return PortFailed(action.port, cannot.reason, cannot.said, cannot.task)
            removed = (on.path, *on.symlinks) if on.remove and on.path else ()
            queue = on.address if on.remove and on.type == MESSAGE_QUEUE else ""
            self._hold(Port(action.port, fd, listens=True, removed=removed, queue=queue))
        return Listening(action.port, problems)

    def _watch_port(self, action: WatchPort) -> None:
        port = self._ports[action.port]
        if not port.waits:
            self._wait_for(port)
            self._ports[port.name] = replace(port, waits=True)

    def _accept(self, action: Accept) -> Event | None:
        from systemctl_replacement.manager.ports import listening, peers

        problems: tuple[tuple[int, str], ...] = ()
        if action.connection not in self._ports:  # or it is asked for again
            connection = self._take(self._ports[action.port].fd)
            if connection < 0:
                self._watch_port(WatchPort(action.port))
                return None
            self._hold(Port(action.connection, connection))
            if action.options is not None:
                problems = listening.set_options(connection, action.options)
        try:
            peer = peers.peer_of(self._ports[action.connection].fd)
        except OSError as error:
            if error.errno not in _DISCONNECTED:
                raise
            self._close(action.connection)
            self._watch_port(WatchPort(action.port))
            return None
        return Accepted(action.port, action.connection, peer, problems)

    def _take(self, fd: int) -> int:
        """The descriptor of the next connection, -1 if whoever wanted to connect has given it up. OSError."""
        socket = _socket.socket(fileno=os.dup(fd))
        try:
            os.set_blocking(fd, False)  # whoever else has it may have changed that
            descriptor: int = socket._accept()[0]  # type: ignore[attr-defined]
        except OSError as error:
            if error.errno not in (errno.EAGAIN, *_OF_CONNECTION, errno.EINTR):
                raise
            return -1
        finally:
            socket.close()
        os.set_blocking(descriptor, False)
        return descriptor

    def _flush_port(self, action: FlushPort) -> None:
        from systemctl_replacement.manager.ports import flushing

        port = self._ports.get(action.port)
        if port is not None:
            flushing.flush(port.fd)

    # --- clocks ---

    def _set_clock(self, action: SetClock) -> None:
        self._close(action.port)
        wait = self._clocks().wait(action.clock, action.at, action.accuracy, lambda what: self._told(action.port, what))
        self._waits[action.port] = action, wait

    def _told(self, name: str, what: str) -> None:
        del self._waits[name]
        self._tell(_OF_CLOCK[what](name))

    # --- paths ---

    def _watch_path(self, action: WatchPath) -> Event:
        if action.port not in self._watches:
            self._path(action.port, action.path, action.what)
        return self._look_at(action.port)

    def _path(self, name: str, path: str, what: str) -> PathWatch:
        from systemctl_replacement.manager.ports.paths import PathWatch

        watch = PathWatch(self._inotify(), self._root, path, what, lambda: self._look_again(name))
        self._watches[name] = watch
        return watch

    def _look_at(self, name: str) -> Event:
        watch = self._watches[name]
        try:
            found = watch.look_at()
        except OSError as error:
            self._close(name)
            return PortFailed(name, error.strerror or str(error), getattr(error, "said", ""))
        return PathChanged(name, bool(found), found, watch.problem())

    def _look_again(self, name: str) -> None:
        answer = self._look_at(name)
        if not isinstance(answer, PathChanged) or answer.holds or answer.said:
            self._tell(answer)
