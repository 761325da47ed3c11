"""A world for the socket machine: it carries out the actions in memory and knows what may happen next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable

from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.units import events
from systemctl_replacement.units.listen_on import ListenOn, TakeOwnership
from systemctl_replacement.units.socket import step as machine
from systemctl_replacement.units.socket.config import TAKE_OWNERSHIP, SocketConfig
from systemctl_replacement.units.socket.state import SocketState
from systemctl_replacement.units.socket.states import DOWN
from tests.unit.units.world import command

A, B = "Stream /run/a", "Stream /run/b"
SERVICE = "a.service"
PEER = events.Peer("10-0", "PID 10/UID 0")
ENDS = (("exited", 0), ("exited", 1), ("killed", 9), ("dumped", 11))


def config(*names: str, owner: bool = False, phases: tuple[str, ...] = (), **settings: Any) -> SocketConfig:
    """A socket that listens at A unless `names` says otherwise, with a command in each of `phases`."""
    addresses = tuple((name, ListenOn("Stream", name.split()[1])) for name in names or (A,))
    commands: dict[str, Any] = {phase: (command(f"/{phase}"),) for phase in phases}
    if owner:
        commands[TAKE_OWNERSHIP] = (TakeOwnership("u", "", ("/run/a",)),)
    settings.setdefault("service", "" if settings.get("accept") else SERVICE)
    return SocketConfig(addresses=addresses, prefix="a", commands=commands, **settings)


def other(sub: str = "dead", job: str = "", limit_hit: bool = False, load_state: str = "loaded") -> events.Other:
    active = {"dead": "inactive", "failed": "failed", "running": "active"}.get(sub, "activating")
    return events.Other(load_state, active, sub, "success", job, {}, limit_hit)


@dataclass
class SocketWorld:
    """State, clock, ports, processes and the service of one socket."""

    config: SocketConfig
    state: SocketState = field(default_factory=SocketState)
    now: int = 1_000_000
    service: events.Other = field(default_factory=other)
    untold: bool = False  # what has become of the service is still to be told
    stop_pending: bool = False
    restart_pending: bool = False
    ports: set[str] = field(default_factory=set)  # that listen
    waited_for: set[str] = field(default_factory=set)
    unanswered: list[events.Action] = field(default_factory=list)  # Listen and Accept
    taken: set[str] = field(default_factory=set)  # connections that are ours
    given: dict[str, str] = field(default_factory=dict)  # connection -> the instance that has it
    refusals: list[events.TriggerRefused] = field(default_factory=list)  # on their way
    spawns: dict[int, events.Spawn] = field(default_factory=dict)
    pids: set[int] = field(default_factory=set)
    next_pid: int = 100
    asked: list[events.Action] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def step(self, event: events.Event) -> tuple[events.Action, ...]:
        context = events.Context(
            self.now,
            stop_pending=self.stop_pending,
            restart_pending=self.restart_pending,
            triggered={SERVICE: self.service} if self.config.service else {},
        )
        self.state, actions = machine.step(self.config, self.state, event, context)
        for action in actions:
            self._carry_out(action)
        self.asked += actions
        return actions

    def _carry_out(self, action: events.Action) -> None:
        if isinstance(action, events.Spawn):
            self.spawns[action.token] = action
        elif isinstance(action, events.Changed):
            self.seen.append(action.sub)
        elif isinstance(action, (events.Listen, events.Accept)):
            self.unanswered.append(action)
        elif isinstance(action, events.WatchPort):
            assert action.port in self.ports, "nobody is there to be watched"
            self.waited_for.add(action.port)
        elif isinstance(action, events.ClosePort):
            self.ports.discard(action.port)
            self.waited_for.discard(action.port)
            self.taken.discard(action.port)
            self.unanswered = [one for one in self.unanswered if not _is_about(one, action.port)]
        elif isinstance(action, events.Trigger) and action.connection:
            self.taken.remove(action.connection)
            self.given[action.connection] = action.unit
        elif isinstance(action, events.Trigger):
            self.service = other("dead", "start")

    # --- what can be made to happen ---

    def answer(self, failure: str = "") -> None:
        """Answer what was asked for first."""
        action = self.unanswered.pop(0)
        assert isinstance(action, (events.Listen, events.Accept))
        if failure:
            self.step(events.PortFailed(action.port, failure, ""))
        elif isinstance(action, events.Listen):
            self.ports.add(action.port)
            self.step(events.Listening(action.port))
        else:
            self.taken.add(action.connection)
            self.step(events.Accepted(action.port, action.connection, PEER))

    def connect(self, port: str = A) -> None:
        self.waited_for.remove(port)
        self.step(events.PortReady(port))

    def becomes(self, service: events.Other) -> None:
        self.service = service
        self.untold = True

    def tell(self) -> None:
        self.untold = False
        self.step(events.TriggeredChanged(SERVICE))

    def give_back(self, connection: str) -> None:
        """The instance that has a connection goes down."""
        self.step(events.ConnectionClosed(self.given.pop(connection), connection))

    def refuse(self, connection: str = "") -> None:
        """There was no job for what has been triggered."""
        if connection:
            unit = self.given.pop(connection)
            self.step(events.TriggerRefused(unit, "Invalid argument"))
            self.step(events.ConnectionClosed(unit, connection))
        else:
            self.service = other()
            self.step(events.TriggerRefused(SERVICE, "Unit a.service not found."))

    def fork(self, token: int | None = None) -> int:
        token = next(iter(self.spawns)) if token is None else token
        del self.spawns[token]
        self.next_pid += 1
        self.pids.add(self.next_pid)
        self.step(events.Forked(token, self.next_pid, (self.now, self.now)))
        return self.next_pid

    def exit(self, pid: int, code: str = "exited", status: int = 0) -> None:
        self.pids.discard(pid)
        self.step(events.Exited(pid, code, status, (self.now, self.now), last=not self.pids))

    def elapse(self) -> None:
        assert self.state.deadline is not None
        self.now = max(self.now, self.state.deadline)
        self.step(events.Elapsed())

    def run(self) -> None:
        """Let everything go well that is under way."""
        while self.unanswered or self.spawns or self.pids:
            if self.unanswered:
                self.answer()
            elif self.spawns:
                self.fork()
            else:
                self.exit(min(self.pids))

    def started(self) -> SocketWorld:
        self.step(events.Start())
        self.run()
        return self

    def settle(self) -> None:
        """Stop the socket, and let every process end when it is signalled."""
        for _ in range(100):
            if self.state.sub in DOWN and not self.pids:
                return
            if self.state.sub not in DOWN:
                self.step(events.Stop())
            if self.unanswered:
                self.answer()
            elif self.spawns:
                self.fork()
            elif self.pids:
                self.exit(min(self.pids), "killed", SIGKILL)
            elif self.state.deadline is not None:
                self.elapse()
        raise AssertionError(f"does not settle: {self.state}")


def _is_about(action: events.Action, port: str) -> bool:
    """Whether a port that is closed is what an action would have made, or what it would have been made of."""
    if isinstance(action, events.Accept):
        return port in (action.port, action.connection)
    return isinstance(action, events.Listen) and action.port == port


WHAT = (
    "start", "limit", "stop", "reset", "answer", "fail", "connect", "fork", "spawn-fails", "exit", "orphan", "elapse",
    "service", "tell", "close", "refuse", "reload", "pending",
)  # fmt: skip

_SERVICES = (
    other(), other("failed"), other("running"), other("running", "restart"), other("dead", "start"),
    other("auto-restart"), other("final-sigterm"), other("failed", limit_hit=True),
)  # fmt: skip


def happen(world: SocketWorld, what: str, number: int) -> None:
    """One of the events of this kind that can happen now, or none."""
    found = [happening for kind, happening in possible(world) if kind == what]
    if found:
        found[number % len(found)]()


def possible(world: SocketWorld) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that can really happen in this state of the world, with its kind (of `WHAT`)."""
    if world.state.sub not in ("listening", "running") and world.service.sub in ("dead", "failed", "auto-restart"):
        yield "start", partial(world.step, events.Start())
    if world.state.sub in DOWN:
        yield "limit", partial(world.step, events.StartLimitHit())
    yield "stop", partial(world.step, events.Stop())
    yield "reset", partial(world.step, events.ResetFailed())
    if world.unanswered:
        yield "answer", world.answer
        yield "fail", partial(world.answer, "No such file or directory")
    for port in sorted(world.waited_for):
        yield "connect", partial(world.connect, port)
    for token in world.spawns:
        yield "fork", partial(world.fork, token)
        yield "spawn-fails", partial(_fail_spawn, world, token)
    for pid in sorted(world.pids):
        for code, status in ENDS:
            yield "exit", partial(world.exit, pid, code, status)
    if world.pids:
        yield "orphan", partial(_adopt, world)
    if world.state.deadline is not None:
        yield "elapse", world.elapse
    if world.config.service:
        for service in _SERVICES:
            yield "service", partial(world.becomes, service)
        if world.service.job:
            yield "refuse", world.refuse
    if world.untold:
        yield "tell", world.tell
    for connection in sorted(world.given):
        yield "close", partial(world.give_back, connection)
        yield "refuse", partial(world.refuse, connection)
    yield "reload", partial(world.step, events.Reloaded())
    yield "pending", partial(_toggle, world)


def _fail_spawn(world: SocketWorld, token: int) -> None:
    del world.spawns[token]
    world.step(events.SpawnFailed(token, "no"))


def _adopt(world: SocketWorld) -> None:
    world.next_pid += 1
    world.pids.add(world.next_pid)


def _toggle(world: SocketWorld) -> None:
    world.stop_pending = not world.stop_pending
