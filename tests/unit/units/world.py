"""A world for the service machine: it carries out the actions in memory and knows what may happen next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.units import events
from systemctl_replacement.units.service import step as service
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.state import ServiceState


def command(path: str = "/bin/x", ignore_failure: bool = False) -> ExecCommand:
    return ExecCommand(path, (path,), ignore_failure, False, "")


def config(**settings: Any) -> ServiceConfig:
    """A service with one ExecStart= unless `commands` says otherwise."""
    settings.setdefault("commands", {"ExecStart": (command(),)})
    return ServiceConfig(**settings)


@dataclass
class World:
    """State, clock, living processes and pending spawns of one service."""

    config: ServiceConfig
    state: ServiceState = field(default_factory=ServiceState)
    now: int = 1_000_000
    pids: set[int] = field(default_factory=set)
    spawns: dict[int, events.Spawn] = field(default_factory=dict)
    asked: list[events.Action] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    next_pid: int = 100
    stop_pending: bool = False
    restart_pending: bool = False
    start_pending: bool = False
    named: int = 0  # the pid in the PID file
    restart_job: bool = False  # what EnqueueRestart asked for, waiting to be run

    def step(self, event: events.Event) -> tuple[events.Action, ...]:
        context = events.Context(
            self.now,
            realtime=self.now,
            random=0.5,
            stop_pending=self.stop_pending,
            restart_pending=self.restart_pending,
            start_pending=self.start_pending,
            pid_file=self.read_pid_file() if self.config.pid_file and isinstance(event, events.Exited) else None,
        )
        self.state, actions = service.step(self.config, self.state, event, context)
        for action in actions:
            if isinstance(action, events.Spawn):
                self.spawns[action.token] = action
            elif isinstance(action, events.Changed):
                self.seen.append(action.sub)
                self.restart_job = False
            elif isinstance(action, events.EnqueueRestart):
                self.restart_job = True
        assert sum(isinstance(action, events.RemoveDirectories) for action in actions) <= 1
        self.asked += actions
        return actions

    def read_pid_file(self) -> events.PidFileRead:
        if self.named and self.named in self.pids:
            return events.PidFileRead(self.named)
        return events.PidFileRead(0, message="nobody")

    def fork(self, token: int | None = None) -> int:
        """Complete a pending spawn. Returns the pid."""
        if token is None:
            token = next(iter(self.spawns))
        del self.spawns[token]
        self.next_pid += 1
        self.pids.add(self.next_pid)
        self.step(events.Forked(token, self.next_pid, (self.now, self.now)))
        return self.next_pid

    def exit(self, pid: int, code: str = "exited", status: int = 0) -> None:
        self.pids.discard(pid)
        last = not self.pids
        self.step(events.Exited(pid, code, status, (self.now, self.now), last=last))

    def elapse(self) -> None:
        """Let the deadline of the state pass."""
        assert self.state.deadline is not None
        self.now = max(self.now, self.state.deadline)
        self.step(events.Elapsed())

    def start(self) -> None:
        """Run a start job up to the main process."""
        self.step(events.Start())
        self.run_spawns()

    def run_spawns(self) -> None:
        while self.spawns:
            self.fork()

    def run_restart_job(self) -> None:
        self.step(events.Stop())
        self.step(events.Start())

    def settle(self) -> None:
        """Stop the service, and let every process end when it is signalled."""
        for _ in range(100):
            if self.state.sub in ("dead", "failed") and not self.pids:
                return
            if self.state.sub not in ("dead", "failed"):
                self.step(events.Stop())
            if self.state.waiting_for == "removal":
                self.step(events.Removed())
            elif self.spawns:
                self.run_spawns()
            elif self.pids:
                self.exit(min(self.pids), "killed", SIGKILL)
            elif self.state.deadline is not None:
                self.elapse()
        raise AssertionError(f"does not settle: {self.state}")


def started(**settings: object) -> tuple[World, int]:
    """A service that was started, and its main process."""
    world = World(config(**settings))
    world.start()
    return world, world.state.main_pid
