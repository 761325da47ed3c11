"""A collector with sockets of its own, forked as the forkserver forks it, for tests that play the manager."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import time
from pathlib import Path
from typing import Any

from systemctl_replacement import syscalls
from systemctl_replacement.process.link import make_pair

DGRAM, STREAM = socket.SOCK_DGRAM, socket.SOCK_STREAM
KINDS = {"dev-log": DGRAM, "socket": DGRAM, "stdout": STREAM}
TIMEOUT = 30.0


class Sockets:
    """What the manager keeps: the sockets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sockets: dict[str, socket.socket] = {}
        for name, kind in KINDS.items():
            made = socket.socket(socket.AF_UNIX, kind)
            made.setblocking(False)
            if kind == DGRAM:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                made.setsockopt(socket.SOL_SOCKET, 29, 1)
            made.bind(self.path(name))
            os.chmod(self.path(name), 0o666)
            if kind == STREAM:
                made.listen(4096)
            self.sockets[name] = made

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def close(self) -> None:
        for each in self.sockets.values():
            each.close()


class Collector:
    """A collector process, and the manager's side of it."""

    def __init__(self, sockets: Sockets, descriptors: int = 0, streams: int = 0, **settings: Any) -> None:
        self.sockets = sockets
        self.logs = sockets.directory / "log"
        self.news: list[dict[str, Any]] = []
        self.kept: dict[int, tuple[dict[str, Any], int]] = {}  # streams: state and descriptor
        self._number = 0
        self.link, theirs = make_pair()
        self._fork(theirs, descriptors, streams)
        os.close(theirs)
        self.settings = {"boot": "b" * 32, "machine": "c" * 32, **settings}
        self.configure()
        for name, each in sockets.sockets.items():
            self.tell({"op": "socket", "name": name}, [each.fileno()])

    def _fork(self, theirs: int, descriptors: int, streams: int) -> None:
        message = {"directory": str(self.logs), "dynamic": str(self.sockets.directory / "dynamic"), "streams": streams}
        self.pid = os.fork()
        if self.pid == 0:
            syscalls.block_all_signals()  # as the forkserver has done
            syscalls.close_all_except([0, 1, 2, theirs])
            if descriptors:
                syscalls.set_limit("NOFILE", descriptors, descriptors)
            from systemctl_replacement.process.collector.process import main

            main(message, {"link": theirs})

    def configure(self, **settings: Any) -> None:
        self.settings.update(settings)
        self.tell({"op": "settings", **self.settings})

    def tell(self, order: dict[str, Any], fds: list[int] | None = None) -> None:
        self.link.send(order, fds or [])

    def unit(self, name: str, supervisor: int, invocation: str = "", **journal: Any) -> None:
        self.tell(
            {
                "op": "unit",
                "unit": name,
                "supervisor": supervisor,
                "invocation": invocation or "1" * 32,
                "slice": "system.slice",
                "journal": journal,
            }
        )

    def wait(self, event: str) -> dict[str, Any]:
        """The next news of a kind. What comes before it is remembered."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            for index, message in enumerate(self.news):
                if message["ev"] == event:
                    return self.news.pop(index)
            assert select.select([self.link.fileno()], [], [], deadline - time.monotonic())[0], f"no {event}"
            self.link.flush()
            for message, fds in self.link.receive():
                self.news.append(message)
                if message["ev"] == "stream":
                    self.kept[message["number"]] = message["state"], fds[0]
                elif message["ev"] == "closed" and message["number"] in self.kept:
                    os.close(self.kept.pop(message["number"])[1])

    def sync(self) -> None:
        """Wait until everything that has been sent is written."""
        self._number += 1
        self.tell({"op": "sync", "number": self._number})
        while self.wait("synced")["number"] != self._number:
            continue

    def records(self, unit: str = "other") -> list[dict[str, Any]]:
        """What is stored of a unit, after a sync."""
        self.sync()
        try:
            text = (self.logs / "received" / f"{unit}.journal.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def messages(self, unit: str = "other") -> list[str]:
        return [record["MESSAGE"] for record in self.records(unit)]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.reap()

    def reap(self) -> None:
        os.waitpid(self.pid, 0)
        self.pid = 0

    def close(self) -> None:
        self.link.close()
        if self.pid:
            with contextlib.suppress(ChildProcessError):
                self.reap()
        for _, fd in self.kept.values():
            os.close(fd)


class Client:
    """Somebody who logs."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._socket = socket.socket(socket.AF_UNIX, DGRAM)

    def syslog(self, text: bytes) -> None:
        self._socket.sendto(text, self._sockets.path("dev-log"))

    def native(self, text: bytes, *fds: int) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))] if fds else []
        self._socket.sendmsg([text], rights, 0, self._sockets.path("socket"))

    def stream(self, identifier: bytes = b"id", priority: bytes = b"6", unit: bytes = b"") -> socket.socket:
        made = socket.socket(socket.AF_UNIX, STREAM)
        made.connect(self._sockets.path("stdout"))
        made.sendall(b"\n".join([identifier, unit, priority, b"1", b"0", b"0", b"0"]) + b"\n")
        return made

    def close(self) -> None:
        self._socket.close()
