"""All transitions between sub-states: every event is tried in every situation that can be reached.

A situation is a world without what makes no difference to transitions (which pids, what time, how often), and without
what makes one only at the end: whether the result is a success yet, and whether a restart is forbidden. Other ways lead
to the same end with the other answer.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from systemctl_replacement.phases import PHASES
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.commands.state import Running
from systemctl_replacement.units.service.config import ServiceConfig
from tests.unit.units.happenings import ENDS, MILESTONES, possible
from tests.unit.units.world import World, command, config

# More of either, and more kinds of exits, have found nothing new.
_SERVICES = {"yes": 400, "no": 40, "restart": 20}  # by RuntimeDirectoryPreserve=
_SITUATIONS = 75  # of one service; rarer ones come up with other services


def _random_config(choose: random.Random, preserve: str) -> ServiceConfig:
    kind = choose.choice(["simple", "exec", "forking", "oneshot", "notify", "notify-reload", "idle", "dbus"])
    commands = {}
    for phase in PHASES:
        count = choose.choice([0, 0, 1])
        if phase == "ExecStart":
            count = choose.randint(0 if kind == "oneshot" else 1, 2 if kind == "oneshot" else 1)
        if count:
            commands[phase] = tuple(command(f"/{phase}{i}") for i in range(count))
    return config(
        type=kind,
        commands=commands,
        remain_after_exit=choose.random() < 0.5,
        exit_type=choose.choice(["main", "main", "cgroup"]),
        pid_file=choose.choice(["", "/run/x.pid"]),
        restart=choose.choice(["no", "always"]),
        restart_mode=choose.choice(["normal", "direct"]),
        kill_mode=choose.choice(["control-group", "mixed", "process", "none"]),
        send_sigkill=choose.random() < 0.7,
        start_failure_mode=choose.choice(["terminate", "abort", "kill"]),
        stop_failure_mode=choose.choice(["terminate", "abort", "kill"]),
        notify_access="main" if kind.startswith("notify") else choose.choice(["none", "all"]),
        watchdog_usec=choose.choice([0, 50_000_000]),
        runtime_max_usec=choose.choice([INFINITY, 1_000_000]),
        preserve_directories=preserve,
    )


def transitions() -> set[tuple[str, str]]:
    """(from, to) for each possible change of sub-state."""
    choose = random.Random(1)
    found: set[tuple[str, str]] = set()
    for preserve, services in _SERVICES.items():
        for _ in range(services):
            found |= _explore(World(_random_config(choose, preserve)))
    return {(old, new) for old, new in found if old != new}


def _explore(first: World) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    known = {_situation(first)}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        for _, happening in possible(world, ENDS[:2], MILESTONES):
            after = _copy(world)
            happening(after)
            found.update(zip(after.seen, after.seen[1:]))
            situation = _situation(after)
            if situation not in known and len(known) < _SITUATIONS:
                known.add(situation)
                waiting.append(after)
    return found


def _copy(world: World) -> World:
    """A world that goes its own way from here on. Most of the time goes into this: no field is set twice."""
    copy = object.__new__(World)
    fields = {"pids": set(world.pids), "spawns": dict(world.spawns), "asked": [], "seen": [world.state.sub]}
    vars(copy).update(vars(world), **fields)
    return copy


def _situation(world: World) -> tuple[Any, ...]:
    state = world.state
    roles = {pid for pid in (state.main_pid, state.control.pid if state.control else 0) if pid}
    return (
        state.sub,
        _command(state.main),
        _command(state.control),
        state.main_pid in world.pids,
        state.main_known,
        bool(world.pids - roles),
        world.named in world.pids - roles,
        tuple(spawn.phase for spawn in world.spawns.values()),
        state.deadline is None,
        state.watchdog_deadline is None,
        state.waiting_for,
        state.notify_state,
        state.bus_owner,
        state.name_taken,
        state.without_bus,
        state.bus_lost,
        world.restart_job,
    )


def _command(running: Running | None) -> tuple[Any, ...]:
    return () if running is None else (running.phase, running.index, bool(running.pid))
