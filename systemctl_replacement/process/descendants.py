"""The descendants of a process, read from /proc, and signals to all of them.

/proc/PID/task/TID/children lists the children of one thread, so the cost depends on the unit, not on the machine. On
kernels built without that file, one pass over /proc does the same.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.signals import SIGCONT, SIGHUP, SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeVar

    T = TypeVar("T")

_SEARCH_ROUNDS = 10
"""How many times a signal looks for processes forked while it was being sent. SIGKILL goes on until none is left."""


_reserve: list[int] = []
"""At most one spare descriptor."""


def keep_reserve() -> None:
    """Keep a spare descriptor for reading /proc when there is no other left. Otherwise a process that cannot be looked
    at would be taken for one that is gone."""
    if not _reserve:
        try:
            _reserve.append(os.dup(0))  # /dev/null, which takes no other resource
        except OSError:
            return  # none is left already


def with_reserve(look: Callable[[str], T], path: str) -> T:
    """look(path), which takes one descriptor at a time, with the spare one if no other is left. OSError."""
    try:
        return look(path)
    except OSError as error:
        if error.errno != errno.EMFILE or not _reserve:
            raise
    os.close(_reserve.pop())
    try:
        return look(path)
    finally:
        keep_reserve()


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = b""
        while chunk := os.read(fd, 4096):  # the kernel returns less than a page at a time
            text += chunk
        return text
    finally:
        os.close(fd)


def _read_line(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1024)
    finally:
        os.close(fd)


def _stat(pid: int) -> list[bytes]:
    """The fields after the name in /proc/PID/stat. OSError."""
    return with_reserve(_read_line, f"/proc/{pid}/stat").rpartition(b")")[2].split()


def read_stat(pid: int) -> tuple[str, int, int, int] | None:
    """(state, parent, process group, start time in ticks) of a process. None if it is gone or hidden."""
    try:
        fields = _stat(pid)
    except OSError:
        return None
    return fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[19])


def start_time(pid: int) -> int | None:
    """The start time of a process in ticks. None if it is a zombie or gone."""
    stat = read_stat(pid)
    return None if stat is None or stat[0] in "ZX" else stat[3]


def wait_status(pid: int) -> int:
    """The wait status of a zombie that another process has to reap. 0 if it is not known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(1024).rpartition(b")")[2].split()
            return int(fields[49]) if fields[0] in b"ZX" else 0
    except (OSError, IndexError):
        return 0


def switches(pid: int) -> bytes:
    """The context switches of a process, as text from /proc. It changes whenever the process has run."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return file.read().partition(b"voluntary_ctxt_switches:")[2]
    except OSError:
        return b""


def has_terminal(pid: int) -> bool:
    """Whether a process has a controlling terminal."""
    try:
        return _stat(pid)[4] != b"0"
    except OSError:
        return False


def has_environment(pid: int) -> bool:
    """Whether a process has an environment, even an empty one. It has none in the middle of an exec. OSError."""
    return _stat(pid)[48] != b"0"  # env_end


def name(pid: int) -> str:
    """The name of a process (/proc/PID/comm), made printable. "n/a" if it is gone."""
    try:
        text = with_reserve(_read_line, f"/proc/{pid}/comm").decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return "n/a"
    return "".join([character if character.isprintable() else "?" for character in text])


def children(pid: int) -> list[int]:
    """The direct children, including zombies. Empty if the process is gone."""
    try:
        threads = with_reserve(os.listdir, f"/proc/{pid}/task")
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        try:
            found += map(int, with_reserve(_read, f"/proc/{pid}/task/{thread}/children").split())
        except FileNotFoundError:
            if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
                return [child for child, parent in _parents().items() if parent == pid]
        except OSError:  # the thread or the process has ended meanwhile
            continue
    return found


def any_child() -> bool:
    """Whether this process has any children, including zombies."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for name in with_reserve(os.listdir, "/proc"):
        if name.isdigit():
            stat = read_stat(int(name))
            if stat:
                parents[int(name)] = stat[1]
    return parents


def descendants(root: int) -> list[int]:
    """Every process below `root`, including zombies. Parents come before their children."""
    found = children(root)
    for pid in found:  # the list grows during the walk
        found += children(pid)
    return found


def is_below(pid: int, root: int) -> bool:
    """Whether `root` is an ancestor of the process, which may be a zombie."""
    seen = 0
    while pid > 1 and seen < 1024:
        stat = read_stat(pid)
        if stat is None:
            return False
        pid = stat[1]
        if pid == root:
            return True
        seen += 1
    return False


def sent_from_below(pid: int, uid: int, root: int) -> bool:
    """Whether the sender of a message is below `root`. If it is gone already, only its user can tell: root, or the
    user of a child of `root`."""
    if read_stat(pid):
        return is_below(pid, root)
    return uid == 0 or any(_owner(child) == uid for child in children(root))


def _owner(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def send(pid: int, signal: int, cont: bool = False, hup: bool = False) -> bool:
    """Send the signal, then SIGCONT and SIGHUP if asked for. False if the kernel refused; a process that is gone counts
    as signalled."""
    try:
        os.kill(pid, signal)
        if cont and signal not in (SIGKILL, SIGCONT):
            os.kill(pid, SIGCONT)
        if hup and signal not in (SIGKILL, SIGHUP):
            os.kill(pid, SIGHUP)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    return True


def signal_each(
    root: int, signal: int, spare: Collection[int], cont: bool, hup: bool, is_due: Callable[[int], bool] | None = None
) -> list[int]:
    """One signal to every descendant but the spared ones and those that are not due, also to those born meanwhile; the
    pids that were refused."""
    done, denied = set(spare), []
    for _ in range(_SEARCH_ROUNDS):
        new = [pid for pid in descendants(root) if pid not in done]
        if not new:
            break
        for pid in new:
            done.add(pid)
            if (is_due is None or is_due(pid)) and not send(pid, signal, cont, hup):
                denied.append(pid)
    return denied


def kill_round(root: int, spare: Collection[int], denied: set[int]) -> int:
    """One round of the final kill: SIGKILL to the process group and to the pid of every living descendant.

    A group is killed at one stroke, so that members which replace themselves by forking cannot run ahead of us. Returns
    how many were found alive; those the kernel refuses are added to `denied` and not tried again.
    """
    alive: list[tuple[int, int]] = []
    for pid in descendants(root):
        stat = read_stat(pid)
        if stat and stat[0] not in "ZX" and pid not in spare and pid not in denied:
            alive.append((pid, stat[2]))
    sheltered = {os.getpgrp(), 0, 1}
    for pid in spare:
        stat = read_stat(pid)
        if stat:
            sheltered.add(stat[2])
    for group in {group for _, group in alive} - sheltered:
        try:
            os.killpg(group, SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue  # nobody left in it, or nobody we may signal: the pids below tell
    for pid, _ in alive:
        if not send(pid, SIGKILL):
            denied.add(pid)
    return len(alive)
