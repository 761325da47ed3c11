"""A small manager for tests: it asks a real forkserver for real supervisors and collects what they report."""

from __future__ import annotations

import os
import select
import socket
import time
from pathlib import Path
from typing import Any, Callable

from systemctl_replacement import syscalls
from systemctl_replacement.journal.names import parse_name
from systemctl_replacement.process import exec_spec
from systemctl_replacement.supervision.client import ForkServer, Link, make_pair

Event = dict[str, Any]
TIMEOUT = 20.0
_PARTS: dict[str, type[Any]] = {
    "launch": exec_spec.Launch,
    "environment": exec_spec.Environment,
    "streams": exec_spec.Streams,
    "identity": exec_spec.Identity,
    "scheduling": exec_spec.Scheduling,
    "sandbox": exec_spec.Sandbox,
}


def make_spec(argv: tuple[str, ...], **settings: Any) -> exec_spec.ExecSpec:
    """The spec of a program: settings are fields of the spec, or of those of its parts that has a field of that name.

    Streams may be given as text: "file:PATH", "fd:0".
    """
    parts: dict[str, dict[str, Any]] = {}
    for name in [name for name in settings if name not in exec_spec.ExecSpec.__annotations__]:
        part = next(part for part, cls in _PARTS.items() if name in cls.__annotations__)
        parts.setdefault(part, {})[name] = settings.pop(name)
    for name, value in parts.get("streams", {}).items():
        if name in ("stdin", "stdout", "stderr"):
            kind, _, argument = value.partition(":")
            stream = (
                exec_spec.Stream(kind, position=int(argument)) if kind == "fd" else exec_spec.Stream(kind, argument)
            )
            parts["streams"][name] = stream
    parts.setdefault("launch", {}).setdefault("path", argv[0])
    made = {part: _PARTS[part](**fields) for part, fields in parts.items()}
    return exec_spec.ExecSpec(argv=argv, **made, **settings)


class Unit:
    """One unit's supervisor as the manager sees it."""

    def __init__(self, tree: Tree, name: str, directory: Path, **options: Any) -> None:
        self.tree = tree
        self.name = name
        self.events: list[Event] = []
        self.fds: dict[int, list[int]] = {}  # index of an event -> its descriptors
        self.link: Link
        self.gone = False
        self.pid = 0
        self.journal = directory / f"{name}.journal.jsonl"
        self.notify_path = str(directory / f"{name}.notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notify.bind(self.notify_path)
        self.log_read, self.log_write = os.pipe()
        self.options = options
        self.token = 0
        self.users: dict[str, tuple[socket.socket, socket.socket]] = {}
        self.make_supervisor()

    def make_supervisor(self, console_fd: int = -1) -> None:
        """Ask for a supervisor (again) on the same pipe and socket."""
        self.link, theirs = make_pair()
        self.gone = False
        self.tree.forkserver.request_supervisor(
            self.name,
            theirs,
            self.log_read,
            self.notify.fileno(),
            console_fd,
            {"path": str(self.journal), "fields": {"_SYSTEMD_INVOCATION_ID": "0" * 32}},
            **self.options,
        )
        os.close(theirs)
        self.pid = self.wait("ready")["pid"]

    def send(self, op: str, *fds: int, **message: Any) -> None:
        self.link.send({"op": op, **message}, fds)

    def spawn(self, *argv: str, fds: tuple[int, ...] = (), **settings: Any) -> int:
        """Start a program, with the settings of :func:`make_spec`. Returns its token."""
        self.token += 1
        spec = make_spec(argv, **settings)
        for name in spec.launch.kept_users:
            self.users[name] = pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            told = {"names": [name], "directory": spec.identity.dynamic_users, "remove_ipc": False}
            self.send("users", *[end.fileno() for end in pair], **told)
        self.send("spawn", *fds, token=self.token, **exec_spec.encode(spec))
        return self.token

    def shell(self, script: str, **settings: Any) -> int:
        """Start a shell. Returns its pid once it has been executed."""
        token = self.spawn("/bin/sh", "-c", script, **settings)
        pid = int(self.wait("forked", token=token)["pid"])
        self.wait("executed", token=token)
        return pid

    def pump(self) -> None:
        if self.gone:
            return
        self.link.flush()
        try:
            for message, fds in self.link.receive():
                if fds:
                    self.fds[len(self.events)] = fds
                self.events.append(message)
        except EOFError:
            self.gone = True

    def find(self, ev: str, **fields: Any) -> Event | None:
        for event in self.events:
            if event["ev"] == ev and all(event.get(key) == value for key, value in fields.items()):
                return event
        return None

    def wait(self, ev: str, **fields: Any) -> Event:
        """The first event of the kind with these fields, among those seen or still to come."""
        self.tree.until(lambda: self.find(ev, **fields) is not None, f"{ev} {fields}: {self.events}")
        found = self.find(ev, **fields)
        assert found
        return found

    def forget(self) -> None:
        """Forget the events seen so far."""
        self.events.clear()

    def lines(self) -> list[dict[str, Any]]:
        import json

        files = []  # (whether it is not full yet, number of the first record, path)
        for path in self.journal.parent.iterdir():
            said = parse_name(path.name)
            if said is not None and said[0] == self.journal.name:
                files.append((said[1] < 0, said[1], path))
        return [json.loads(line) for _, _, path in sorted(files) for line in path.read_text().splitlines()]

    def messages(self) -> list[str]:
        return [str(line["MESSAGE"]) for line in self.lines()]


class Tree:
    """A forkserver and its units. This process is the subreaper above them, like the manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.units: list[Unit] = []
        syscalls.set_child_subreaper()
        self.forkserver = ForkServer.fork_now()
        self.answers: list[Event] = []

    def unit(self, name: str = "test.service", **options: Any) -> Unit:
        unit = Unit.__new__(Unit)
        self.units.append(unit)
        Unit.__init__(unit, self, name, self.directory, **options)
        return unit

    def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Handle events until the condition holds."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            for unit in self.units:
                if hasattr(unit, "link"):
                    unit.pump()
            if condition():
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain: {what}")
            poll = select.poll()
            for unit in self.units:
                if hasattr(unit, "link") and not unit.gone:
                    poll.register(unit.link.fileno(), select.POLLIN | (select.POLLOUT if unit.link.wants_write else 0))
            poll.poll(10)

    def close(self) -> None:
        """Kill what is left of every unit, and release the supervisors and the forkserver."""
        for unit in self.units:
            if not unit.gone:
                unit.send("signal-all", signal=9)
                unit.send("release")
        for unit in self.units:
            self.until(lambda unit=unit: unit.gone, f"end of {unit.name}")  # type: ignore[misc]
            unit.link.close()
            unit.notify.close()
            os.close(unit.log_read)
            os.close(unit.log_write)
        self.forkserver.link.close()
        os.waitpid(self.forkserver.pid, 0)
