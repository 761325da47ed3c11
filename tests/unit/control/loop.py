"""A loop for tests, and a server in a thread: the real Server class with canned calls."""

from __future__ import annotations

import selectors
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from systemctl_replacement.control.connection import Call
from systemctl_replacement.control.listener import listen
from systemctl_replacement.control.request import ANYBODY, OWNER, Method
from systemctl_replacement.control.server import Server
from systemctl_replacement.loop import OWNERS, STRANGERS

QUESTIONS = {"States", "Show", "Jobs", "WaitInactive"}


def methods(handlers: Mapping[str, Callable[[Call], object]]) -> dict[str, Method]:
    """Rows of the table of methods."""
    return {name: Method(handler, ANYBODY if name in QUESTIONS else OWNER) for name, handler in handlers.items()}


class SelectorsLoop:
    """A minimal loop for the server. Only `stop` may be called from another thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._stopped = threading.Event()
        self._callbacks: dict[int, Callable[[int], object]] = {}
        self.later: list[Callable[[], object]] = []
        self.ranks: dict[int, int] = {}
        self.deferred: dict[int, deque[Callable[[], object]]] = {OWNERS: deque(), STRANGERS: deque()}

    def add(self, fd: int, events: int, callback: Callable[[int], object], rank: int) -> None:
        self.ranks[fd] = rank
        self._callbacks[fd] = callback
        self.modify(fd, events)

    def modify(self, fd: int, events: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)
        if events:
            self._selector.register(fd, events, self._callbacks[fd])

    def remove(self, fd: int) -> None:
        self.modify(fd, 0)
        del self._callbacks[fd]

    def call_at(self, time_: int, callback: Callable[[], object]) -> None:
        self.later.append(callback)

    def defer(self, rank: int, callback: Callable[[], object]) -> None:
        self.deferred[rank].append(callback)

    def turn(self, timeout: float = 0.01) -> None:
        ready = self._selector.select(0 if any(self.deferred.values()) else timeout)
        for rank in (OWNERS, STRANGERS):
            for key, events in ready:
                if self.ranks[key.fd] == rank and key.fileobj in self._selector.get_map():
                    key.data(events)
            if self.deferred[rank]:
                self.deferred[rank].popleft()()

    def run(self) -> None:
        while not self._stopped.is_set():
            self.turn()

    def stop(self) -> None:
        self._stopped.set()


class ServerThread:
    """Serves canned calls on a socket for as long as the `with` block lasts."""

    def __init__(self, path: str, handlers: Mapping[str, Callable[[Call], object]], **options: Any) -> None:
        self.exceptions: list[tuple[str, BaseException]] = []
        options.setdefault("on_exception", lambda method, error: self.exceptions.append((method, error)))
        self.path = path
        self._methods = methods(handlers)
        self.server = Server(listen(path), version="test", **options)
        self.loop = SelectorsLoop()
        self._thread = threading.Thread(target=self.loop.run, daemon=True)

    def __enter__(self) -> ServerThread:
        self.server.attach(self.loop, self._methods)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.stop()
        self._thread.join(10)
        self.server.close()
        self.server.listener.close()
