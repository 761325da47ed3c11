"""The socket machine under random events: no illegal state, no lost timeout, nobody who connects is forgotten."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.socket.config import PHASES
from systemctl_replacement.units.socket.states import (
    DOWN,
    OPEN,
    SERVICE_GONE,
    SOCKET_ACTIVE_STATE,
    STARTING,
    STOPPING,
)
from tests.unit.units.socket_world import WHAT, A, B, SocketWorld, config, happen


@st.composite
def configs(draw: Any) -> Any:
    accept = draw(st.booleans())
    return config(
        *draw(st.sampled_from([(A,), (A, B)])),
        owner=draw(st.booleans()),
        phases=tuple(phase for phase in PHASES if draw(st.booleans())),
        accept=accept,
        flush_pending=draw(st.booleans()),
        max_connections=draw(st.sampled_from([1, 3])),
        trigger_limit_burst=draw(st.sampled_from([0, 2, 20])),
        timeout_usec=draw(st.sampled_from([1_000_000, INFINITY])),
        kill_mode=draw(st.sampled_from(["control-group", "mixed", "process", "none"])),
        send_sigkill=draw(st.booleans()),
    )


def _check(world: SocketWorld) -> None:
    state, socket = world.state, world.config
    assert state.sub in SOCKET_ACTIVE_STATE
    assert (state.result == "success") == (state.sub != "failed") or state.sub in STOPPING
    if state.sub not in (*STARTING, *STOPPING):
        assert state.deadline is None
    elif socket.timeout_usec != INFINITY and not (state.sub == "start-post" and world.unanswered):
        assert state.deadline is not None, f"nothing would ever end {state.sub}"
    if state.control is not None:
        assert state.control.pid in world.pids or state.control.token in world.spawns
    if state.sub in DOWN:
        assert state.control is None
    _check_ports(world)
    assert {one.port: one.unit for one in state.connections} == world.given
    assert len(state.connections) <= socket.max_connections or not socket.accept


def _check_ports(world: SocketWorld) -> None:
    state = world.state
    assert world.ports == set(state.open), "a port is open that the machine does not know of, or the reverse"
    if state.sub not in OPEN:
        assert not world.ports and not world.taken and not world.unanswered
    accepts = {one.port for one in world.unanswered if isinstance(one, events.Accept)}
    if state.sub == "listening":
        assert world.ports == world.waited_for | accepts, "nobody would hear of who connects"
    assert not world.taken
    if state.sub == "running":
        assert not world.config.accept
        gone = world.service.sub in SERVICE_GONE and not world.service.job
        assert world.untold or not gone, "nothing would ever make it listen again"


@settings(max_examples=300, deadline=None)
@given(configs(), st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 30)), max_size=40))
def test_random_lives(configuration: Any, story: list[tuple[str, int]]) -> None:
    world = SocketWorld(configuration)
    world.step(events.Start())
    _check(world)
    for what, number in story:
        happen(world, what, number)
        _check(world)
    world.settle()
    assert world.state.sub in DOWN
    for connection in list(world.given):
        world.give_back(connection)
    _check(world)
