"""What can happen to a service in a World."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Callable

from systemctl_replacement.units import bus_events, events
from tests.unit.units.world import World

Happening = Callable[[World], object]
Ends = tuple[tuple[str, int], ...]
Told = tuple[dict[str, str], ...]

_JOBS: dict[str, Callable[[], events.Event]] = {
    "start": events.Start,
    "stop": events.Stop,
    "reload": events.Reload,
    "reset": events.ResetFailed,
}
WHAT = (
    *_JOBS, "fork", "spawn-fails", "executed", "exit", "orphan", "elapse", "hang", "notify", "answer", "restart",
    "empty", "write", "name",
)  # fmt: skip

ENDS = (("exited", 0), ("exited", 1), ("killed", 15), ("killed", 9), ("dumped", 11), ("exited", 255))
MILESTONES = ({"READY": "1"}, {"RELOADING": "1"}, {"STOPPING": "1"})
TOLD = (
    *MILESTONES, {"STATUS": "x"}, {"ERRNO": "z"}, {"WATCHDOG": "1"},
    {"WATCHDOG": "trigger"}, {"WATCHDOG_USEC": "1000"}, {"EXTEND_TIMEOUT_USEC": "5000000"},
    {"EXTEND_TIMEOUT_USEC": "-"},
)  # fmt: skip


def happen(world: World, what: str, number: int) -> None:
    """One of the events of this kind that can happen now, or none."""
    found = [happening for kind, happening in possible(world) if kind == what]
    if found:
        found[number % len(found)](world)


def possible(world: World, ends: Ends = ENDS, told: Told = TOLD) -> Iterator[tuple[str, Happening]]:
    """Everything that can really happen in this state of the world, with its kind (of `WHAT`); `ends` of processes and
    what may be `told` by them."""
    for what, event in _JOBS.items():
        yield what, partial(_step, event=event())
    yield from _of_processes(world, ends, told)
    yield from _of_time(world)
    if world.config.type == "dbus":
        if world.state.main_pid:
            yield "name", partial(_step, event=bus_events.BusMissing())
            yield "name", partial(_step, event=bus_events.BusLost())
        for owner in ("", ":1.1"):
            yield "name", partial(_step, event=bus_events.BusNameChanged(owner))
    if world.restart_job:
        yield "restart", World.run_restart_job
        yield "restart", _refuse_restart


def _of_processes(world: World, ends: Ends, told: Told) -> Iterator[tuple[str, Happening]]:
    state = world.state
    for token in world.spawns:
        yield "fork", partial(World.fork, token=token)
        yield "spawn-fails", partial(_fail_spawn, token=token)
    for running in (state.main, state.control):
        if running is not None and running.pid:
            yield "executed", partial(_step, event=events.Executed(running.token))
    for pid in sorted(world.pids):
        for code, status in ends:
            yield "exit", partial(World.exit, pid=pid, code=code, status=status)
    if world.pids:
        yield "orphan", _adopt
        for fields in told if world.config.notify_access != "none" else ():
            stamped = {**fields, "MONOTONIC_USEC": str(world.now)} if "RELOADING" in fields else fields
            yield "notify", partial(_step, event=events.Notified(min(world.pids), stamped))
    else:
        yield "empty", partial(_step, event=events.Empty())
    if state.waiting_for == "guess":
        yield "answer", partial(_step, event=events.MainGuessed(max(world.pids, default=0)))
    elif state.waiting_for == "removal":
        yield "answer", partial(_step, event=events.Removed())
        yield "answer", partial(_step, event=events.RemoverDied())
    elif state.waiting_for:
        yield "answer", lambda world: world.step(world.read_pid_file())
    if world.config.pid_file and world.pids:
        yield "write", _write_pid_file


def _of_time(world: World) -> Iterator[tuple[str, Happening]]:
    if world.state.watchdog_deadline is not None:
        yield "hang", _hang
    if world.state.deadline is not None:
        yield "elapse", World.elapse


def _step(world: World, event: events.Event) -> None:
    world.step(event)


def _fail_spawn(world: World, token: int) -> None:
    del world.spawns[token]
    world.step(events.SpawnFailed(token, "no"))


def _adopt(world: World) -> None:
    world.next_pid += 1
    world.pids.add(world.next_pid)


def _write_pid_file(world: World) -> None:
    world.named = max(world.pids)


def _hang(world: World) -> None:
    world.now = max(world.now, world.state.watchdog_deadline or 0)
    world.step(events.WatchdogElapsed())


def _refuse_restart(world: World) -> None:
    world.restart_job = False
    world.step(events.RestartRefused())
