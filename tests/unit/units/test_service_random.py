"""The service machine under random events: no illegal state, no lost timeout, and a stop always works."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.phases import PHASES
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.service.states import FINAL, KILLING, RELOADS, SERVICE_ACTIVE_STATE, WATCHED
from tests.unit.units.happenings import WHAT, happen
from tests.unit.units.world import World, command, config

_TIMED = {"condition", "start-pre", "start-post", *RELOADS, "stop", "stop-post", "auto-restart", *KILLING, *FINAL}


@st.composite
def configs(draw: Any) -> Any:
    kind = draw(st.sampled_from(["simple", "exec", "forking", "oneshot", "notify", "notify-reload", "idle", "dbus"]))
    commands = {}
    for phase in PHASES:
        count = draw(st.integers(0, 2))
        if phase == "ExecStart":
            count = draw(st.integers(1, 2)) if kind == "oneshot" else 1
        if count:
            commands[phase] = tuple(command(f"/{phase}{i}", draw(st.booleans())) for i in range(count))
    return config(
        type=kind,
        commands=commands,
        remain_after_exit=draw(st.booleans()),
        pid_file=draw(st.sampled_from(["", "/run/x.pid"])),
        restart=draw(st.sampled_from(["no", "always", "on-failure", "on-success", "on-abnormal", "on-abort"])),
        restart_mode=draw(st.sampled_from(["normal", "direct"])),
        kill_mode=draw(st.sampled_from(["control-group", "mixed", "process", "none"])),
        send_sigkill=draw(st.booleans()),
        start_failure_mode=draw(st.sampled_from(["terminate", "abort", "kill"])),
        stop_failure_mode=draw(st.sampled_from(["terminate", "abort", "kill"])),
        notify_access="main" if kind.startswith("notify") else "none",
        watchdog_usec=draw(st.sampled_from([0, 50_000_000])),
        exit_type=draw(st.sampled_from(["main", "cgroup"])),
        runtime_max_usec=draw(st.sampled_from([INFINITY, 1_000_000])),
        preserve_directories=draw(st.sampled_from(["yes", "restart", "no"])),
    )


def _check(world: World) -> None:
    state = world.state
    assert state.sub in SERVICE_ACTIVE_STATE
    if state.sub in ("dead", "failed", "exited") and state.waiting_for != "removal":
        assert state.deadline is None
    assert (state.watchdog_deadline is None) or state.sub in WATCHED
    if state.sub in ("dead", "failed", "auto-restart"):
        assert state.main is None
        assert state.control is None
        assert not state.main_pid
    if state.sub in _TIMED and not world.restart_job:
        assert state.deadline is not None, f"nothing would ever end {state.sub}"
    assert (state.result == "success") <= (state.sub != "failed")
    for running, pid in ((state.main, state.main_pid), (state.control, state.control and state.control.pid)):
        if running is not None:
            assert pid in world.pids or running.token in world.spawns


@settings(max_examples=300, deadline=None)
@given(configs(), st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 30)), max_size=40))
def test_random_lives(configuration: Any, story: list[tuple[str, int]]) -> None:
    world = World(configuration)
    world.step(events.Start())
    _check(world)
    for what, number in story:
        happen(world, what, number)
        _check(world)
    world.settle()
    assert world.state.sub in ("dead", "failed")
