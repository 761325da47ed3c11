"""Every way from one sub-state to another that random lives of services find, always the same ones."""

from __future__ import annotations

import random
from typing import Any

from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units import events
from systemctl_replacement.units.service_config import PHASES
from tests.unit.units.happenings import WHAT, happen
from tests.unit.units.world import World, command, config

_LIVES = 12000
_LENGTH = 30


def _random_config(choose: random.Random) -> Any:
    kind = choose.choice(["simple", "exec", "forking", "oneshot", "notify", "notify-reload", "idle", "dbus"])
    commands = {}
    for phase in PHASES:
        count = choose.randint(0, 2)
        if phase == "ExecStart":
            count = choose.randint(0 if kind == "oneshot" else 1, 2 if kind == "oneshot" else 1)
        if count:
            commands[phase] = tuple(command(f"/{phase}{i}") for i in range(count))
    return config(
        type=kind,
        commands=commands,
        remain_after_exit=choose.random() < 0.5,
        pid_file=choose.choice(["", "/run/x.pid"]),
        restart=choose.choice(["no", "always"]),
        kill_mode=choose.choice(["control-group", "mixed", "process", "none"]),
        send_sigkill=choose.random() < 0.7,
        start_failure_mode=choose.choice(["terminate", "abort", "kill"]),
        stop_failure_mode=choose.choice(["terminate", "abort", "kill"]),
        notify_access="main" if kind.startswith("notify") else "none",
        watchdog_usec=choose.choice([0, 50_000_000]),
        runtime_max_usec=choose.choice([INFINITY, 1_000_000]),
    )


def transitions() -> set[tuple[str, str]]:
    """(from, to) for each change of sub-state that was seen."""
    choose = random.Random(1)
    found: set[tuple[str, str]] = set()
    for _ in range(_LIVES):
        world = World(_random_config(choose))
        world.seen.append("dead")
        world.step(events.Start())
        for _ in range(_LENGTH):
            happen(world, choose.choice(WHAT), choose.randint(0, 30))
        found.update(zip(world.seen, world.seen[1:]))
    return {(old, new) for old, new in found if old != new}
