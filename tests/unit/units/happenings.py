"""What can happen to a service in a World."""

from __future__ import annotations

from systemctl_replacement.units import events
from tests.unit.units.world import World

WHAT = (
    "start", "stop", "reload", "reset", "fork", "spawn-fails", "executed", "exit", "orphan", "elapse", "hang", "notify",
    "answer", "restart", "empty",
)  # fmt: skip


_TOLD = (
    {"READY": "1"}, {"RELOADING": "1"}, {"STOPPING": "1"}, {"STATUS": "x"}, {"ERRNO": "z"}, {"WATCHDOG": "1"},
    {"WATCHDOG": "trigger"}, {"WATCHDOG_USEC": "1000"}, {"EXTEND_TIMEOUT_USEC": "5000000"},
    {"EXTEND_TIMEOUT_USEC": "-"},
)  # fmt: skip


def happen(world: World, what: str, number: int) -> None:
    """One thing that can really happen in this state of the world; what cannot is left out."""
    state = world.state
    if what == "start":
        world.step(events.Start())
    elif what == "stop":
        world.step(events.Stop())
    elif what == "reload":
        world.step(events.Reload())
    elif what == "reset":
        world.step(events.ResetFailed())
    elif what == "fork" and world.spawns:
        world.fork(list(world.spawns)[number % len(world.spawns)])
    elif what == "spawn-fails" and world.spawns:
        token = list(world.spawns)[number % len(world.spawns)]
        del world.spawns[token]
        world.step(events.SpawnFailed(token, "no"))
    elif what == "executed":
        running = state.main or state.control
        if running is not None and running.pid:
            world.step(events.Executed(running.token))
    elif what == "exit" and world.pids:
        code, status = [("exited", 0), ("exited", 1), ("killed", 15), ("killed", 9), ("dumped", 11), ("exited", 255)][
            number % 6
        ]
        world.exit(sorted(world.pids)[number % len(world.pids)], code, status)
    elif what == "orphan" and world.pids:
        world.next_pid += 1
        world.pids.add(world.next_pid)
    elif what == "hang" and state.watchdog_deadline is not None:
        world.now = max(world.now, state.watchdog_deadline)
        world.step(events.WatchdogElapsed())
    elif what == "elapse" and state.deadline is not None:
        world.elapse()
    elif what == "notify" and world.pids:
        fields = _TOLD[number % len(_TOLD)]
        if "RELOADING" in fields:
            fields = {**fields, "MONOTONIC_USEC": str(world.now)}
        world.step(events.Notified(min(world.pids), fields))
    elif what == "answer" and state.waiting_for == "guess":
        world.step(events.MainGuessed(max(world.pids, default=0)))
    elif what == "answer" and state.waiting_for:
        world.step(events.PidFileRead(max(world.pids, default=0), message="none"))
    elif what == "restart" and world.restart_job and number % 2:
        world.run_restart_job()
    elif what == "restart" and world.restart_job:
        world.restart_job = False
        world.step(events.RestartRefused())
    elif what == "empty" and not world.pids:
        world.step(events.Empty())
