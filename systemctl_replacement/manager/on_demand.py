"""What is special about a manager on demand: what it counts as up, and the directory that says that systemd
runs, which exists while it serves."""

from __future__ import annotations

import fcntl
import os
import select

from systemctl_replacement import paths
from systemctl_replacement.loop import now_stamp
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.registry import PULLS_IN

# These count as up in a container that was not booted, because services there must not start the rest of a system.
_UP = ("sysinit.target", "basic.target", "-.slice", "system.slice")


def count_as_up(manager: Manager) -> None:
    """Neither by a job nor by a step, so that what they want is not started after them."""
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


# Names of PID 1 if another init runs the services. (tini, catatonit and the like run none.)
_OTHER_INITS = frozenset(
    ("init", "systemd", "runit", "runsvdir", "s6-svscan", "openrc-init", "dinit", "finit", "upstart", "supervise")
)


def announce(runtime: str) -> None:
    """Make the directory that says that systemd runs. A mark tells later programs that we have made it.

    The mark comes first, so that nothing is left for good if we are killed in between.
    """
    if runtime != paths.SYSTEM_RUNTIME or _has_other_init():
        return
    is_new = True
    try:
        os.close(os.open(paths.BOOTED_MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    except FileExistsError:
        is_new = False  # left by a manager that was killed: the directory is ours to remove too
    except OSError:
        return  # we may not write to /run
    try:
        os.mkdir(paths.BOOTED, 0o755)
    except OSError:
        if is_new:  # the directory is somebody else's
            os.unlink(paths.BOOTED_MARK)


def may_leave(places: paths.Paths, listener: int) -> bool:
    """Remove the control socket, unless a client is just connecting, or about to start another manager.

    The start lock is taken and never released, so that nobody starts another manager before this one has gone.
    """
    path = places.socket_path()
    aside = f"{path}.leaving"
    try:
        lock = os.open(places.start_lock(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return True  # the directory is not ours any more, so nobody comes this way
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
    """An init has taken over, and the directory belongs to it now."""
    if runtime == paths.SYSTEM_RUNTIME:
        try:
            os.unlink(paths.BOOTED_MARK)
        except OSError:
            return  # it was not made by us


def withdraw(runtime: str) -> None:
    """Remove it, unless somebody has put units into it. (If a manager was killed, the next client does so.)"""
    if runtime != paths.SYSTEM_RUNTIME:
        return
    try:
        os.unlink(paths.BOOTED_MARK)
        os.rmdir(paths.BOOTED)
    except OSError:
        return  # we have not made it, or it is in use


def _has_other_init() -> bool:
    try:
        with open("/proc/1/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip() in _OTHER_INITS
    except OSError:
        return True  # nothing is known of it
