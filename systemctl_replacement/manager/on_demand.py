"""What is particular to a manager that nobody has booted: what it counts as up, and the directory that says systemd is
there, which is there while it serves."""

from __future__ import annotations

import fcntl
import os
import select

from systemctl_replacement import paths
from systemctl_replacement.loop import now_stamp
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.registry import PULLS_IN

# What is up already in a container that nobody booted: services there must not start the rest of a system.
_UP = ("sysinit.target", "basic.target", "-.slice", "system.slice")


def count_as_up(manager: Manager) -> None:
    """Not by a job, and not by a step: what they want is not started behind them."""
    for name in _UP:
        unit = manager.registry.get(name)
        if unit.file.load_state == "loaded":
            unit.state = unit.kind.up()
            unit.stamps = dict.fromkeys(("StateChange", "InactiveExit", "ActiveEnter"), now_stamp())


def count_as_down(manager: Manager, goal: str) -> None:
    """For a boot that follows: it is to start them, and the targets below its goal, which may have been started, with
    all they want. Nothing that runs takes notice."""
    names, seen = [*_UP, goal], set()
    while names:
        unit = manager.registry.get(names.pop())
        if not unit.traits.groups or unit.id in seen:
            continue
        seen.add(unit.id)
        unit.state = unit.kind.initial_state()
        unit.stamps = {}
        for kind in PULLS_IN:
            names += unit.related(kind)


# What PID 1 is called where services are another init's. (tini, catatonit and the like have none.)
_OTHER_INITS = frozenset(
    ("init", "systemd", "runit", "runsvdir", "s6-svscan", "openrc-init", "dinit", "finit", "upstart", "supervise")
)


def announce(runtime: str) -> None:
    """Make the directory that says systemd is there; a mark tells who comes after us that it was we who made it.

    The mark comes first: killed in between, nothing stays that nobody would remove.
    """
    if runtime != paths.SYSTEM_RUNTIME or _has_other_init():
        return
    is_new = True
    try:
        os.close(os.open(paths.BOOTED_MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    except FileExistsError:
        is_new = False  # of a manager that was killed: the directory is ours to remove, too
    except OSError:
        return  # /run is not ours to write
    try:
        os.mkdir(paths.BOOTED, 0o755)
    except OSError:
        if is_new:  # the directory is somebody else's
            os.unlink(paths.BOOTED_MARK)


def may_leave(places: paths.Paths, listener: int) -> bool:
    """Take the control socket away, unless somebody is just coming by it, or about to start another manager.

    The start lock is taken and never given back: nobody starts another manager before this one has gone.
    """
    path = places.socket_path()
    aside = f"{path}.leaving"
    try:
        lock = os.open(places.start_lock(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return True  # the directory is ours no longer: nobody comes by it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    try:
        os.rename(path, aside)
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        if not poll.poll(0):
            os.unlink(aside)
            return True
        os.rename(aside, path)
    except OSError:
        return True  # it was gone already
    os.close(lock)
    return False


def stay(runtime: str) -> None:
    """An init has taken over: the directory is its own now."""
    if runtime == paths.SYSTEM_RUNTIME:
        try:
            os.unlink(paths.BOOTED_MARK)
        except OSError:
            return  # it was not made by us


def withdraw(runtime: str) -> None:
    """Remove it, unless somebody has put units into it. (Where a manager was killed, the next client does.)"""
    if runtime != paths.SYSTEM_RUNTIME:
        return
    try:
        os.unlink(paths.BOOTED_MARK)
        os.rmdir(paths.BOOTED)
    except OSError:
        return  # it was not made by us, or is used


def _has_other_init() -> bool:
    try:
        with open("/proc/1/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip() in _OTHER_INITS
    except OSError:
        return True  # nothing is known of it
