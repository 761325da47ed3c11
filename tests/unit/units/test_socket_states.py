"""The machine of sockets against docs/states.md: every event is tried in every situation that can be reached."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from itertools import product
from typing import Any

from systemctl_replacement.records import replace
from systemctl_replacement.units import events
from systemctl_replacement.units.socket.config import PHASES
from systemctl_replacement.units.socket.states import SOCKET_ACTIVE_STATE
from tests.test_documentation import table
from tests.unit.units.socket_world import SocketWorld, config, possible

_SITUATIONS = 50  # of one socket; more have found nothing new


def _worlds() -> Iterator[SocketWorld]:
    """Sockets of all kinds: about to be started, up, and up with a process that a command has left."""
    phases = ((), PHASES, *[(phase,) for phase in PHASES])
    for commands, (accept, kill_mode) in product(phases, ((False, "control-group"), (True, "mixed"), (False, "none"))):
        socket = config(
            owner=commands != PHASES,
            phases=commands,
            accept=accept,
            trigger_limit_burst=1,
            max_connections=1,
            timeout_usec=1_000_000,
            kill_mode=kill_mode,
            send_sigkill=commands != PHASES,
        )
        yield SocketWorld(socket)
        yield SocketWorld(socket).started()
        left = SocketWorld(socket).started()
        left.pids.add(1)
        left.state = replace(left.state, populated=True)
        yield left


def transitions() -> set[tuple[str, str]]:
    """(from, to) for each possible change of sub-state."""
    found: set[tuple[str, str]] = set()
    for world in _worlds():
        found |= _explore(world)
    return {(old, new) for old, new in found if old != new}


def _explore(first: SocketWorld) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    known = {_situation(first)}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        for number in range(sum(1 for _ in possible(world))):
            after = _copy(world)
            list(possible(after))[number][1]()
            found.update(zip(after.seen, after.seen[1:]))
            situation = _situation(after)
            if situation not in known and len(known) < _SITUATIONS:
                known.add(situation)
                waiting.append(after)
    return found


def _copy(world: SocketWorld) -> SocketWorld:
    after = copy.copy(world)
    after.ports, after.waited_for, after.taken = set(world.ports), set(world.waited_for), set(world.taken)
    after.unanswered, after.given, after.refusals = list(world.unanswered), dict(world.given), []
    after.spawns, after.pids, after.asked, after.seen = dict(world.spawns), set(world.pids), [], [world.state.sub]
    return after


def _situation(world: SocketWorld) -> tuple[Any, ...]:
    """What makes a difference to what can happen next."""
    state, control = world.state, world.state.control
    return (
        state.sub,
        state.result == "success",
        () if control is None else (control.phase, bool(control.pid)),
        bool(world.pids),
        tuple(spawn.phase for spawn in world.spawns.values()),
        state.deadline is None,
        tuple(map(type, world.unanswered)),
        world.service.sub,
        world.service.job,
        world.untold,
        len(world.given),
        world.stop_pending,
    )


def test_every_way_is_in_the_table_and_found_in_the_code() -> None:
    documented = {
        (old, new) for old, followers in table("states.md", "All transitions of a socket") for new in followers.split()
    }
    assert documented == transitions()


def test_every_state_is_described() -> None:
    assert [(row[0], row[1]) for row in table("states.md", "Sub-states of a socket")] == list(
        SOCKET_ACTIVE_STATE.items()
    )


def test_no_event_is_met_unprepared() -> None:
    """An event that is meant for others is left alone."""
    world = SocketWorld(config())
    assert world.step(events.Reload()) == ()
