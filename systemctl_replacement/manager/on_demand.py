"""What is particular to a manager that nobody has booted: what it counts as up, and the directory that says systemd is
there, which is there while it serves."""

from __future__ import annotations

from systemctl_replacement.manager.loop import now_stamp
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.units.simple import ON, SimpleState

# What is up already in a container that nobody booted: services there must not start the rest of a system.
_UP = ("sysinit.target", "basic.target", "-.slice", "system.slice")


def count_as_up(manager: Manager) -> None:
    """Not by a job, and not by a step: what they want is not started behind them."""
    for name in _UP:
        unit = manager.registry.get(name)
        if unit.file.load_state == "loaded":
            unit.state = SimpleState(ON[unit.type])
            unit.stamps = dict.fromkeys(("StateChange", "InactiveExit", "ActiveEnter"), now_stamp())


def count_as_down(manager: Manager) -> None:
    """For a boot that follows: it is to start them, with all they want. Nothing that runs takes notice."""
    for name in _UP:
        unit = manager.registry.find(name)
        if unit is not None and unit.type == "target":
            unit.state = ManagedUnit(unit.file).state
            unit.stamps = {}
